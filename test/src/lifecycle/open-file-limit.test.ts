import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LEAST_OPEN_FILES, openFileLimit } from '../../../src/lifecycle/open-file-limit.ts';

const EXAMPLE = fileURLToPath(new URL('./example-service.ts', import.meta.url));

/** A service that was given so many descriptors by whoever started it. */
const startWith = (openFiles: number) =>
  spawnSync('/bin/sh', ['-c', `ulimit -n ${openFiles} && exec "$@"`, 'sh', process.execPath, EXAMPLE, 'config'], {
    encoding: 'utf8',
  });

describe('the limit of open files', () => {
  it.each([
    ['Max open files            1024                 524288               files     ', 1024],
    ['Max processes             5\nMax open files            24                   24                   files', 24],
    ['Max open files            unlimited            unlimited            files', Infinity],
    ['', Infinity],
  ])('is read from %j', (text, limit) => {
    expect(openFileLimit(text)).toBe(limit);
  });

  // Other systems have no such file, and no limit is known there.
  it.skipIf(process.platform !== 'linux')('is found where this system says it', () => {
    expect(openFileLimit(readFileSync('/proc/self/limits', 'utf8'))).toBeGreaterThan(0);
  });

  // Other systems do not say what the limit is.
  it.skipIf(process.platform !== 'linux')('that is far too low keeps a service from starting, by its name', () => {
    const { status, stderr } = startWith(24);
    expect(stderr).toContain('this process may have 24 open files');
    expect(stderr).toContain('LimitNOFILE=');
    expect(status).toBe(78);
  });

  // Other systems do not say what the limit is.
  it.skipIf(process.platform !== 'linux')('that is just enough does not', () => {
    expect(startWith(LEAST_OPEN_FILES).stderr).toContain('--listen is wrong');
  });
});
