import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';

const CHILD = fileURLToPath(new URL('./logging-child.ts', import.meta.url));
let child: ChildProcess;

const run = (behaviour: string, stderr: 'pipe' | number): ChildProcess => {
  child = spawn(process.execPath, [CHILD, behaviour], { stdio: ['ipc', 'pipe', stderr] });
  return child;
};

/** What the child's last word to us was: how often it went round its loop, how many lines it lost. */
async function said(word: string): Promise<void> {
  let text = '';
  child.stdout?.on('data', (piece: Buffer) => (text += piece.toString()));
  await until(() => text.includes(word));
}

afterEach(() => {
  child.kill('SIGKILL');
});

describe('the log of a process', () => {
  it('has every line in order, the one before an exit too', async () => {
    const logging = run('exit', 'pipe');
    let log = '';
    logging.stderr?.on('data', (piece: Buffer) => (log += piece.toString()));
    expect((await once(logging, 'close'))[0]).toBe(3);
    const numbers = log.trimEnd().split('\n');
    expect(numbers.map((line) => (JSON.parse(line) as { number: number }).number)).toEqual([...Array(1001).keys()]);
  });

  it('has a foreseen failure in its words and a bug with its stack, and no secret', async () => {
    const logging = run('errors', 'pipe');
    let log = '';
    logging.stderr?.on('data', (piece: Buffer) => (log += piece.toString()));
    await once(logging, 'close');
    const [foreseen, bug] = log
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { error: Record<string, unknown> });
    expect(foreseen?.error).toEqual({
      code: 'SOURCE_UNREACHABLE',
      message: expect.stringMatching(/^no connection to the source: .*\(GET http:\/\/o\/x\)$/),
    });
    expect(bug?.error['stack']).toContain('logging-child.ts');
    expect(bug?.error['message']).toContain('ECONNREFUSED');
    expect(log).not.toContain('secret');
  });

  it('may be on a full disk: the service goes on, and ends when it is told to', async () => {
    const logging = run('steady', openSync('/dev/full', 'w'));
    await said('round 20\n');
    logging.kill('SIGTERM');
    expect((await once(logging, 'exit'))[0]).toBe(0);
  });

  it('may lose its reader: the service goes on, and ends when it is told to', async () => {
    const logging = run('steady', 'pipe');
    logging.stderr?.destroy();
    await said('round 20\n');
    logging.kill('SIGTERM');
    expect((await once(logging, 'exit'))[0]).toBe(0);
  });

  it('may have a reader that stands still: memory stays within the limit, and the process can still end', async () => {
    const logging = run('flood', 'pipe');
    logging.stderr?.pause();
    await said('flooded within 64 MB\n');
    logging.kill('SIGTERM');
    await once(logging, 'exit');
  });

  it('says how many lines were lost once they get through again', async () => {
    const logging = run('flood', 'pipe');
    logging.stderr?.pause();
    await said('flooded within 64 MB\n');
    let log = '';
    logging.stderr?.on('data', (piece: Buffer) => (log = (log + piece.toString()).slice(-1000)));
    logging.stderr?.resume();
    await until(() => log.includes('"lostLines":'));
  });
});
