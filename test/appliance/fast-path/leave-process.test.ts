import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ChildService, serviceWords } from '../../../deploy/demo/child-service.ts';
import { until } from '../../support/until.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;

describe('a process with threads that sit in epoll_wait', () => {
  const dir = mkdtempSync(join(tmpdir(), 'oca-leave-'));
  let origin: GatedOrigin | undefined;
  let child: ChildService | undefined;

  afterEach(async () => {
    await child?.end('SIGKILL');
    await origin?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('leaves at a second signal by itself, although a body is being sent', async () => {
    origin = await GatedOrigin.start();
    origin.files.set('/film', {
      bytes: patterned(24 * MIB, 1),
      etag: '"v1"',
      headers: { 'cache-control': 'max-age=600' },
    });
    child = await ChildService.start({
      words: serviceWords('appliance', {
        listen: '127.0.0.1:0',
        adminListen: '127.0.0.1:0',
        origin: origin.url,
        volume: join(dir, 'volume'),
        engine: 'fast',
        memoryBytes: '64Mi',
        drainMs: 60_000,
      }),
      logFile: join(dir, 'log'),
    });
    const { listen = '', admin = '' } = child.addresses;
    await ask(`${listen}/film`);
    const wireRequests = async (): Promise<number> =>
      Number(/^appliance_wire_requests_total (\d+)/m.exec(await (await fetch(`${admin}/metrics`)).text())?.[1]);
    await until(async () => {
      await ask(`${listen}/film`);
      return (await wireRequests()) > 0;
    });
    const answer = await openAnswer(`${listen}/film`);
    answer.pause();
    process.kill(child.pid, 'SIGTERM');
    await until(async () => (await fetch(`${admin}/readyz`)).status === 503);
    process.kill(child.pid, 'SIGTERM');
    await until(() => child?.running === false);
    // Null were it ended by SIGALRM, which is for threads that do not hear.
    expect(child.exitCode).toBe(1);
    answer.resume();
    expect(await answer.ended).toBe('cut');
  });
});
