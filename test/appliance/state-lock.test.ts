import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StateLock } from '../../appliance/state-lock.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'oca-state-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('keeps the state to one, naming the process that has it, until it is released', () => {
  const [first, second] = [new StateLock(join(dir, 'state')), new StateLock(join(dir, 'state'))];
  first.take();
  const failure = { code: 'STATE_IN_USE', message: expect.stringContaining(`process ${process.pid}`) };
  expect(() => second.take()).toThrow(expect.objectContaining(failure));
  first.release();
  second.take();
  second.release();
});

it('is free again when its process was killed', async () => {
  const program = `
    import { StateLock } from ${JSON.stringify(new URL('../../appliance/state-lock.ts', import.meta.url).href)};
    // Held by what goes on: a lock that nobody can reach any more is collected, and free.
    const lock = new StateLock(${JSON.stringify(dir)});
    lock.take();
    console.log('taken');
    setInterval(() => lock, 1000);`;
  const script = join(dir, 'holder.ts');
  writeFileSync(script, program);
  const holder = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(holder, 'exit');
  const lock = new StateLock(dir);
  try {
    await once(holder.stdout, 'data');
    const failure = { message: expect.stringContaining(`process ${holder.pid}`) };
    expect(() => lock.take()).toThrow(expect.objectContaining(failure));
  } finally {
    holder.kill('SIGKILL');
    await exited;
  }
  lock.take();
  lock.release();
});

it('says so when there is no place for it', () => {
  writeFileSync(join(dir, 'file'), '');
  expect(() => new StateLock(join(dir, 'file', 'state')).take()).toThrow(
    expect.objectContaining({ code: 'VOLUME_IO', message: expect.stringContaining(join(dir, 'file')) }),
  );
});
