import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChildService } from '../../../deploy/demo/child-service.ts';

const PROGRAM = fileURLToPath(new URL('../../../deploy/demo/origin.ts', import.meta.url));
const BODY = '0123456789';

describe('the origin of the demo', () => {
  let folder: string;
  let origin: ChildService;
  let file: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'oca-origin-'));
    writeFileSync(join(folder, 'file.mp4'), BODY);
    origin = await ChildService.start({
      words: [PROGRAM, '--listen', '127.0.0.1:0', '--mount', `/vod/bars=${folder}`],
      logFile: join(folder, 'origin.log'),
    });
    file = `${origin.addresses['listen'] ?? ''}/vod/bars/file.mp4`;
  });

  afterAll(async () => {
    await origin.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });

  const get = (headers: Record<string, string> = {}, method = 'GET') => fetch(file, { method, headers });

  test('says in its ready line where it listens', () => {
    expect(origin.readyLine).toMatch(/^origin ready on http:\/\/127\.0\.0\.1:\d+/);
  });

  test.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-99', BODY, 'bytes 0-9/10'],
    ['bytes=8-', '89', 'bytes 8-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
  ])('answers %s with the bytes it names', async (range, body, contentRange) => {
    const response = await get({ range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(contentRange);
    expect(await response.text()).toBe(body);
  });

  test.each(['bytes=4-2', 'bytes=0-0,2-3', 'bytes=-', 'lines=1-2'])('answers %s with the whole file', async (range) => {
    const response = await get({ range });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(BODY);
  });

  test.each(['bytes=10-', 'bytes=-0'])('refuses %s, which names no byte of the file', async (range) => {
    const response = await get({ range });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */10');
  });

  test('revalidates by a strong tag and ignores a range whose If-Range does not match', async () => {
    const etag = (await get()).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[^"]+"$/);
    expect((await get({ 'if-none-match': etag })).status).toBe(304);
    expect((await get({ range: 'bytes=0-0', 'if-range': etag })).status).toBe(206);
    expect((await get({ range: 'bytes=0-0', 'if-range': '"other"' })).status).toBe(200);
  });

  test('lets players of other sites read its answers, errors included', async () => {
    for (const url of [file, `${file}.missing`]) {
      expect((await fetch(url)).headers.get('access-control-allow-origin')).toBe('*');
    }
    const preflight = await get({ 'access-control-request-headers': 'if-none-match' }, 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('if-none-match');
  });

  test('counts requests and body bytes by path, and every unknown path as one', async () => {
    type Count = { requests: number; bytes: number };
    const stats = async () => {
      const response = await fetch(new URL('/-/stats', file));
      return (await response.json()) as Count & { paths: Record<string, Count> };
    };
    const before = await stats();
    await (await get({ range: 'bytes=0-3' })).text();
    await (await get({}, 'HEAD')).text();
    await (await fetch(`${file}.missing`)).text();
    await (await fetch(`${file}.other`)).text();
    const after = await stats();
    expect([after.requests - before.requests, after.bytes - before.bytes]).toEqual([4, 4]);
    const name = '/vod/bars/file.mp4';
    expect((after.paths[name]?.bytes ?? 0) - (before.paths[name]?.bytes ?? 0)).toBe(4);
    expect(Object.keys(after.paths).sort()).toEqual([name, 'other']);
  });
});
