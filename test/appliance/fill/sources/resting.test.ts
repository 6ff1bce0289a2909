import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeWorld } from '../../../support/fake-world.ts';
import { type ApplianceRig, startAppliance } from '../../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../../support/gated-origin.ts';
import { ask } from '../../support/http-client.ts';

const FRESH = { 'cache-control': 'max-age=600' };

describe('a source that fails again and again', () => {
  let world: FakeWorld;
  let peer: GatedOrigin;
  let rig: ApplianceRig;

  beforeEach(async () => {
    world = new FakeWorld();
    peer = await GatedOrigin.start();
    rig = await startAppliance({ world, flags: { peers: [peer.url], failureTtlSec: 0 } });
    rig.origin.clockOffsetMs = world.clock.nowMs() - Date.now();
  });

  afterEach(async () => {
    await rig.stop();
    await peer.stop();
  });

  const put = (path: string, cacheControl = 'max-age=600'): Buffer => {
    const bytes = patterned(2000, path.length);
    rig.origin.files.set(path, { bytes, etag: `"${path}"`, headers: { 'cache-control': cacheControl } });
    return bytes;
  };

  it('costs viewers nothing after some: it is not asked, then tried by one, then asked again', async () => {
    peer.isHeld = true;
    for (let round = 0; round < 5; round += 1) {
      const bytes = put(`/${round}`);
      const answer = ask(`${rig.url}/${round}`);
      await peer.arrival();
      // It never answers.
      let isOver = false;
      void answer.then(() => (isOver = true));
      await world.clock.advanceUntil(() => isOver, { stepMs: 1000 });
      expect((await answer).body.equals(bytes)).toBe(true);
    }
    for (let round = 5; round < 20; round += 1) {
      const bytes = put(`/${round}`);
      expect((await ask(`${rig.url}/${round}`)).body.equals(bytes)).toBe(true);
    }
    expect(peer.requests).toHaveLength(5);
    await world.clock.advance(1000);
    peer.isHeld = false;
    const bytes = put('/again');
    peer.files.set('/again', { bytes, etag: '"/again"', headers: FRESH });
    await ask(`${rig.url}/again`);
    expect(peer.asked('/again')).toHaveLength(1);
    expect(rig.origin.asked('/again')).toHaveLength(0);
    peer.files.set('/next', { bytes, etag: '"/next"', headers: FRESH });
    expect((await ask(`${rig.url}/next`)).status).toBe(200);
  });

  it('being the origin, is no reason to wait: what is stale is served at once, and the rest refused at once', async () => {
    await peer.stop();
    const bytes = put('/stale', 'max-age=1, stale-if-error=600');
    await ask(`${rig.url}/stale`);
    await world.clock.advance(5000);
    rig.origin.isHeld = true;
    for (let round = 0; round < 5; round += 1) {
      let status = 0;
      void ask(`${rig.url}/none${round}`).then((answer) => (status = answer.status));
      await rig.origin.arrival();
      await world.clock.advanceUntil(() => status !== 0, { stepMs: 500 });
      expect(status).toBe(504);
    }
    // No time passes from here on.
    const asked = rig.origin.requests.length;
    expect((await ask(`${rig.url}/other`)).status).toBe(502);
    const stale = await ask(`${rig.url}/stale`);
    expect(stale.status).toBe(200);
    expect(stale.body.equals(bytes)).toBe(true);
    expect(stale.headers['cache-status']).toContain('stale');
    expect(rig.origin.requests).toHaveLength(asked);
    rig.origin.isHeld = false;
    await world.clock.advance(1000);
    const back = put('/back');
    expect((await ask(`${rig.url}/back`)).body.equals(back)).toBe(true);
    expect((await ask(`${rig.url}/stale`)).status).toBe(200);
    expect(rig.origin.requests.length).toBeGreaterThan(asked + 1);
  });

  it('being part of a circle, is left alone at once', async () => {
    peer.isHeld = true;
    const bytes = put('/film');
    const answer = ask(`${rig.url}/film`);
    (await peer.arrival()).refuse(508);
    expect((await answer).body.equals(bytes)).toBe(true);
    put('/next');
    await ask(`${rig.url}/next`);
    expect(peer.requests).toHaveLength(1);
  });
});
