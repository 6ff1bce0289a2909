import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const HEADERS = { 'cache-control': 'max-age=600' };

describe('a miss', () => {
  let rig: ApplianceRig;

  beforeEach(async () => {
    rig = await startAppliance();
    rig.origin.isHeld = true;
  });

  afterEach(() => rig.stop());

  const put = (path: string, sizeBytes: number, etag = '"v1"'): Buffer => {
    const bytes = patterned(sizeBytes);
    rig.origin.files.set(path, { bytes, etag, headers: HEADERS });
    return bytes;
  };
  const active = async (): Promise<number> => {
    const state = JSON.parse((await ask(`${rig.adminUrl}/v1/state`)).body.toString()) as {
      load: { activeRequests: number };
    };
    return state.load.activeRequests;
  };

  it('costs the origin one request however many clients ask at once', async () => {
    const bytes = put('/film.mp4', 3 * MIB + 17);
    const clients = Array.from({ length: 20 }, () => openAnswer(`${rig.url}/film.mp4`));
    const request = await rig.origin.arrival();
    await until(async () => (await active()) === 20);
    request.release();
    const answers = await Promise.all(clients);
    for (const answer of answers) {
      expect(await answer.ended).toBe('complete');
      expect(answer.body.equals(bytes)).toBe(true);
    }
    expect(rig.origin.requests).toHaveLength(1);
    expect(answers.filter(({ headers }) => headers['cache-status']?.includes('collapsed'))).toHaveLength(19);
  });

  it('is one fill per block for overlapping ranges that come while it runs', async () => {
    const bytes = put('/film.mp4', 4 * MIB);
    const first = openAnswer(`${rig.url}/film.mp4`, { headers: { range: `bytes=0-${2 * MIB - 1}` } });
    const request = await rig.origin.arrival();
    request.head();
    request.send(1000);
    await (await first).received(1000);
    const second = await openAnswer(`${rig.url}/film.mp4`, { headers: { range: 'bytes=500-1500000' } });
    request.send();
    request.end();
    expect(await second.ended).toBe('complete');
    expect(second.body.equals(bytes.subarray(500, 1_500_001))).toBe(true);
    expect(await (await first).ended).toBe('complete');
    expect(rig.origin.requests.map(({ range }) => range)).toEqual([`bytes=0-${2 * MIB - 1}`]);
  });

  it('gives each byte on as it arrives, to a client that joined late as well', async () => {
    const bytes = put('/film.mp4', 2 * MIB);
    const early = openAnswer(`${rig.url}/film.mp4`);
    const request = await rig.origin.arrival();
    request.head();
    request.send(70_000);
    await (await early).received(70_000);
    const late = await openAnswer(`${rig.url}/film.mp4`);
    await late.received(70_000);
    expect(late.body.equals(bytes.subarray(0, 70_000))).toBe(true);
    request.send();
    request.end();
    for (const answer of [await early, late]) {
      expect(await answer.ended).toBe('complete');
      expect(answer.body.equals(bytes)).toBe(true);
    }
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('goes on for the others when the client leaves that began it', async () => {
    const bytes = put('/film.mp4', 2 * MIB);
    const leader = openAnswer(`${rig.url}/film.mp4`);
    const request = await rig.origin.arrival();
    request.head();
    request.send(1000);
    await (await leader).received(1000);
    const follower = await openAnswer(`${rig.url}/film.mp4`);
    (await leader).leave();
    await until(async () => (await active()) === 1);
    request.send();
    request.end();
    expect(await follower.ended).toBe('complete');
    expect(follower.body.equals(bytes)).toBe(true);
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('finishes the block in hand when all have left, and asks for no more', async () => {
    put('/film.mp4', 8 * MIB);
    const client = openAnswer(`${rig.url}/film.mp4`);
    const request = await rig.origin.arrival();
    request.head();
    request.send(1000);
    await (await client).received(1000);
    (await client).leave();
    await until(async () => (await active()) === 0);
    request.send(MIB);
    await request.closed;
    await until(async () => {
      const known = await ask(`${rig.adminUrl}/v1/explain?path=/film.mp4`);
      return known.body.toString().includes('"blocks":1,"ofBlocks":8');
    });
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('of one byte in the middle of a cold file costs the origin one block', async () => {
    const bytes = put('/film.mp4', 4 * MIB);
    rig.origin.isHeld = false;
    const answer = await ask(`${rig.url}/film.mp4`, { headers: { range: `bytes=${2 * MIB + 5}-${2 * MIB + 5}` } });
    expect(answer.status).toBe(206);
    expect(answer.body[0]).toBe(bytes[2 * MIB + 5]);
    expect(rig.origin.requests.map(({ range }) => range)).toEqual([`bytes=${2 * MIB}-${3 * MIB - 1}`]);
    expect(rig.origin.sentBytes).toBe(MIB);
  });

  it('of a suffix asks for the size first, then for the last block alone', async () => {
    const bytes = put('/film.mp4', 4 * MIB);
    rig.origin.isHeld = false;
    const answer = await ask(`${rig.url}/film.mp4`, { headers: { range: 'bytes=-100' } });
    expect(answer.body.equals(bytes.subarray(-100))).toBe(true);
    expect(rig.origin.requests.map(({ method, range }) => [method, range])).toEqual([
      ['HEAD', undefined],
      ['GET', `bytes=${3 * MIB}-${4 * MIB - 1}`],
    ]);
  });

  it('of a long range asks for several blocks at a time, not for each', async () => {
    const bytes = put('/film.mp4', 20 * MIB);
    rig.origin.isHeld = false;
    const answer = await ask(`${rig.url}/film.mp4`, { headers: { range: `bytes=0-${20 * MIB - 1}` } });
    expect(answer.body.equals(bytes)).toBe(true);
    expect(rig.origin.sentBytes).toBe(20 * MIB);
    expect(rig.origin.requests.length).toBeLessThan(10);
  });
});
