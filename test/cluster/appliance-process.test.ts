import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { type GatedOrigin, patterned } from '../appliance/support/gated-origin.ts';
import { ask, openAnswer } from '../appliance/support/http-client.ts';
import { until } from '../support/until.ts';
import { ApplianceProcesses } from './support/appliance-processes.ts';

const MIB = 2 ** 20;
const BYTES = patterned(3 * MIB + 5);
const TLS = join(import.meta.dirname, '../support/tls');

describe('oca appliance as a process', () => {
  let processes: ApplianceProcesses;
  let origin: GatedOrigin;

  beforeEach(async () => {
    processes = await ApplianceProcesses.before(BYTES);
    ({ origin } = processes);
  });

  afterEach(() => processes[Symbol.asyncDispose]());

  const at = (service: ChildService, path: string): string => `${service.addresses['listen']}${path}`;
  const isHeldWhole = async (service: ChildService): Promise<boolean> => {
    const known = await ask(`${service.addresses['admin']}/v1/explain?path=/film.mp4`);
    return known.body.toString().includes('"blocks":4,"ofBlocks":4');
  };

  it('serves what it stored after kill -9, without a word to the origin', async () => {
    const first = await processes.start();
    await ask(at(first, '/film.mp4'));
    await until(() => isHeldWhole(first));
    await first.end('SIGKILL');
    origin.isHeld = true;
    const second = await processes.start();
    const answer = await ask(at(second, '/film.mp4'));
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-status']).toContain('hit');
    expect(answer.body.equals(BYTES)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('keeps the blocks of a fill that kill -9 broke off, and asks only for the others', async () => {
    const first = await processes.start();
    origin.isHeld = true;
    const client = openAnswer(at(first, '/film.mp4'));
    const request = await origin.arrival();
    request.head();
    request.send(2 * MIB + 10);
    await (await client).received(2 * MIB + 10);
    await until(async () => {
      const known = await ask(`${first.addresses['admin']}/v1/explain?path=/film.mp4`);
      return known.body.toString().includes('"blocks":2,"ofBlocks":4');
    });
    await first.end('SIGKILL');
    origin.isHeld = false;
    const second = await processes.start();
    expect((await ask(at(second, '/film.mp4'))).body.equals(BYTES)).toBe(true);
    expect(origin.requests.at(-1)?.range).toBe(`bytes=${2 * MIB}-${BYTES.length - 1}`);
  });

  it('finishes what is under way at SIGTERM, serves on while players learn of it, and ends with 0', async () => {
    const service = await processes.start({ drainMs: 20_000, stopDeadlineMs: 20_000 });
    origin.isHeld = true;
    const client = openAnswer(at(service, '/film.mp4'));
    const request = await origin.arrival();
    process.kill(service.pid, 'SIGTERM');
    await until(async () => (await ask(`${service.addresses['admin']}/readyz`)).status === 503);
    origin.isHeld = false;
    origin.files.set('/late.mp4', { bytes: BYTES, etag: '"late"' });
    const late = await ask(at(service, '/late.mp4'), { headers: { connection: 'keep-alive' } });
    expect(late.body.equals(BYTES)).toBe(true);
    expect(late.headers.connection).toBe('close');
    request.release();
    expect(await (await client).ended).toBe('complete');
    expect((await client).body.equals(BYTES)).toBe(true);
    await until(() => !service.running);
    expect(service.exitCode).toBe(0);
  });

  it('speaks HTTPS with a certificate', async () => {
    const service = await processes.start({
      tlsCert: join(TLS, 'test-only-cert.pem'),
      tlsKey: join(TLS, 'test-only-key.pem'),
    });
    expect(at(service, '')).toMatch(/^https:/);
    const answer = await ask(at(service, '/film.mp4'), { insecure: true, headers: { range: 'bytes=-5' } });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(BYTES.subarray(-5))).toBe(true);
  });

  it.each([
    ['no volume', { volume: '' }, '--volume'],
    ['half of a certificate', { tlsCert: '/nowhere.pem' }, '--tls-key'],
    ['a certificate that is not there', { tlsCert: '/nowhere.pem', tlsKey: '/nowhere.pem' }, '/nowhere.pem'],
    ['a limit that contradicts another', { softEgressBitsPerSec: '9G', hardEgressBitsPerSec: '8G' }, 'soft-egress'],
  ])('does not start with %s, exits with 78 and says what to do', (_what, parameters, hint) => {
    const wrong = spawnSync(process.execPath, processes.words(parameters).filter(notEmpty), { encoding: 'utf8' });
    expect(wrong.status).toBe(78);
    expect(wrong.stderr).toContain(hint);
  });

  // Other systems do not say what the limit is.
  it.skipIf(process.platform !== 'linux')(
    'says that it may have too few descriptors, and does not blame the disk',
    () => {
      const limited = ['-c', 'ulimit -n 24 && exec "$@"', 'sh', process.execPath, ...processes.words()];
      const wrong = spawnSync('/bin/sh', limited, { encoding: 'utf8' });
      expect(wrong.status).toBe(78);
      expect(wrong.stderr).toContain('LimitNOFILE=');
      expect(wrong.stderr).not.toContain('disk');
    },
  );

  it('does not start where another one listens, nor on the volume of another one', async () => {
    const first = await processes.start();
    const { host } = new URL(at(first, ''));
    const elsewhere = processes.words({ listen: host, volume: join(processes.folder, 'other') });
    const samePort = spawnSync(process.execPath, elsewhere, { encoding: 'utf8' });
    // Not 78: the supervisor tries again, and finds the port free when who is on it has ended.
    expect(samePort.status).toBe(1);
    expect(samePort.stderr).toContain(`cannot listen on ${host}`);
    const sameVolume = spawnSync(process.execPath, processes.words(), { encoding: 'utf8' });
    expect(sameVolume.status).toBe(1);
    expect(sameVolume.stderr).toContain(join(processes.folder, 'volume'));
  });

  it('names both missing things when it is started with nothing', () => {
    const wrong = spawnSync(process.execPath, serviceWords('appliance', { listen: '127.0.0.1:0' }), {
      encoding: 'utf8',
    });
    expect(wrong.status).toBe(78);
    expect(wrong.stderr).toContain("add '--volume DIR'");
    expect(wrong.stderr).toContain("add '--origin URL'");
  });
});

/** Leaves out a flag that was set to nothing, with its value. */
const notEmpty = (word: string, index: number, all: readonly string[]): boolean =>
  word !== '' && !(word.startsWith('--') && all[index + 1] === '');
