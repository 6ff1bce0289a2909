import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const BYTES = patterned(2 * MIB + 100);

const FILM = { bytes: BYTES, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } };

// One appliance for all: whatever they ask leaves it as it was, but for what it holds.
describe('over the wire', () => {
  let rig: ApplianceRig;
  /** What was asked of the origin before. */
  let before: number;

  beforeAll(async () => {
    rig = await startAppliance();
    for (const path of ['/film.mp4', '/cold.mp4', '/unknown.mp4']) rig.origin.files.set(path, FILM);
  });
  beforeEach(() => {
    before = rig.origin.requests.length;
  });
  afterAll(() => rig.stop());

  it('several ranges arrive as multipart/byteranges, byte for byte', async () => {
    const answer = await ask(`${rig.url}/film.mp4`, {
      headers: { range: `bytes=0-9,${MIB - 5}-${MIB + 4},-10` },
    });
    expect(answer.status).toBe(206);
    const boundary = /boundary=(\S+)/.exec(answer.headers['content-type'] ?? '')?.[1] ?? '';
    const part = (first: number, last: number): Buffer =>
      Buffer.concat([
        Buffer.from(
          `--${boundary}\r\nContent-Type: video/mp4\r\nContent-Range: bytes ${first}-${last}/${BYTES.length}\r\n\r\n`,
        ),
        BYTES.subarray(first, last + 1),
      ]);
    const expected = Buffer.concat([
      part(0, 9),
      Buffer.from('\r\n'),
      part(MIB - 5, MIB + 4),
      Buffer.from('\r\n'),
      part(BYTES.length - 10, BYTES.length - 1),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    expect(answer.body.equals(expected)).toBe(true);
    expect(answer.headers['content-length']).toBe(String(expected.length));
    expect(answer.headers['content-range']).toBeUndefined();
  });

  it('HEAD has the head of GET and no body, cold or warm', async () => {
    for (let round = 0; round < 2; round += 1) {
      const answer = await ask(`${rig.url}/cold.mp4`, { method: 'HEAD' });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-length']).toBe(String(BYTES.length));
      expect(answer.headers.etag).toBe('"v1"');
      expect(answer.headers['accept-ranges']).toBe('bytes');
      expect(answer.receivedBytes).toBe(0);
    }
    expect(rig.origin.requests.slice(before).map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('a range beyond the end of an unknown file is 416 with its size', async () => {
    const answer = await ask(`${rig.url}/unknown.mp4`, { headers: { range: `bytes=${BYTES.length}-` } });
    expect(answer.status).toBe(416);
    expect(answer.headers['content-range']).toBe(`bytes */${BYTES.length}`);
  });

  it('a preflight is allowed what players need', async () => {
    const answer = await ask(`${rig.url}/film.mp4`, {
      method: 'OPTIONS',
      headers: { origin: 'https://player.example', 'access-control-request-headers': 'range' },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-headers']).toContain('Range');
    expect(answer.headers['access-control-max-age']).toBe('86400');
  });

  it.each([
    ['POST', 405],
    ['PUT', 405],
    ['DELETE', 405],
  ])('%s is %i and says what is allowed', async (method, status) => {
    const answer = await ask(`${rig.url}/film.mp4`, { method });
    expect(answer.status).toBe(status);
    expect(answer.headers.allow).toBe('GET, HEAD, OPTIONS');
  });

  it.each([
    ['/a%2fb', 404],
    ['//evil.example/', 404],
    [`/${'x'.repeat(5000)}`, 414],
  ])('refuses the target %s', async (target, status) => {
    expect(await rawStatus(rig.url, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)).toBe(status);
    expect(rig.origin.requests).toHaveLength(before);
  });

  it.each([
    ['two lengths', 'GET /film.mp4 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    [
      'length and chunks',
      'GET /film.mp4 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['no host', 'GET /film.mp4 HTTP/1.1\r\n\r\n', 400],
    ['nonsense', 'what is this\r\n\r\n', 400],
    ['an endless head', `GET /film.mp4 HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ])('refuses a request with %s', async (_what, text, status) => {
    expect(await rawStatus(rig.url, text)).toBe(status);
  });

  it('a request that has been here before goes no further', async () => {
    const answer = await ask(`${rig.url}/film.mp4`, { headers: { 'cdn-loop': 'other, oca-1' } });
    expect(answer.status).toBe(508);
    expect(rig.origin.requests).toHaveLength(before);
  });

  it('while draining it serves, asks for the connection to be closed, and is not ready', async () => {
    const told = await fetch(`${rig.adminUrl}/v1/drain`, { method: 'POST' });
    expect(await told.json()).toMatchObject({ state: 'draining' });
    expect((await fetch(`${rig.adminUrl}/readyz`)).status).toBe(503);
    const answer = await ask(`${rig.url}/film.mp4`, { headers: { connection: 'keep-alive' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.connection).toBe('close');
    await fetch(`${rig.adminUrl}/v1/undrain`, { method: 'POST' });
    expect((await fetch(`${rig.adminUrl}/readyz`)).status).toBe(200);
  });
});

describe('over the wire, with limits of its own', () => {
  let rig: ApplianceRig;

  afterEach(() => rig.stop());

  it('counts what it does', async () => {
    rig = await startAppliance();
    rig.origin.files.set('/film.mp4', FILM);
    await ask(`${rig.url}/film.mp4`);
    await ask(`${rig.url}/film.mp4`);
    const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
    expect(metrics).toContain('appliance_requests_total{outcome="miss"} 1');
    expect(metrics).toContain('appliance_requests_total{outcome="hit"} 1');
    expect(metrics).toContain(`appliance_fill_bytes_total{source="origin"} ${BYTES.length}`);
    expect(metrics).toContain(`appliance_served_bytes_total{outcome="hit"} ${BYTES.length}`);
  });

  it('a full appliance sheds at once, and tells players to go elsewhere', async () => {
    rig = await startAppliance({ flags: { maxActiveRequests: 1 } });
    rig.origin.files.set('/film.mp4', { bytes: BYTES, etag: '"v1"' });
    rig.origin.isHeld = true;
    const first = openAnswer(`${rig.url}/film.mp4`);
    const request = await rig.origin.arrival();
    const second = await ask(`${rig.url}/other.mp4`);
    expect(second.status).toBe(503);
    expect(second.headers['retry-after']).toMatch(/^[1-5]$/);
    expect(second.headers['cmsd-dynamic']).toBe('"oca-1";du');
    expect(second.headers['access-control-allow-origin']).toBe('*');
    request.release();
    expect(await (await first).ended).toBe('complete');
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('a client that takes nothing is cut', async () => {
    rig = await startAppliance({ flags: { sendStallMs: 50 } });
    rig.origin.files.set('/long.mp4', { bytes: patterned(48 * MIB), etag: '"v1"' });
    const { hostname, port } = new URL(rig.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write('GET /long.mp4 HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.pause();
    await until(async () => {
      const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
      return metrics.includes('appliance_abandoned_answers_total{reason="client-slow"} 1');
    });
    socket.destroy();
  });

  it('a client that takes something, but too slowly, is cut', async () => {
    rig = await startAppliance({ flags: { sendStallMs: 200, minClientBytesPerSec: 1e9 } });
    rig.origin.files.set('/long.mp4', { bytes: patterned(48 * MIB), etag: '"v1"' });
    const { hostname, port } = new URL(rig.url);
    const socket = connect(Number(port), hostname);
    let isOver = false;
    socket.on('error', () => undefined);
    socket.once('close', () => {
      isOver = true;
    });
    socket.write('GET /long.mp4 HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.on('data', () => {
      socket.pause();
      // 64 KiB at a time: the whole would take over a second.
      setTimeout(() => socket.resume(), 2);
    });
    await until(() => isOver);
    const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
    expect(metrics).toContain('appliance_abandoned_answers_total{reason="client-slow"} 1');
  });

  it('a head that comes a byte at a time is cut off when its time is over', async () => {
    rig = await startAppliance({ flags: { headTimeoutMs: 200 } });
    const { hostname, port } = new URL(rig.url);
    const socket = connect(Number(port), hostname);
    let heard = '';
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      heard += piece.toString('latin1');
    });
    let isOver = false;
    socket.once('close', () => {
      isOver = true;
    });
    socket.write('GET /film.mp4 HTTP/1.1\r\nHost: x\r\n');
    await until(() => {
      if (!isOver) socket.write('X');
      return isOver;
    });
    expect(heard).toContain('HTTP/1.1 408 ');
  });

  it('one address has no more connections than it may', async () => {
    rig = await startAppliance({ flags: { maxConnectionsPerAddress: 2 } });
    rig.origin.files.set('/film.mp4', { bytes: BYTES, etag: '"v1"' });
    rig.origin.isHeld = true;
    const held = [openAnswer(`${rig.url}/film.mp4`), openAnswer(`${rig.url}/film.mp4`)];
    const request = await rig.origin.arrival();
    await until(async () => (await (await fetch(`${rig.adminUrl}/v1/state`)).text()).includes('"activeRequests":2'));
    await expect(openAnswer(`${rig.url}/film.mp4`)).rejects.toThrow();
    expect((await openAnswer(`${rig.url}/film.mp4`, { localAddress: '127.0.0.2', method: 'OPTIONS' })).status).toBe(
      204,
    );
    request.release();
    for (const answer of held) expect(await (await answer).ended).toBe('complete');
    rig.origin.isHeld = false;
    // Their ends may not have been noticed yet.
    await until(async () => (await openAnswer(`${rig.url}/film.mp4`).catch(() => undefined))?.status === 200);
    await until(async () => {
      const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
      return /appliance_refused_requests_total\{reason="connections-of-address"\} [1-9]/.test(metrics);
    });
  });

  it('a head that does not end is answered with 408', async () => {
    rig = await startAppliance({ flags: { headTimeoutMs: 100 } });
    expect(await rawStatus(rig.url, 'GET /film.mp4 HTTP/1.1\r\nHost: x\r\n')).toBe(408);
  });
});

/** Sends a text as it is. @returns the status of the answer */
function rawStatus(url: string, text: string): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.write(text, 'latin1'));
    socket.on('data', (piece) => {
      received += piece.toString('latin1');
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(received)?.[1];
      if (status === undefined) return;
      resolve(Number(status));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`no status in '${received}'`)));
  });
}
