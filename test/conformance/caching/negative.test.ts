import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { CachingRig } from './caching-rig.ts';

describe('an answer without content (CACHE-16)', () => {
  let rig: CachingRig;

  beforeAll(async () => {
    rig = await CachingRig.start({ negativeTtlSec: '5', failureTtlSec: '2' });
  });

  beforeEach(() => rig.renew());

  afterAll(() => rig.stop());

  it.each([
    [404, 5],
    [410, 5],
    [405, 5],
    [414, 5],
    [501, 5],
    [500, 2],
    [502, 2],
    [503, 2],
    [504, 2],
  ])('of %i that says nothing of it counts for %i s', async (status, seconds) => {
    rig.on('/a', { status, body: 'no' });
    const counted = await rig.metric('appliance_requests_total{outcome="negative"}');
    expect((await rig.get('/a')).status).toBe(status);
    rig.pass(seconds - 1);
    const again = await rig.get('/a');
    expect(again.status).toBe(status);
    expect(again.body.toString()).toBe('no');
    expect(again.headers['cache-status']).toMatch(/^oca-1;hit;ttl=[01]$/);
    expect(again.headers.age).toBe(String(seconds - 1));
    expect(rig.requests).toHaveLength(1);
    expect(await rig.metric('appliance_requests_total{outcome="negative"}')).toBe(counted + 1);
    rig.pass(2);
    await rig.get('/a');
    expect(rig.requests).toHaveLength(2);
  });

  it.each([400, 401, 403, 409, 422, 429, 302, 303, 307])(
    'of %i that says nothing of it counts for those who wait alone',
    async (status) => {
      rig.on('/a', { status });
      await rig.get('/a');
      await rig.get('/a');
      expect(rig.requests).toHaveLength(2);
    },
  );

  it.each([
    ['404', 404, 'max-age=1', 2],
    ['404 with 0', 404, 'max-age=0', 1],
    ['404 with no-cache', 404, 'no-cache', 1],
    ['404 with no-store', 404, 'no-store', 1],
    ['404 with s-maxage', 404, 's-maxage=1, max-age=60', 2],
    ['503', 503, 'max-age=1', 2],
    ['private 404', 404, 'private, max-age=60', 1],
  ])('never counts longer than it says: %s', async (_what, status, cacheControl, second) => {
    rig.on('/a', { status, headers: { 'cache-control': cacheControl } });
    await rig.get('/a');
    await rig.get('/a');
    expect(rig.requests).toHaveLength(second === 1 ? 2 : 1);
    rig.pass(second);
    await rig.get('/a');
    expect(rig.requests).toHaveLength(second === 1 ? 3 : 2);
  });

  it('counts as long as it says, where it says more than the operator (LL-6)', async () => {
    rig.on('/a', { status: 503, headers: { 'cache-control': 'max-age=60', 'retry-after': '7' } });
    await rig.get('/a');
    rig.pass(59);
    expect((await rig.get('/a')).headers['retry-after']).toBe('7');
    expect(rig.requests).toHaveLength(1);
  });

  it('is given to a HEAD without its body', async () => {
    rig.on('/a', { status: 404, body: 'no' });
    await rig.get('/a');
    const head = await rig.get('/a', {}, { method: 'HEAD' });
    expect([head.status, head.receivedBytes]).toEqual([404, 0]);
    expect(rig.requests).toHaveLength(1);
  });

  it.each([
    ['no-cache', 2],
    ['max-age=0', 2],
    ['max-stale=10', 1],
    ['only-if-cached', 1],
  ])('obeys what the client demands: %s', async (cacheControl, requests) => {
    rig.on('/a', { status: 404 });
    await rig.get('/a');
    rig.pass(1);
    expect((await rig.get('/a', { 'cache-control': cacheControl })).status).toBe(404);
    expect(rig.requests).toHaveLength(requests);
  });

  it('of a failure never takes the place of content that is held: that is served while it may be', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=10', etag: '"1"' }, body: 'good' });
    await rig.get('/a');
    rig.on('/a', { status: 503, headers: { 'cache-control': 'max-age=60' } });
    rig.pass(11);
    for (let round = 0; round < 3; round += 1) {
      const answer = await rig.get('/a');
      expect([answer.status, answer.body.toString()]).toEqual([200, 'good']);
      expect(answer.headers['cache-status']).toContain('detail=stale-if-error');
    }
    expect(rig.requests).toHaveLength(2);
  });

  it('of 404 takes what is held away, and what comes back is served', async () => {
    rig.on('/a', { headers: { 'cache-control': 'max-age=10', etag: '"1"' }, body: 'good' });
    await rig.get('/a');
    rig.on('/a', { status: 404 });
    rig.pass(11);
    expect((await rig.get('/a')).status).toBe(404);
    rig.on('/a', { headers: { 'cache-control': 'max-age=10', etag: '"2"' }, body: 'new' });
    rig.pass(6);
    expect((await rig.get('/a')).body.toString()).toBe('new');
    expect(rig.requests.at(-1)?.headers['if-none-match']).toBeUndefined();
  });

  it('is forgotten by a purge', async () => {
    rig.on('/a', { status: 404 });
    await rig.get('/a');
    await rig.purge('/a');
    await rig.get('/a');
    expect(rig.requests).toHaveLength(2);
  });

  it('costs a failing origin one request however many ask at once, also when it may not be stored', async () => {
    let release: (() => void) | undefined;
    rig.on('/a', () => (response) => {
      release = () => {
        response.writeHead(503, { 'cache-control': 'no-store', 'content-length': '0' });
        response.end();
      };
    });
    const clients = Array.from({ length: 20 }, () => rig.get('/a'));
    await until(async () => release !== undefined && (await rig.activeRequests()) === 20);
    release?.();
    for (const { status } of await Promise.all(clients)) expect(status).toBe(503);
    expect(rig.requests).toHaveLength(1);
  });

  it.each([
    [301, 'max-age=60', 'https://elsewhere.example/'],
    [302, 'max-age=60', '/b'],
    [308, 's-maxage=60', '/b'],
    [300, 'max-age=60', '/b'],
  ])('of %i is stored when it says how long (%s)', async (status, cacheControl, location) => {
    rig.on('/a', { status, headers: { 'cache-control': cacheControl, location }, body: 'there' });
    await rig.get('/a');
    rig.pass(59);
    const answer = await rig.get('/a');
    expect([answer.status, answer.headers.location, answer.body.toString()]).toEqual([status, location, 'there']);
    expect(rig.requests).toHaveLength(1);
    rig.pass(2);
    await rig.get('/a');
    expect(rig.requests).toHaveLength(2);
  });

  it.each([203, 204])('of %i is stored when it says how long', async (status) => {
    rig.on('/a', {
      status,
      headers: { 'cache-control': 'max-age=60', 'x-it': 'is' },
      body: status === 204 ? '' : 'well',
    });
    await rig.get('/a');
    const answer = await rig.get('/a');
    expect([answer.status, answer.headers['x-it']]).toEqual([status, 'is']);
    expect(answer.body.toString()).toBe(status === 204 ? '' : 'well');
    expect(answer.headers['content-length']).toBe(status === 204 ? undefined : '4');
    expect(rig.requests).toHaveLength(1);
  });

  it('of a redirect that is private goes to each client by a request of its own', async () => {
    rig.on('/a', (_request, count) => ({
      status: 302,
      headers: { 'cache-control': 'private, max-age=60', location: `/for-${count}` },
    }));
    const places = [await rig.get('/a'), await rig.get('/a')].map(({ headers }) => headers.location);
    expect(places).toEqual(['/for-1', '/for-2']);
  });

  it('that varies is given to those who ask alike', async () => {
    rig.on('/a', ({ headers }) => ({
      status: 404,
      headers: { vary: 'Accept-Language' },
      body: `no ${headers['accept-language']}`,
    }));
    const get = async (language: string): Promise<string> =>
      (await rig.get('/a', { 'accept-language': language })).body.toString();
    expect([await get('eo'), await get('de'), await get('eo'), await get('de')]).toEqual([
      'no eo',
      'no de',
      'no eo',
      'no de',
    ]);
    expect(rig.requests).toHaveLength(2);
  });
});
