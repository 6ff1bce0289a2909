import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
/** Anybody but root and whoever owns the state. */
const SOMEBODY = 65_534;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oca-foreign-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A planner of that user on the folder, until it ends or is told to. */
function planner(uid: number): Promise<{ code: unknown; stderr: string }> {
  const words = [MAIN, 'fill-planner', '--state', join(folder, 'state'), '--listen', '127.0.0.1:0'];
  return new Promise((ended) => {
    const child = execFile(
      process.execPath,
      [...words, '--admin-listen', '127.0.0.1:0'],
      { uid, gid: uid },
      (error, _, stderr) => ended({ code: error?.code ?? 0, stderr }),
    );
    child.stdout?.on('data', (text: string) => {
      if (text.includes(' ready ')) child.kill('SIGTERM');
    });
  });
}

const isRoot = process.getuid?.() === 0;

// Only root starts a program as somebody else.
test.skipIf(!isRoot)(
  'a planner whose state folder is of another user does not start, and says which and why (needs root)',
  async () => {
    await chmod(folder, 0o755);
    const { code, stderr } = await planner(SOMEBODY);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^fill-planner did not start: .*check the disk, its mount and its owner \(.*\/state: EACCES/m,
    );
  },
);

// Only root starts a program as somebody else.
test.skipIf(!isRoot)(
  'so does one of which root has once made the files, by running it by hand (needs root)',
  async () => {
    await chmod(folder, 0o755);
    expect(await planner(0)).toMatchObject({ code: 0 });
    await chown(join(folder, 'state'), SOMEBODY, SOMEBODY);
    const { code, stderr } = await planner(SOMEBODY);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^fill-planner did not start: .*its owner \(.*\/state\/\S+/m);
    expect(stderr).not.toMatch(/^ +at /m);
  },
);
