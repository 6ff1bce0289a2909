import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { patterned } from '../appliance/support/gated-origin.ts';
import { ask } from '../appliance/support/http-client.ts';
import { NginxOrigin } from './support/nginx-origin.ts';

const MIB = 2 ** 20;
const BYTES = patterned(4 * MIB);

describe('oca appliance before a real nginx', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oca-nginx-test-'));
  let nginx: NginxOrigin;
  // Undefined where it did not start: nginx is to be stopped all the same.
  let appliance: ChildService | undefined;
  let url: string;

  beforeAll(async () => {
    nginx = await NginxOrigin.start();
    for (const name of ['warm.mp4', 'cold.mp4', 'tail.mp4', 'small.mp4']) nginx.put(name, BYTES);
    nginx.put('small.mp4', BYTES.subarray(0, 1000));
    appliance = await ChildService.start({
      words: serviceWords('appliance', {
        listen: '127.0.0.1:0',
        adminListen: '127.0.0.1:0',
        origin: nginx.url,
        volume: join(folder, 'volume'),
        logLevel: 'warn',
      }),
    });
    url = appliance.addresses['listen'] ?? '';
  });

  afterAll(async () => {
    await appliance?.end('SIGTERM');
    await nginx.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = (path: string, headers: Readonly<Record<string, string>> = {}) => ask(`${url}${path}`, { headers });

  it('answers ranges of a file it has not seen: first bytes, last bytes, first and last byte', async () => {
    const first = await get('/warm.mp4', { range: 'bytes=0-99' });
    expect(first.status).toBe(206);
    expect(first.body.equals(BYTES.subarray(0, 100))).toBe(true);
    const last = await get('/warm.mp4', { range: 'bytes=-100' });
    expect(last.headers['content-range']).toBe(`bytes ${4 * MIB - 100}-${4 * MIB - 1}/${4 * MIB}`);
    expect(last.body.equals(BYTES.subarray(-100))).toBe(true);
    const both = await get('/warm.mp4', { range: 'bytes=0-0,-1' });
    expect(both.status).toBe(206);
    expect(both.headers['content-type']).toMatch(/^multipart\/byteranges; boundary=/);
    expect(both.body.toString('latin1')).toContain(
      `Content-Range: bytes 0-0/${4 * MIB}\r\n\r\n${latin1(BYTES, 0)}\r\n`,
    );
    expect(both.headers['cache-status']).toContain('hit');
  });

  it('answers a suffix of a cold file', async () => {
    expect((await get('/tail.mp4', { range: 'bytes=-7' })).body.equals(BYTES.subarray(-7))).toBe(true);
    expect((await nginx.asked('/tail.mp4', 2)).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)).toBe(MIB);
  });

  it('answers HEAD with the size, and confirms what the client has', async () => {
    const head = await ask(`${url}/warm.mp4`, { method: 'HEAD' });
    expect(head.headers['content-length']).toBe(String(4 * MIB));
    const etag = head.headers.etag ?? '';
    expect(etag).toMatch(/^"/);
    expect((await get('/warm.mp4', { 'if-none-match': etag })).status).toBe(304);
    expect((await get('/warm.mp4', { range: 'bytes=5-9', 'if-range': etag })).status).toBe(206);
    const whole = await get('/small.mp4', { range: 'bytes=5-9', 'if-range': '"another"' });
    expect(whole.status).toBe(200);
    expect(whole.body.equals(BYTES.subarray(0, 1000))).toBe(true);
    expect((await get('/warm.mp4', { 'if-match': '"another"' })).status).toBe(412);
  });

  it('says 416 with the size, for a file it knows and for one it does not', async () => {
    for (const path of ['/small.mp4', '/cold.mp4']) {
      const answer = await get(path, { range: `bytes=${4 * MIB}-` });
      expect(answer.status).toBe(416);
      expect(answer.headers['content-range']).toMatch(/^bytes \*\/\d+$/);
      expect(answer.receivedBytes).toBe(0);
    }
  });

  it('takes one block from nginx for one byte in the middle of a cold file of 4 MiB', async () => {
    const middle = 2 * MIB + 12_345;
    nginx.put('one-byte.mp4', BYTES);
    const answer = await get('/one-byte.mp4', { range: `bytes=${middle}-${middle}` });
    expect(answer.status).toBe(206);
    expect(answer.body[0]).toBe(BYTES[middle]);
    expect(await nginx.asked('/one-byte.mp4', 1)).toEqual([
      {
        method: 'GET',
        path: '/one-byte.mp4',
        range: `bytes=${2 * MIB}-${3 * MIB - 1}`,
        status: 206,
        bodyBytes: MIB,
      },
    ]);
  });

  it('hands a 404 through', async () => {
    expect((await get('/none.mp4')).status).toBe(404);
  });

  it('gives the whole file, and takes it from nginx in one request', async () => {
    nginx.put('whole.mp4', BYTES);
    expect((await get('/whole.mp4')).body.equals(BYTES)).toBe(true);
    expect(await nginx.asked('/whole.mp4', 1)).toHaveLength(1);
  });
});

const latin1 = (bytes: Buffer, at: number): string => bytes.subarray(at, at + 1).toString('latin1');
