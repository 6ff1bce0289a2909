import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const FRESH = { 'cache-control': 'max-age=600' };
const CLIENTS = 24;

interface Purged {
  readonly status: string;
  readonly onTheirWayOut: { readonly answers: number; readonly cut: number };
}

/** Asks again and again on one connection, and notes which generation each answer was of. */
class Asker {
  readonly #socket: Socket;
  readonly #request: string;
  #text = '';
  #isToStop = false;
  /** Of the request that is out: whether it was sent after the purge had answered. */
  #isAfter = false;
  answers = 0;
  isPurged = false;
  readonly oldAfterPurge: number[] = [];
  newAfterPurge = 0;
  readonly done: Promise<void>;

  constructor(url: string, path: string) {
    const { hostname, port } = new URL(url);
    this.#request = `GET ${path} HTTP/1.1\r\nHost: a\r\nRange: bytes=0-15\r\n\r\n`;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.done = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.on('connect', () => this.#ask());
    this.#socket.on('data', (piece) => this.#hear(piece.toString('latin1')));
    this.#socket.on('error', () => undefined);
  }

  stop(): Promise<void> {
    this.#isToStop = true;
    return this.done;
  }

  #ask(): void {
    this.#isAfter = this.isPurged;
    this.#socket.write(this.#request);
  }

  #hear(piece: string): void {
    this.#text += piece;
    const end = this.#text.indexOf('\r\n\r\n');
    if (end === -1 || this.#text.length < end + 4 + 16) return;
    const etag = /etag: ("[^"]*")/i.exec(this.#text)?.[1];
    this.answers += 1;
    if (this.#isAfter && etag !== '"new"') this.oldAfterPurge.push(this.answers);
    if (this.#isAfter && etag === '"new"') this.newAfterPurge += 1;
    this.#text = '';
    if (this.#isToStop) this.#socket.destroy();
    else this.#ask();
  }
}

describe('a purge while wire threads send', () => {
  let rig: ApplianceRig;

  beforeEach(async () => {
    rig = await startAppliance({ flags: { engine: 'fast', memoryBytes: '32Mi', sendStallMs: 600_000 } });
  });

  afterEach(() => rig.stop());

  const put = (path: string, bytes: Buffer, etag: string): void =>
    void rig.origin.files.set(path, { bytes, etag, headers: FRESH });
  const purge = async (body: object): Promise<Purged> => {
    const response = await fetch(`${rig.adminUrl}/v1/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Purged;
  };
  const requestsByWire = async (): Promise<number> => {
    const text = await (await fetch(`${rig.adminUrl}/metrics`)).text();
    return Number(/^appliance_wire_requests_total (\d+)/m.exec(text)?.[1]);
  };
  const held = async (path: string): Promise<number> => {
    const answer = await fetch(`${rig.adminUrl}/v1/explain?path=${encodeURIComponent(path)}`);
    return answer.ok ? ((await answer.json()) as { held: { blocks: number } }).held.blocks : 0;
  };
  const fill = async (path: string, blocks: number): Promise<void> => {
    await ask(`${rig.url}${path}`);
    await until(async () => (await held(path)) === blocks);
  };

  it('lets no head of the old object leave once it has answered, however many ask (I4)', async () => {
    for (let round = 0; round < 3; round += 1) {
      const path = `/film-${round}.mp4`;
      put(path, patterned(MIB, 1), '"old"');
      await fill(path, 1);
      const askers = Array.from({ length: CLIENTS }, () => new Asker(rig.url, path));
      await until(() => askers.every(({ answers }) => answers > 20));
      put(path, patterned(MIB, 2), '"new"');
      await purge(round === 0 ? { path } : round === 1 ? { prefix: '/film-' } : { path, mode: 'cut' });
      for (const asker of askers) asker.isPurged = true;
      if (round < 2) await until(() => askers.every(({ newAfterPurge }) => newAfterPurge > 20));
      await Promise.all(askers.map((asker) => asker.stop()));
      expect(askers.flatMap(({ oldAfterPurge }) => oldAfterPurge)).toEqual([]);
    }
    await until(async () => (await requestsByWire()) > CLIENTS * 20);
  });

  it('lets a body that has begun come to its end with the old bytes, all of them', async () => {
    const bytes = patterned(24 * MIB, 3);
    put('/long.mp4', bytes, '"old"');
    await fill('/long.mp4', 24);
    const before = await requestsByWire();
    const answer = await openAnswer(`${rig.url}/long.mp4`);
    answer.pause();
    put('/long.mp4', patterned(24 * MIB, 4), '"new"');
    expect((await purge({ path: '/long.mp4' })).onTheirWayOut).toEqual({ answers: 1, cut: 0 });
    // What is in memory is driven out, so that the rest comes from a file that nobody finds any more.
    for (let other = 0; other < 2; other += 1) {
      put(`/other-${other}`, patterned(20 * MIB, 5 + other), '"x"');
      await fill(`/other-${other}`, 20);
      await ask(`${rig.url}/other-${other}`);
    }
    answer.resume();
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(bytes)).toBe(true);
    await until(async () => (await requestsByWire()) > before);
  });

  it('resets a body that has begun where it is asked to, and counts it', async () => {
    put('/long.mp4', patterned(24 * MIB, 3), '"old"');
    await fill('/long.mp4', 24);
    const answer = await openAnswer(`${rig.url}/long.mp4`);
    answer.pause();
    expect((await purge({ path: '/long.mp4', mode: 'cut' })).onTheirWayOut).toEqual({ answers: 1, cut: 1 });
    answer.resume();
    expect(await answer.ended).toBe('cut');
  });
});
