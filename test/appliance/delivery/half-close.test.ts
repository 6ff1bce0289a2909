import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';

const BYTES = patterned(3_000_000);
const FRESH = { 'cache-control': 'max-age=600' };
const get = (path: string, version = '1.1'): string => `GET ${path} HTTP/${version}\r\nHost: a\r\n\r\n`;

/** What one connection hears to its end. */
class Listener {
  readonly socket: Socket;
  readonly ended: Promise<string>;
  readonly #pieces: Buffer[] = [];

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    this.socket.on('data', (piece: Buffer) => this.#pieces.push(piece));
    this.ended = new Promise((resolve) => {
      this.socket.on('error', ({ message }) => resolve(message));
      this.socket.on('end', () => resolve('end'));
    });
  }

  get heard(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  get statuses(): number[] {
    return [...this.heard.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }
}

describe.each(['fast', 'reference'])('a client that closes its side behind its request: %s engine', (engine) => {
  let rig: ApplianceRig;
  const clients: Listener[] = [];

  const start = async (): Promise<void> => {
    rig = await startAppliance({ flags: { engine } });
    rig.origin.files.set('/film', { bytes: BYTES, etag: '"v1"', headers: FRESH });
    for (const path of ['/own', '/own-too'])
      rig.origin.files.set(path, { bytes: BYTES, headers: { 'cache-control': 'no-store' } });
  };
  const sendAndClose = (text: string): Listener => {
    const client = new Listener(rig.url);
    clients.push(client);
    client.socket.end(text, 'latin1');
    return client;
  };
  const isWhole = (client: Listener): boolean => client.heard.subarray(-BYTES.length).equals(BYTES);

  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await rig.stop();
  });

  it('gets a miss, a hit, one behind the other, and the end of the connection', async () => {
    await start();
    for (const text of [get('/film'), get('/film'), get('/film') + get('/film'), get('/film', '1.0')]) {
      const client = sendAndClose(text);
      expect(await client.ended, text).toBe('end');
      expect(new Set(client.statuses.filter((status) => status !== 100)), text).toEqual(new Set([200]));
      expect(isWhole(client)).toBe(true);
    }
  });

  it('is asked whether it is there while it waits, and gets its answer all the same', async () => {
    await start();
    rig.origin.isHeld = true;
    const client = sendAndClose(get('/own'));
    const asked = await rig.origin.arrival();
    await until(() => client.statuses.includes(100));
    asked.release();
    expect(await client.ended).toBe('end');
    expect(client.statuses).toEqual([100, 200]);
    expect(isWhole(client)).toBe(true);
  });

  it('of HTTP/1.0 is asked nothing, because it does not know such answers', async () => {
    await start();
    rig.origin.isHeld = true;
    const [old, young] = [sendAndClose(get('/own', '1.0')), sendAndClose(get('/own-too'))];
    const asked = [await rig.origin.arrival(), await rig.origin.arrival()];
    await until(() => young.statuses.includes(100));
    for (const each of asked) each.release();
    await Promise.all([old.ended, young.ended]);
    expect([old.statuses, young.statuses]).toEqual([[200], [100, 200]]);
  });

  it('and has left altogether is found out, and its request given up at the origin', async () => {
    await start();
    rig.origin.isHeld = true;
    const client = sendAndClose(get('/own'));
    const asked = await rig.origin.arrival();
    client.socket.destroy();
    await asked.closed;
  });
});
