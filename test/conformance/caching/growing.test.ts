import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenAnswer } from '../../appliance/support/http-client.ts';
import { until } from '../../support/until.ts';
import { CachingRig } from './caching-rig.ts';

const MIB = 2 ** 20;
const FIELDS = { 'cache-control': 'max-age=60', etag: '"1"', 'content-type': 'video/mp4' };

describe('a body without a length', () => {
  let rig: CachingRig;
  let origin: ServerResponse | undefined;

  beforeAll(async () => {
    rig = await CachingRig.start();
  });

  beforeEach(() => {
    rig.renew();
    origin = undefined;
  });

  afterAll(() => rig.stop());

  /** The origin sends the head, and then what the test writes to `origin`. */
  const grow = (fields: Readonly<Record<string, string>> = FIELDS): void =>
    rig.on('/a', () => (response) => {
      response.writeHead(200, { date: rig.date(), ...fields });
      response.flushHeaders();
      origin = response;
    });

  /** A client to whom the origin has sent so much. */
  const begin = async (text: string): Promise<OpenAnswer> => {
    const before = origin;
    const opening = rig.open('/a');
    await until(() => origin !== before);
    origin?.write(text);
    const client = await opening;
    await client.received(text.length);
    return client;
  };

  it('reaches all who wait piece by piece, those who come late from its start, and is stored at its end (LL-5)', async () => {
    grow();
    const early = [rig.open('/a'), rig.open('/a')];
    await until(() => origin !== undefined);
    origin?.write('one ');
    for (const client of early) await (await client).received(4);
    const late = await rig.open('/a');
    await late.received(4);
    origin?.write('two');
    for (const client of [await early[0], await early[1], late]) {
      await client?.received(7);
      expect(client?.body.toString()).toBe('one two');
      expect(client?.headers['content-length']).toBeUndefined();
    }
    expect(late.headers['cache-status']).toBe('oca-1;fwd=uri-miss;collapsed');
    origin?.end();
    expect(await late.ended).toBe('complete');
    const stored = await rig.get('/a', { range: 'bytes=4-' });
    expect([stored.status, stored.body.toString()]).toEqual([206, 'two']);
    expect(stored.headers['cache-status']).toContain(';hit');
    expect(rig.requests).toHaveLength(1);
  });

  it('goes on and is stored when who asked first leaves', async () => {
    grow();
    const first = await begin('one ');
    first.leave();
    await until(async () => (await rig.activeRequests()) === 0);
    origin?.end('two');
    await until(async () => (await rig.get('/a')).headers['cache-status']?.includes('hit') === true);
    expect((await rig.get('/a')).body.toString()).toBe('one two');
    expect(rig.requests).toHaveLength(1);
  });

  it('that breaks off is stored by nobody, and looks complete to nobody', async () => {
    grow();
    const client = await begin('half');
    origin?.destroy();
    expect(await client.ended).toBe('cut');
    rig.on('/a', { headers: FIELDS, body: 'whole' });
    expect((await rig.get('/a')).body.toString()).toBe('whole');
    expect(rig.requests).toHaveLength(2);
  });

  it('of nothing is an object of nothing', async () => {
    rig.on('/a', { headers: FIELDS, chunked: true });
    for (let round = 0; round < 2; round += 1) expect((await rig.get('/a')).receivedBytes).toBe(0);
    expect(rig.requests).toHaveLength(1);
  });

  it('that nobody may keep is not joined by who comes after its head', async () => {
    grow({ etag: '"1"' });
    const first = await begin('one');
    const before = origin;
    const second = await begin('two');
    expect(rig.requests).toHaveLength(2);
    for (const response of [before, origin]) response?.end();
    await Promise.all([first.ended, second.ended]);
  });

  it('that is known to the client is 304 while it still comes', async () => {
    grow();
    const first = await begin('one');
    const second = await rig.get('/a', { 'if-none-match': '"1"' });
    expect(second.status).toBe(304);
    origin?.end();
    await first.ended;
  });

  it('is not joined after a purge, and not stored at its end', async () => {
    grow();
    const first = await begin('old');
    await rig.purge('/a');
    const before = origin;
    rig.on('/a', { headers: { ...FIELDS, etag: '"2"' }, body: 'new' });
    expect((await rig.get('/a')).body.toString()).toBe('new');
    before?.end();
    expect(await first.ended).toBe('complete');
    expect((await rig.get('/a')).body.toString()).toBe('new');
    expect(rig.requests).toHaveLength(2);
  });

  it('of more than is kept goes on for who reads it, at the pace of who reads fastest', async () => {
    let sentBytes = 0;
    rig.on('/a', () => (response) => {
      response.writeHead(200, { date: rig.date(), ...FIELDS });
      const piece = Buffer.alloc(64 * 1024, 7);
      const send = (): void => {
        while (sentBytes < 48 * MIB) {
          sentBytes += piece.length;
          if (!response.write(piece)) return void response.once('drain', send);
        }
        response.end();
      };
      send();
    });
    const client = await rig.open('/a');
    client.pause();
    const soFar = async (): Promise<number> => {
      const before = sentBytes;
      await new Promise((resolve) => setImmediate(resolve));
      return before;
    };
    // Nobody reads on: the source is not read to its end.
    let still = 0;
    for (let last = -1; still < 200; last = await soFar()) still = last === sentBytes ? still + 1 : 0;
    expect(sentBytes).toBeLessThan(40 * MIB);
    client.resume();
    expect(await client.ended).toBe('complete');
    expect(client.receivedBytes).toBe(48 * MIB);
    const again = await rig.open('/a');
    expect(again.headers['cache-status']).toContain('fwd=uri-miss');
    again.leave();
  });
});
