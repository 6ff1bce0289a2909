import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';

const EXAMPLE = fileURLToPath(new URL('./example-service.ts', import.meta.url));
let child: ChildProcess | undefined;
let output = '';
let errors = '';

function run(...behaviour: string[]): ChildProcess {
  output = '';
  errors = '';
  const started = spawn(process.execPath, [EXAMPLE, ...behaviour]);
  started.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  started.stderr.on('data', (piece: Buffer) => (errors += piece.toString()));
  child = started;
  return started;
}

const exitOf = async (process: ChildProcess): Promise<number | null> => {
  const [code] = (await once(process, 'close')) as [number | null];
  return code;
};

const isReady = (): boolean => output.includes('ready');

afterEach(() => {
  child?.kill('SIGKILL');
});

describe('a service as a process', () => {
  it('prints one line with its addresses when it is ready', async () => {
    const service = run('well');
    await until(isReady);
    expect(output).toBe(`example ready http=127.0.0.1:1234 admin=[::1]:1 pid=${service.pid}\n`);
    service.kill('SIGTERM');
    expect(await exitOf(service)).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('drains, stops by its deadline and ends well at %s', async (signal) => {
    const service = run('well', '1234');
    await until(isReady);
    service.kill(signal);
    expect(await exitOf(service)).toBe(0);
    expect(output.split('\n').slice(1, 3)).toEqual(['draining', 'stopping within 1234']);
  });

  it('ends at once at the second signal', async () => {
    const service = run('slow-drain');
    await until(isReady);
    service.kill('SIGTERM');
    await until(() => output.includes('draining'));
    service.kill('SIGTERM');
    expect(await exitOf(service)).toBe(1);
  });

  it('ends at once and well at a signal that comes before it is ready', async () => {
    const service = run('slow-start');
    await until(() => output.includes('starting'));
    service.kill('SIGTERM');
    expect(await exitOf(service)).toBe(0);
    expect(errors).toContain('before it was ready');
  });

  it('is given the time that it says its drain may take, on top of the deadline of the stop', async () => {
    const service = run('long-drain', '0');
    await until(isReady);
    service.kill('SIGTERM');
    expect(await exitOf(service)).toBe(0);
    expect(output).toContain('stopping within 0');
  });

  it('does not mind that nobody reads what it prints', async () => {
    const service = spawn(process.execPath, [EXAMPLE, 'unread'], { stdio: ['ipc', 'pipe', 'pipe'] });
    child = service;
    for (const stream of [service.stdout, service.stderr]) stream?.destroy();
    service.send('go');
    expect((await once(service, 'message'))[0]).toBe('still here');
    service.kill('SIGTERM');
    expect((await once(service, 'exit'))[0]).toBe(0);
  });

  it('ends with 1 when stopping fails', async () => {
    const service = run('stop-fails');
    await until(isReady);
    service.kill('SIGTERM');
    expect(await exitOf(service)).toBe(1);
    expect(errors).toContain('store does not close');
  });

  it('ends with 78 for a wrong configuration, in one plain line, and prints no ready line', async () => {
    const service = run('config');
    expect(await exitOf(service)).toBe(78);
    expect(errors).toBe('example did not start: the configuration is wrong (--listen is wrong)\n');
    expect(isReady()).toBe(false);
  });

  it('ends with 1 when it cannot start for another reason', async () => {
    expect(await exitOf(run('disk'))).toBe(1);
    expect(errors).toContain('disk 2');
  });

  it.each(['bug', 'rejection'])('ends with 70 for a %s, and logs where it was', async (behaviour) => {
    const service = run(behaviour);
    expect(await exitOf(service)).toBe(70);
    expect(errors).toContain('example-service.ts');
  });
});
