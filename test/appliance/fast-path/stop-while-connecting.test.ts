import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../../appliance/kernel/libc.ts';
import { until } from '../../support/until.ts';
import { startAppliance } from '../support/appliance-rig.ts';
import { ask } from '../support/http-client.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
describe.skipIf(loadLibc().kind === 'missing').each(['fast', 'reference'])('an appliance that stops, %s', (engine) => {
  it.each([
    ['what is held', '/film'],
    ['what is not', '/other'],
  ])('answers a client that had connected and asks now for %s, and lets go of one that is idle', async (_, path) => {
    const rig = await startAppliance({ flags: { engine } });
    for (const name of ['/film', '/other']) {
      const headers = { 'cache-control': 'max-age=600' };
      rig.origin.files.set(name, { bytes: Buffer.from('a film'), etag: '"v1"', headers });
    }
    await ask(`${rig.url}/film`);
    const { hostname, port } = new URL(rig.url);
    const [idle, fresh] = [0, 1].map(() => connect({ host: hostname, port: Number(port) }));
    if (idle === undefined || fresh === undefined) throw new Error('two were made');
    await Promise.all([idle, fresh].map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    idle.write(get('/film'));
    await new Promise((resolve) => idle.once('data', resolve));
    const idleEnded = new Promise((resolve) => idle.once('close', resolve));
    // Whoever came later is accepted: so is who came before.
    await ask(`${rig.url}/film`);
    const stopped = rig.service.stop(10_000);
    await idleEnded;
    fresh.write(get(path));
    const answer = Buffer.concat((await fresh.toArray()) as Buffer[]).toString();
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(answer).toMatch(/\r\nConnection: close\r\n/i);
    expect(answer.endsWith('a film')).toBe(true);
    await stopped;
    await until(() => fresh.closed);
    await rig.origin.stop();
  });
});
