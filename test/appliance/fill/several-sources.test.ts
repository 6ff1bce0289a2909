import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask, type OpenAnswer, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const FRESH = { 'cache-control': 'max-age=600' };
const PATH = '/film.mp4';

describe('a miss, where there are a peer and a tier beside the origin', () => {
  let peer: GatedOrigin;
  let tier: GatedOrigin;
  let rig: ApplianceRig;

  beforeEach(async () => {
    peer = await GatedOrigin.start();
    tier = await GatedOrigin.start();
    rig = await startAppliance({ flags: { peers: [peer.url], tier: tier.url } });
  });

  afterEach(async () => {
    await rig.stop();
    await peer.stop();
    await tier.stop();
  });

  const all = (): GatedOrigin[] => [peer, tier, rig.origin];
  const put = (bytes: Buffer, etag = '"v1"', at = all()): void => {
    for (const source of at) source.files.set(PATH, { bytes, etag, headers: FRESH });
  };
  const metric = async (line: string): Promise<number> => {
    const text = (await ask(`${rig.adminUrl}/metrics`)).body.toString();
    return Number(
      text
        .split('\n')
        .find((each) => each.startsWith(`${line} `))
        ?.split(' ')
        .at(-1) ?? 0,
    );
  };
  const isRight = async (answer: OpenAnswer, bytes: Buffer): Promise<void> => {
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(bytes)).toBe(true);
  };

  it('comes from the peer that holds it, who is asked for no more than that, and counts as the peer’s', async () => {
    const bytes = patterned(2 * MIB);
    put(bytes);
    await isRight(await openAnswer(`${rig.url}${PATH}`), bytes);
    expect(peer.requests[0]?.headers['cache-control']).toBe('only-if-cached');
    expect(peer.requests[0]?.headers['want-repr-digest']).toBe('sha-256=9');
    expect(tier.requests).toHaveLength(0);
    expect(rig.origin.requests).toHaveLength(0);
    expect(await metric('appliance_fill_bytes_total{source="peer"}')).toBe(2 * MIB);
  });

  it('goes to the tier when the peer lacks it, which is remembered for a moment, and to the origin when the tier fails', async () => {
    peer.isHeld = true;
    tier.isHeld = true;
    const bytes = patterned(500);
    put(bytes);
    const first = openAnswer(`${rig.url}${PATH}?a=1`);
    (await peer.arrival()).refuse(504);
    const asked = await tier.arrival();
    expect(asked.headers['cache-control']).toBeUndefined();
    asked.refuse(503);
    expect((await first).status).toBe(404);
    rig.origin.files.set(`${PATH}?b=1`, { bytes, etag: '"v1"', headers: { 'cache-control': 'max-age=0' } });
    const before = peer.requests.length;
    const second = openAnswer(`${rig.url}${PATH}?b=1`);
    (await peer.arrival()).refuse(504);
    (await tier.arrival()).refuse(502);
    await isRight(await second, bytes);
    expect(peer.requests.length).toBe(before + 1);
    // Within the moment the peer is left out for the same path.
    const third = openAnswer(`${rig.url}${PATH}?b=1`);
    (await tier.arrival()).refuse(502);
    await isRight(await third, bytes);
    expect(peer.requests.length).toBe(before + 1);
  });

  it('is carried on by tier and origin at the byte where peer and tier died, and nobody notices', async () => {
    const bytes = patterned(3 * MIB);
    put(bytes);
    for (const source of all()) source.isHeld = true;
    const client = openAnswer(`${rig.url}${PATH}`);
    const first = await peer.arrival();
    first.head();
    first.send(MIB + 1000);
    const answer = await client;
    await answer.received(MIB + 1000);
    first.cut();
    const second = await tier.arrival();
    expect(second.range).toBe(`bytes=${MIB + 1000}-${3 * MIB - 1}`);
    expect(second.headers['if-range']).toBe('"v1"');
    second.head();
    second.send(MIB);
    await answer.received(2 * MIB + 1000);
    second.cut();
    const third = await rig.origin.arrival();
    expect(third.range).toBe(`bytes=${2 * MIB + 1000}-${3 * MIB - 1}`);
    third.release();
    await isRight(answer, bytes);
    expect([peer, tier, rig.origin].map(({ requests }) => requests.length)).toEqual([1, 1, 1]);
    expect(peer.sentBytes + tier.sentBytes + rig.origin.sentBytes).toBe(3 * MIB);
  });

  it('is never joined of two generations: a peer that is behind lacks the file, and the origin goes on', async () => {
    const bytes = patterned(2 * MIB, 1);
    put(bytes, '"v2"', [rig.origin]);
    put(patterned(2 * MIB, 2), '"v1"', [peer, tier]);
    peer.isHeld = true;
    tier.isHeld = true;
    rig.origin.isHeld = true;
    const client = openAnswer(`${rig.url}${PATH}`);
    (await peer.arrival()).refuse(504);
    (await tier.arrival()).refuse(503);
    const request = await rig.origin.arrival();
    request.head();
    request.send(1000);
    const answer = await client;
    await answer.received(1000);
    request.cut();
    // Both answer with all of what they have, since If-Range does not hold.
    tier.isHeld = false;
    peer.isHeld = false;
    for (const waiting of [tier.arrival(), peer.arrival()]) void waiting.then((each) => each.release());
    const next = await rig.origin.arrival();
    expect(next.range).toBe(`bytes=1000-${2 * MIB - 1}`);
    next.release();
    await isRight(answer, bytes);
  });

  it('that a peer brought is completed by the origin under the same strong validator', async () => {
    const bytes = patterned(4 * MIB);
    put(bytes);
    await ask(`${rig.url}${PATH}`, { headers: { range: 'bytes=0-9' } });
    await peer.stop();
    await tier.stop();
    const answer = await ask(`${rig.url}${PATH}`);
    expect(answer.body.equals(bytes)).toBe(true);
    expect(rig.origin.requests.every(({ headers }) => headers['if-range'] === '"v1"')).toBe(true);
  });

  it('ends with what all of them said when all are away, and soon', async () => {
    for (const source of all()) await source.stop();
    for (let round = 0; round < 6; round += 1) expect((await ask(`${rig.url}/${round}`)).status).toBe(502);
    expect(await metric('appliance_troubled_sources{source="origin"}')).toBe(1);
    expect(await metric('appliance_source_breaker_changes_total{source="peer",state="open"}')).toBe(1);
  });
});

