import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { type OriginRequest, patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const HEADERS = { 'cache-control': 'max-age=600' };

/** Two different questions about a file that nobody knows: each learns that there is one, and there must be one only. */
describe('a cold file that is asked for by HEAD and GET at once', () => {
  let rig: ApplianceRig;
  const bytes = patterned(3 * MIB + 17);

  beforeEach(async () => {
    rig = await startAppliance();
    rig.origin.isHeld = true;
    rig.origin.files.set('/film.mp4', { bytes, etag: '"v1"', headers: HEADERS });
  });

  afterEach(() => rig.stop());

  const bodies = (): string[] =>
    rig.origin.requests.filter(({ method }) => method === 'GET').map(({ range }) => range ?? 'whole');

  const both = async (): Promise<{ head: OriginRequest; get: OriginRequest; clients: [HeadOf, BodyOf] }> => {
    const clients: [HeadOf, BodyOf] = [
      ask(`${rig.url}/film.mp4`, { method: 'HEAD' }),
      openAnswer(`${rig.url}/film.mp4`, { headers: { range: 'bytes=0-2000000' } }),
    ];
    const arrived = [await rig.origin.arrival(), await rig.origin.arrival()];
    const head = arrived.find(({ method }) => method === 'HEAD');
    const get = arrived.find(({ method }) => method === 'GET');
    if (head === undefined || get === undefined) throw new Error('not one of each');
    return { head, get, clients };
  };
  type HeadOf = ReturnType<typeof ask>;
  type BodyOf = ReturnType<typeof openAnswer>;

  it('is begun once when the head comes first: the body that follows fills it', async () => {
    const { head, get, clients } = await both();
    head.release();
    expect((await clients[0]).headers['content-length']).toBe(String(bytes.length));
    get.release();
    const answer = await clients[1];
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(bytes.subarray(0, 2_000_001))).toBe(true);
    expect(bodies()).toEqual([`bytes=0-${2 * MIB - 1}`]);
    rig.origin.isHeld = false;
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(bytes)).toBe(true);
    expect(bodies()).toEqual([`bytes=0-${2 * MIB - 1}`, `bytes=${2 * MIB}-${bytes.length - 1}`]);
  });

  it('is begun once when the body comes first: the head that follows leaves it as it is', async () => {
    const { head, get, clients } = await both();
    get.head();
    get.send(1000);
    const answer = await clients[1];
    await answer.received(1000);
    head.release();
    expect((await clients[0]).status).toBe(200);
    get.send();
    get.end();
    expect(await answer.ended).toBe('complete');
    rig.origin.isHeld = false;
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(bytes)).toBe(true);
    expect(bodies()).toEqual([`bytes=0-${2 * MIB - 1}`, `bytes=${2 * MIB}-${bytes.length - 1}`]);
  });

  it('is another file to everybody when the origin has replaced it in between', async () => {
    const { head, get, clients } = await both();
    head.release();
    await clients[0];
    const newer = patterned(2 * MIB + 5);
    rig.origin.files.set('/film.mp4', { bytes: newer, etag: '"v2"', headers: HEADERS });
    get.release();
    const answer = await clients[1];
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(newer.subarray(0, 2_000_001))).toBe(true);
    rig.origin.isHeld = false;
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(newer)).toBe(true);
  });
});
