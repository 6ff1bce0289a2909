import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, type RigOptions, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';

const TLS = join(import.meta.dirname, '../../support/tls');
const BYTES = patterned(300_000);

describe('how answers end that cannot be completed', () => {
  let rig: ApplianceRig;

  const start = async (options: RigOptions = {}): Promise<void> => {
    rig = await startAppliance(options);
    rig.origin.isHeld = true;
  };
  afterEach(() => rig.stop());

  /** How a connection of HTTP/1.0 ends, on which the end of the connection is the end of the body. */
  const endOf = (path: string, resolveFirst: (words: string) => void): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(rig.url).port) });
      socket.on('connect', () => socket.write(`GET ${path} HTTP/1.0\r\n\r\n`));
      socket.once('data', (first) => resolveFirst(first.toString('latin1').slice(0, 12)));
      socket.on('data', () => undefined);
      socket.on('end', () => resolve('end'));
      socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    });

  it('a body of unknown length that breaks off is no end for HTTP/1.0', async () => {
    await start();
    rig.origin.files.set('/live', { bytes: BYTES, chunked: true, headers: { 'cache-control': 'max-age=60' } });
    rig.origin.files.set('/own', { bytes: BYTES, chunked: true, headers: { 'cache-control': 'no-store' } });
    for (const path of ['/live', '/own']) {
      const begun = Promise.withResolvers<string>();
      const ended = endOf(path, begun.resolve);
      const asked = await rig.origin.arrival();
      asked.head();
      asked.send(100_000);
      expect(await begun.promise, path).toBe('HTTP/1.1 200');
      asked.cut();
      expect(await ended, path).toBe('ECONNRESET');
    }
  });

  it('a purge with mode=cut cuts over TLS, and comes to its end', async () => {
    const [tlsCert, tlsKey] = [join(TLS, 'test-only-cert.pem'), join(TLS, 'test-only-key.pem')];
    await start({ flags: { tlsCert, tlsKey } });
    rig.origin.files.set('/film', { bytes: BYTES, etag: '"v1"', headers: { 'cache-control': 'max-age=60' } });
    let got = 0;
    const ended = new Promise<string>((resolve) => {
      get(`${rig.url}/film`, { ca: readFileSync(tlsCert), checkServerIdentity: () => undefined }, (response) => {
        response.on('data', (piece: Buffer) => {
          got += piece.length;
        });
        response.on('end', () => resolve('end'));
        response.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
      }).on('error', (error) => resolve(error.message));
    });
    const asked = await rig.origin.arrival();
    asked.head();
    asked.send(100_000);
    await until(() => got > 0);
    const purged = await fetch(`${rig.adminUrl}/v1/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path: '/film', mode: 'cut' }),
    });
    expect(purged.status).toBe(200);
    expect(await purged.json()).toMatchObject({ status: 'complete', onTheirWayOut: { answers: 1, cut: 1 } });
    expect(await ended).toBe('ECONNRESET');
    asked.cut();
  });

  it('a request for one client alone is given up at the origin when that client leaves before its head', async () => {
    await start();
    const leaving = new AbortController();
    const answer = fetch(`${rig.url}/own`, { headers: { authorization: 'x' }, signal: leaving.signal });
    const asked = await rig.origin.arrival();
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await asked.closed;
  });
});