describe('a source that breaks off', () => {
  let rig: ApplianceRig;

  beforeEach(async () => {
    rig = await startAppliance();
  });

  afterEach(() => rig.stop());

  it.each([
    ['after 1 MiB', () => MIB],
    ['at half of what is left', (left: number) => Math.max(60_000, Math.floor(left / 2))],
  ])('%s every time gives the right bytes three times of three', async (_how, take) => {
    rig.origin.isHeld = true;
    for (const path of ['/1.mp4', '/2.mp4', '/3.mp4']) {
      const bytes = patterned(4 * MIB, path.charCodeAt(1));
      rig.origin.files.set(path, { bytes, etag: '"v1"', headers: FRESH });
      const client = openAnswer(`${rig.url}${path}`);
      for (let sent = 0; sent < bytes.length; ) {
        const request = await rig.origin.arrival();
        const count = Math.min(take(bytes.length - sent), bytes.length - sent);
        request.head();
        request.send(count);
        sent += count;
        await (await client).received(sent);
        if (sent === bytes.length) request.end();
        else request.cut();
      }
      expect(await (await client).ended).toBe('complete');
      expect((await client).body.equals(bytes)).toBe(true);
    }
    await until(async () => (await ask(`${rig.adminUrl}/v1/state`)).body.toString().includes('"activeRequests":0'));
  });
});
