import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ChildService, serviceWords } from '../../../deploy/demo/child-service.ts';
import { until } from '../../support/until.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask } from '../support/http-client.ts';

const PATHS = Array.from({ length: 20 }, (_, index) => `/title/${index}`);
const OLD = patterned(1000, 1);
const NEW = patterned(1000, 2);

it.each([
  ['by prefix', { prefix: '/title/' }],
  ['by tag', { tag: 'sport' }],
  ['by path', { path: '/title/0' }],
])('a purge %s that was answered holds after kill -9 at that moment', { timeout: 60_000 }, async (_, rule) => {
  const folder = mkdtempSync(join(tmpdir(), 'oca-purge-'));
  const origin = await GatedOrigin.start();
  const put = (bytes: Buffer, etag: string): void => {
    const headers = { 'cache-control': 'max-age=600', 'cache-tag': 'sport' };
    for (const path of PATHS) origin.files.set(path, { bytes, etag, headers });
  };
  const start = (): Promise<ChildService> =>
    ChildService.start({
      words: serviceWords('appliance', {
        listen: '127.0.0.1:0',
        adminListen: '127.0.0.1:0',
        origin: origin.url,
        volume: join(folder, 'volume'),
        state: join(folder, 'state'),
        logLevel: 'error',
      }),
    });
  let service = await start();
  const admin = (): string => service.addresses['admin'] ?? '';
  const bodyOf = async (path: string): Promise<Buffer> => (await ask(`${service.addresses['listen']}${path}`)).body;
  const isHeld = async (path: string): Promise<boolean> =>
    (await ask(`${admin()}/v1/explain?path=${path}`)).body.toString().includes('"blocks":1,"ofBlocks":1');
  try {
    put(OLD, '"v1"');
    for (const path of PATHS) await bodyOf(path);
    await until(async () => (await Promise.all(PATHS.map(isHeld))).every(Boolean));
    put(NEW, '"v2"');
    const answer = await fetch(`${admin()}/v1/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(rule),
    });
    await service.end('SIGKILL');
    expect(answer.status).toBe(200);
    service = await start();
    for (const [index, path] of PATHS.entries()) {
      const isMeant = !('path' in rule) || index === 0;
      expect((await bodyOf(path)).equals(isMeant ? NEW : OLD), path).toBe(true);
    }
  } finally {
    await service.end('SIGKILL');
    await origin.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
