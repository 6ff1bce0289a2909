import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeWorld } from '../../support/fake-world.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const PATH = '/film.mp4';
const FRESH = { 'cache-control': 'max-age=600' };

describe('a block that a viewer waits for and that is late', () => {
  let world: FakeWorld;
  let peer: GatedOrigin;
  let rig: ApplianceRig;
  const bytes = patterned(2 * MIB);

  const start = async (flags: Readonly<Record<string, unknown>> = {}): Promise<void> => {
    rig = await startAppliance({ world, flags: { peers: [peer.url], ...flags } });
    for (const source of [peer, rig.origin]) {
      source.files.set(PATH, { bytes, etag: '"v1"', headers: FRESH });
      source.isHeld = true;
    }
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
  /** The next request to a source, while time passes. */
  const arrival = async (source: GatedOrigin) => {
    const before = source.requests.length;
    const coming = source.arrival();
    await world.clock.advanceUntil(() => source.requests.length > before);
    return coming;
  };

  beforeEach(async () => {
    world = new FakeWorld();
    peer = await GatedOrigin.start();
  });

  afterEach(async () => {
    await rig.stop();
    await peer.stop();
  });

  it('is brought by the next source when the first hangs in the middle of it, and the next goes on', async () => {
    await start();
    const client = openAnswer(`${rig.url}${PATH}`);
    const stalled = await peer.arrival();
    stalled.head();
    stalled.send(5000);
    const answer = await client;
    await answer.received(5000);
    const second = await arrival(rig.origin);
    expect(second.range).toBe(`bytes=5000-${MIB - 1}`);
    expect(second.headers['if-range']).toBe('"v1"');
    second.release();
    await stalled.closed;
    const third = await rig.origin.arrival();
    expect(third.range).toBe(`bytes=${MIB}-${2 * MIB - 1}`);
    third.release();
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(bytes)).toBe(true);
    expect(await metric('appliance_hedged_blocks_total{result="won"}')).toBe(1);
    const filled = await Promise.all(
      ['peer', 'origin'].map((kind) => metric(`appliance_fill_bytes_total{source="${kind}"}`)),
    );
    expect(filled).toEqual([5000, 2 * MIB - 5000]);
  });

  it('is brought by the first after all when that is quicker, and the second is cut off', async () => {
    await start();
    const client = openAnswer(`${rig.url}${PATH}`);
    const slow = await peer.arrival();
    slow.head();
    slow.send(5000);
    const answer = await client;
    await answer.received(5000);
    const second = await arrival(rig.origin);
    second.head();
    second.send(1000);
    slow.send();
    slow.end();
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(bytes)).toBe(true);
    await second.closed;
    expect(await metric('appliance_hedged_blocks_total{result="lost"}')).toBe(1);
    expect(rig.origin.requests).toHaveLength(1);
    expect(peer.requests).toHaveLength(1);
  });

  it('is not asked of an origin that is alone a second time', async () => {
    await start({ peers: [] });
    const client = openAnswer(`${rig.url}${PATH}`);
    const request = await rig.origin.arrival();
    request.head();
    request.send(5000);
    await (await client).received(5000);
    await world.clock.advance(20_000);
    expect(rig.origin.requests).toHaveLength(1);
    request.send();
    request.end();
    expect(await (await client).ended).toBe('complete');
  });

  it('is, where the operator allows that', async () => {
    await start({ peers: [], hedgeOrigin: true });
    const client = openAnswer(`${rig.url}${PATH}`);
    const request = await rig.origin.arrival();
    request.head();
    request.send(5000);
    await (await client).received(5000);
    const second = await arrival(rig.origin);
    expect(second.range).toBe(`bytes=5000-${MIB - 1}`);
    second.release();
    (await arrival(rig.origin)).release();
    expect(await (await client).ended).toBe('complete');
    expect((await client).body.equals(bytes)).toBe(true);
  });

  it('is asked of the first alone where that is switched off', async () => {
    await start({ hedgeShare: 0 });
    const client = openAnswer(`${rig.url}${PATH}`);
    const request = await peer.arrival();
    request.head();
    request.send(5000);
    await (await client).received(5000);
    await world.clock.advance(20_000);
    expect(rig.origin.requests).toHaveLength(0);
    request.send();
    request.end();
    expect(await (await client).ended).toBe('complete');
  });

  it('is never mended with bytes of another generation', async () => {
    await start();
    const client = openAnswer(`${rig.url}${PATH}`);
    const slow = await peer.arrival();
    slow.head();
    slow.send(5000);
    const answer = await client;
    await answer.received(5000);
    rig.origin.files.set(PATH, { bytes: patterned(2 * MIB, 7), etag: '"v2"', headers: FRESH });
    (await arrival(rig.origin)).release();
    await world.clock.advance(2000);
    slow.send();
    slow.end();
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it('is waited for by a viewer only so long, however long the fill may take', async () => {
    await start({ hedgeShare: 0, readerTimeoutMs: 3000 });
    const client = openAnswer(`${rig.url}${PATH}`);
    const request = await peer.arrival();
    request.head();
    await world.clock.advanceUntil(() => false, { limitMs: 2500 }).catch(() => undefined);
    request.send(5000);
    const answer = await client;
    await answer.received(5000);
    let end: string | undefined;
    void answer.ended.then((how) => (end = how));
    await world.clock.advanceUntil(() => end !== undefined);
    expect(end).toBe('cut');
    expect(peer.requests).toHaveLength(1);
  });

  it('is taken from the source for so long and no longer, though bytes trickle in', async () => {
    await start({ hedgeShare: 0, blockTimeoutMs: 5000, readerTimeoutMs: 60_000 });
    const client = openAnswer(`${rig.url}${PATH}`);
    const slow = await peer.arrival();
    slow.head();
    slow.send(100);
    const answer = await client;
    for (let second = 0; second < 4; second += 1) {
      slow.send(100);
      await answer.received(200 + second * 100);
      await world.clock.advance(1000);
    }
    const next = await arrival(rig.origin);
    expect(next.range).toBe(`bytes=500-${2 * MIB - 1}`);
    next.release();
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(bytes)).toBe(true);
  });
});
