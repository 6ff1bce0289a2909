import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const FRESH = { 'cache-control': 'max-age=600' };

describe('when the origin fails', () => {
  let rig: ApplianceRig;

  beforeEach(async () => {
    rig = await startAppliance();
  });

  afterEach(() => rig.stop());

  it('goes on at the missing byte, of the same generation, when it dies in the middle of a body', async () => {
    const bytes = patterned(3 * MIB);
    rig.origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers: FRESH });
    rig.origin.isHeld = true;
    const client = openAnswer(`${rig.url}/film.mp4`);
    const first = await rig.origin.arrival();
    first.head();
    first.send(MIB + 1000);
    await (await client).received(MIB + 1000);
    first.cut();
    const second = await rig.origin.arrival();
    expect(second.range).toBe(`bytes=${MIB + 1000}-${3 * MIB - 1}`);
    expect(second.headers['if-range']).toBe('"v1"');
    second.release();
    expect(await (await client).ended).toBe('complete');
    expect((await client).body.equals(bytes)).toBe(true);
  });

  it('arrives at the end though the origin dies after half of what is left, every time', async () => {
    const bytes = patterned(MIB);
    rig.origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers: FRESH });
    rig.origin.isHeld = true;
    const client = openAnswer(`${rig.url}/film.mp4`);
    let left = bytes.length;
    while (left > 0) {
      const request = await rig.origin.arrival();
      const half = Math.ceil(left / 2);
      const before = bytes.length - left;
      request.head();
      request.send(half);
      await (await client).received(before + half);
      left -= half;
      if (left === 0) request.end();
      else request.cut();
    }
    expect(await (await client).ended).toBe('complete');
    expect((await client).body.equals(bytes)).toBe(true);
  });

  it('never joins two generations: the connection is cut when the file changed before it could go on', async () => {
    const old = patterned(2 * MIB, 1);
    const young = patterned(2 * MIB, 2);
    rig.origin.files.set('/film.mp4', { bytes: old, etag: '"v1"', headers: FRESH });
    rig.origin.isHeld = true;
    const client = await (async () => {
      const opening = openAnswer(`${rig.url}/film.mp4`);
      const request = await rig.origin.arrival();
      request.head();
      request.send(1000);
      await (await opening).received(1000);
      rig.origin.files.set('/film.mp4', { bytes: young, etag: '"v2"', headers: FRESH });
      request.cut();
      return opening;
    })();
    (await rig.origin.arrival()).release();
    expect(await client.ended).toBe('cut');
    expect(old.subarray(0, client.receivedBytes).equals(client.body)).toBe(true);
    rig.origin.isHeld = false;
    const again = await ask(`${rig.url}/film.mp4`);
    expect(again.body.equals(young)).toBe(true);
    expect(again.headers.etag).toBe('"v2"');
  });

  it('starts over with the new generation while nobody has seen the old one', async () => {
    const old = patterned(3 * MIB, 1);
    const young = patterned(3 * MIB, 2);
    rig.origin.files.set('/film.mp4', { bytes: old, etag: '"v1"', headers: FRESH });
    await ask(`${rig.url}/film.mp4`, { headers: { range: 'bytes=0-9' } });
    rig.origin.files.set('/film.mp4', { bytes: young, etag: '"v2"', headers: FRESH });
    const answer = await ask(`${rig.url}/film.mp4`, { headers: { range: `bytes=${2 * MIB}-${2 * MIB + 99}` } });
    expect(answer.headers.etag).toBe('"v2"');
    expect(answer.body.equals(young.subarray(2 * MIB, 2 * MIB + 100))).toBe(true);
    const whole = await ask(`${rig.url}/film.mp4`);
    expect(whole.body.equals(young)).toBe(true);
  });

  it('answers 502 at once when nobody listens there', async () => {
    const origin = await GatedOrigin.start();
    const down = await startAppliance({ flags: { origin: origin.url } });
    await origin.stop();
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(`${down.url}/film.mp4`)));
    expect(answers.map(({ status }) => status)).toEqual([502, 502, 502, 502, 502]);
    expect(answers[0]?.headers['access-control-allow-origin']).toBe('*');
    await down.stop();
  });

  it('answers 504 when the origin takes the connection and says nothing', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const slow = await startAppliance({
      flags: { origin: `http://127.0.0.1:${port}`, sourceHeadTimeoutMs: 50 },
    });
    expect((await ask(`${slow.url}/film.mp4`)).status).toBe(504);
    await slow.stop();
    silent.close();
  });

  it('cuts the answer, when the source stays away, instead of ending it', async () => {
    rig.origin.files.set('/film.mp4', { bytes: patterned(2 * MIB), etag: '"v1"', headers: FRESH });
    rig.origin.isHeld = true;
    const client = openAnswer(`${rig.url}/film.mp4`);
    const request = await rig.origin.arrival();
    request.head();
    request.send(1000);
    await (await client).received(1000);
    await rig.origin.stop();
    expect(await (await client).ended).toBe('cut');
  });

  it('tells an error of the origin to all who wait, and to nobody who asks when its time is over', async () => {
    rig.origin.isHeld = true;
    const clients = [openAnswer(`${rig.url}/none.mp4`), openAnswer(`${rig.url}/none.mp4`)];
    const request = await rig.origin.arrival();
    await until(async () => {
      const state = await ask(`${rig.adminUrl}/v1/state`);
      return state.body.toString().includes('"activeRequests":2');
    });
    request.release();
    for (const client of clients) {
      const answer = await client;
      await answer.ended;
      expect(answer.status).toBe(404);
      expect(answer.body.toString()).toBe('gone');
    }
    expect(rig.origin.requests).toHaveLength(1);
    rig.origin.isHeld = false;
    rig.origin.files.set('/none.mp4', { bytes: Buffer.from('here'), etag: '"n"' });
    await until(async () => (await ask(`${rig.url}/none.mp4`)).body.toString() === 'here');
    expect(rig.origin.requests).toHaveLength(2);
  });

  it('fetches the whole once when parts cannot be combined, and then serves any range of it', async () => {
    const bytes = patterned(2 * MIB + 5);
    rig.origin.files.set('/film.mp4', { bytes, headers: FRESH });
    const answer = await ask(`${rig.url}/film.mp4`, { headers: { range: `bytes=${MIB}-${MIB + 9}` } });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(bytes.subarray(MIB, MIB + 10))).toBe(true);
    await until(async () => {
      const known = await ask(`${rig.adminUrl}/v1/explain?path=/film.mp4`);
      return known.body.toString().includes('"blocks":3,"ofBlocks":3');
    });
    const again = await ask(`${rig.url}/film.mp4`);
    expect(again.body.equals(bytes)).toBe(true);
    expect(rig.origin.requests.map(({ range }) => range)).toEqual([`bytes=${MIB}-${2 * MIB - 1}`, undefined]);
  });

  it('keeps all of the stream of an origin without ranges, and serves a range from it as it passes', async () => {
    const bytes = patterned(3 * MIB);
    rig.origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers: FRESH, ranges: false });
    const answer = await ask(`${rig.url}/film.mp4`, { headers: { range: `bytes=${2 * MIB}-${2 * MIB + 9}` } });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(bytes.subarray(2 * MIB, 2 * MIB + 10))).toBe(true);
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(bytes)).toBe(true);
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('stores an answer without a length once it has ended', async () => {
    const bytes = patterned(5000);
    rig.origin.files.set('/list.m3u8', { bytes, etag: '"v1"', headers: FRESH, chunked: true });
    expect((await ask(`${rig.url}/list.m3u8`)).body.equals(bytes)).toBe(true);
    expect((await ask(`${rig.url}/list.m3u8`)).headers['content-length']).toBe('5000');
    const ranged = await ask(`${rig.url}/list.m3u8`, { headers: { range: 'bytes=-10' } });
    expect(ranged.body.equals(bytes.subarray(-10))).toBe(true);
    expect(rig.origin.requests).toHaveLength(1);
  });
});
