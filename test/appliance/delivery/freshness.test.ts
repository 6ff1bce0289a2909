import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemWorld, type World } from '../../../src/world/world.ts';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { type Asked, ask, type OpenAnswer } from '../support/http-client.ts';

const BYTES = patterned(2000);

/** The system's world, in which the wall clock can be put forward. */
function worldWithOffset(): World & { offsetMs: number } {
  const world = {
    offsetMs: 0,
    random: systemWorld.random,
    clock: { ...systemWorld.clock, nowMs: (): number => systemWorld.clock.nowMs() + world.offsetMs },
  };
  return world;
}

describe('an object that is held', () => {
  let rig: ApplianceRig;
  let world: ReturnType<typeof worldWithOffset>;

  beforeEach(async () => {
    world = worldWithOffset();
    rig = await startAppliance({ world });
  });

  afterEach(() => rig.stop());

  const put = (cacheControl: string | undefined, etag = '"v1"', more: Readonly<Record<string, string>> = {}): void => {
    rig.origin.files.set('/a', {
      bytes: BYTES,
      etag,
      headers: { ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }), ...more },
    });
  };
  const get = (asked: Asked = {}): Promise<OpenAnswer> => ask(`${rig.url}/a`, asked);
  const pass = (seconds: number): void => {
    world.offsetMs += seconds * 1000;
    rig.origin.clockOffsetMs = world.offsetMs;
  };

  it('is served without the origin while it is fresh, with its age', async () => {
    put('max-age=100');
    await get();
    pass(40);
    const answer = await get();
    expect(answer.headers.age).toMatch(/^4[01]$/);
    expect(answer.headers['cache-status']).toMatch(/^oca-1;hit;ttl=(59|58)$/);
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('is confirmed by its entity tag when it is stale, and then fresh anew', async () => {
    put('max-age=100');
    await get();
    pass(101);
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.body.equals(BYTES)).toBe(true);
    expect(answer.headers['cache-status']).toMatch(/^oca-1;fwd=stale;fwd-status=304;ttl=(100|99)$/);
    expect(rig.origin.requests[1]?.headers['if-none-match']).toBe('"v1"');
    await get();
    expect(rig.origin.requests).toHaveLength(2);
  });

  it('is confirmed each time where neither origin nor operator gives it a lifetime', async () => {
    put(undefined);
    await get();
    await get();
    await get();
    expect(rig.origin.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"v1"', '"v1"']);
  });

  it('is replaced when the origin has another one', async () => {
    put('max-age=100');
    await get();
    pass(101);
    const young = patterned(3000, 7);
    rig.origin.files.set('/a', { bytes: young, etag: '"v2"' });
    const answer = await get();
    expect(answer.headers.etag).toBe('"v2"');
    expect(answer.body.equals(young)).toBe(true);
  });

  it('is confirmed once for all who ask at the same time', async () => {
    put('max-age=100');
    await get();
    pass(101);
    rig.origin.isHeld = true;
    const clients = Array.from({ length: 10 }, () => get());
    const request = await rig.origin.arrival();
    await until(async () => {
      const state = await ask(`${rig.adminUrl}/v1/state`);
      return state.body.toString().includes('"activeRequests":10');
    });
    request.release();
    for (const answer of await Promise.all(clients)) expect(answer.body.equals(BYTES)).toBe(true);
    expect(rig.origin.requests).toHaveLength(2);
  });

  it('is served stale while the origin fails, where that is allowed', async () => {
    put('max-age=100');
    await get();
    pass(101);
    rig.origin.isHeld = true;
    const answer = get();
    (await rig.origin.arrival()).refuse(503);
    expect((await answer).status).toBe(200);
    expect((await answer).headers['cache-status']).toContain('fwd=stale;fwd-status=503');
    const unreachable = get();
    await rig.origin.stop();
    expect((await unreachable).status).toBe(200);
    expect((await unreachable).headers['cache-status']).toContain('detail=stale-if-error');
    rig.origin.isHeld = false;
  });

  it('is not served stale where the origin forbids it', async () => {
    put('max-age=100, must-revalidate');
    await get();
    pass(101);
    rig.origin.isHeld = true;
    const answer = get();
    (await rig.origin.arrival()).refuse(503);
    expect((await answer).status).toBe(503);
  });

  it('is served at once within stale-while-revalidate, and confirmed behind it', async () => {
    put('max-age=100, stale-while-revalidate=50');
    await get();
    pass(120);
    const answer = await get();
    expect(answer.headers['cache-status']).toMatch(/;hit;ttl=-2[01]$/);
    await until(() => rig.origin.requests.length === 2);
    await until(async () => {
      const later = await get();
      return (
        later.headers['cache-status']?.includes('hit;ttl=9') === true ||
        later.headers['cache-status']?.includes('hit;ttl=100') === true
      );
    });
    expect(rig.origin.requests).toHaveLength(2);
  });

  it('is given to a peer when it is there, and never fetched for one', async () => {
    put('max-age=100');
    const peer = { headers: { 'cache-control': 'only-if-cached' } };
    expect((await get(peer)).status).toBe(504);
    expect(rig.origin.requests).toHaveLength(0);
    await get();
    expect((await get(peer)).status).toBe(200);
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('is confirmed for a client that demands it, unless it is immutable and the demand is a reload', async () => {
    put('max-age=100, immutable');
    await get();
    await get({ headers: { 'cache-control': 'max-age=0' } });
    expect(rig.origin.requests).toHaveLength(1);
    await get({ headers: { 'cache-control': 'no-cache' } });
    expect(rig.origin.requests).toHaveLength(2);
  });

  it('follows CDN-Cache-Control before Cache-Control', async () => {
    put('no-store', '"v1"', { 'cdn-cache-control': 'max-age=1000' });
    await get();
    pass(900);
    expect((await get()).headers['cache-status']).toContain('hit');
  });

  it.each([
    ['private', { 'cache-control': 'private, max-age=100' }],
    ['no-store', { 'cache-control': 'no-store' }],
    ['with a cookie', { 'cache-control': 'max-age=100', 'set-cookie': ['who=me; Path=/', 'why=that'] }],
    ['varying by anything', { 'cache-control': 'max-age=100', vary: 'Accept-Language, *' }],
    ['chosen by a cookie', { 'cache-control': 'max-age=100', vary: 'Cookie' }],
  ])('is not: what is %s goes through to each client', async (_what, headers) => {
    rig.origin.files.set('/a', { bytes: BYTES, etag: '"v1"', headers });
    for (let round = 0; round < 2; round += 1) {
      const answer = await get({ headers: { range: 'bytes=5-14', cookie: 'a=b', 'accept-language': 'eo' } });
      expect(answer.status).toBe(206);
      expect(answer.body.equals(BYTES.subarray(5, 15))).toBe(true);
      expect(answer.headers['set-cookie']).toEqual('set-cookie' in headers ? headers['set-cookie'] : undefined);
    }
    expect((await ask(`${rig.adminUrl}/v1/explain?path=/a`)).status).toBe(404);
    const last = rig.origin.requests.at(-1);
    expect(last?.headers.cookie).toBeUndefined();
    expect(last?.headers['accept-language']).toBe('eo');
    expect((await get()).body.equals(BYTES)).toBe(true);
  });

  it('is not: what is asked for with credentials, which stay here', async () => {
    put('max-age=100');
    const answer = await get({ headers: { authorization: 'Basic eDp5' } });
    expect(answer.headers['cache-status']).toBe('oca-1;fwd=bypass;fwd-status=200');
    expect(rig.origin.requests[0]?.headers.authorization).toBeUndefined();
    expect((await ask(`${rig.adminUrl}/v1/explain?path=/a`)).status).toBe(404);
  });

  it('is the same for every query of a player that only reports', async () => {
    put('max-age=100');
    await get();
    await ask(`${rig.url}/a?CMCD=bl%3D8000&_HLS_pathway=x`);
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('is forgotten by a purge', async () => {
    put('max-age=100');
    await get();
    const body = JSON.stringify({ path: '/a' });
    const purge = await fetch(`${rig.adminUrl}/v1/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(await purge.json()).toMatchObject({ status: 'complete', purged: { objects: 1 } });
    await get();
    expect(rig.origin.requests).toHaveLength(2);
  });
});
