import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { CachingRig } from './caching-rig.ts';

describe('a stale object', () => {
  let rig: CachingRig;

  beforeAll(async () => {
    rig = await CachingRig.start({ failureTtlSec: '2' });
  });

  beforeEach(() => rig.renew());

  afterAll(() => rig.stop());

  const hold = async (cacheControl: string): Promise<void> => {
    rig.on('/a', { headers: { 'cache-control': cacheControl, etag: '"1"' }, body: 'old' });
    await rig.get('/a');
  };

  it('within stale-while-revalidate is served at once and confirmed by one GET, of an origin without HEAD (CACHE-9)', async () => {
    await hold('max-age=10, stale-while-revalidate=20');
    const release: (() => void)[] = [];
    rig.on('/a', ({ method }) =>
      method === 'HEAD'
        ? { status: 405 }
        : (response) => {
            release.push(() => {
              response.writeHead(304, { date: rig.date(), etag: '"1"', 'cache-control': 'max-age=10' });
              response.end();
            });
          },
    );
    rig.pass(15);
    for (let round = 0; round < 10; round += 1) {
      const answer = await rig.get('/a');
      expect(answer.body.toString()).toBe('old');
      expect(answer.headers['cache-status']).toMatch(/^oca-1;hit;ttl=-[567]$/);
    }
    await until(() => release.length === 1);
    expect(rig.requests).toHaveLength(2);
    expect(rig.requests[1]?.method).toBe('GET');
    release[0]?.();
    await until(async () => /hit;ttl=\d/.test(String((await rig.get('/a')).headers['cache-status'])));
    expect(rig.requests).toHaveLength(2);
  });

  it('within stale-while-revalidate is replaced behind the one who got it', async () => {
    await hold('max-age=10, stale-while-revalidate=20');
    rig.on('/a', { headers: { 'cache-control': 'max-age=10', etag: '"2"' }, body: 'new' });
    rig.pass(15);
    expect((await rig.get('/a')).body.toString()).toBe('old');
    await until(async () => (await rig.get('/a')).body.toString() === 'new');
    expect(rig.requests).toHaveLength(2);
  });

  it('does not ask an origin that fails for every one who gets it', async () => {
    await hold('max-age=10, stale-while-revalidate=20');
    rig.on('/a', { status: 503 });
    rig.pass(15);
    await rig.get('/a');
    await until(() => rig.requests.length === 2);
    for (let round = 0; round < 5; round += 1) expect((await rig.get('/a')).body.toString()).toBe('old');
    expect(rig.requests.length).toBeLessThanOrEqual(3);
  });

  it('beyond stale-while-revalidate is confirmed first', async () => {
    await hold('max-age=10, stale-while-revalidate=20');
    rig.on('/a', { headers: { 'cache-control': 'max-age=10', etag: '"2"' }, body: 'new' });
    rig.pass(31);
    expect((await rig.get('/a')).body.toString()).toBe('new');
  });

  it.each([500, 502, 503, 504])('is served when the origin answers %i, within stale-if-error', async (status) => {
    await hold('max-age=10, stale-if-error=20');
    rig.on('/a', { status, headers: { 'cache-control': 'no-store' } });
    rig.pass(15);
    const answer = await rig.get('/a');
    expect([answer.status, answer.body.toString()]).toEqual([200, 'old']);
    expect(answer.headers['cache-status']).toMatch(
      new RegExp(`^oca-1;fwd=stale;fwd-status=${status};ttl=-[567];detail=stale-if-error$`),
    );
    expect(Number(answer.headers.age)).toBeGreaterThanOrEqual(15);
    rig.pass(16);
    expect((await rig.get('/a')).status).toBe(status);
  });

  it.each([501, 404, 403])('is not served when the origin answers %i', async (status) => {
    await hold('max-age=10, stale-if-error=20');
    rig.on('/a', { status });
    rig.pass(15);
    expect((await rig.get('/a')).status).toBe(status);
  });

  it('is served when the origin breaks off before its head, and asks again after a moment', async () => {
    await hold('max-age=10, stale-if-error=20');
    rig.on('/a', () => (response) => void response.destroy());
    rig.pass(15);
    expect((await rig.get('/a')).body.toString()).toBe('old');
    const asked = rig.requests.length;
    expect((await rig.get('/a')).headers['cache-status']).toContain('detail=stale-if-error');
    expect(rig.requests).toHaveLength(asked);
  });

  it.each(['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=10', 'no-cache="set-cookie"'])(
    'is not served where the answer forbids it: %s',
    async (directive) => {
      await hold(`max-age=10, ${directive}`);
      rig.on('/a', { status: 503 });
      rig.pass(15);
      expect((await rig.get('/a')).status).toBe(503);
    },
  );

  it.each(['must-revalidate', 'proxy-revalidate', 'no-cache'])(
    'is not served though stale-if-error and stale-while-revalidate allow it, where there is %s',
    async (directive) => {
      await hold(`max-age=10, stale-while-revalidate=60, stale-if-error=60, ${directive}`);
      rig.on('/a', { status: 503 });
      rig.pass(15);
      expect((await rig.get('/a')).status).toBe(503);
    },
  );

  it('is served beside s-maxage where the origin itself allows it', async () => {
    await hold('s-maxage=10, stale-if-error=60');
    rig.on('/a', { status: 503 });
    rig.pass(15);
    expect((await rig.get('/a')).status).toBe(200);
  });

  it('that is popular is confirmed once however many ask, whatever they ask it with', async () => {
    await hold('max-age=10');
    let release: (() => void) | undefined;
    rig.on('/a', () => (response) => {
      release = () => {
        response.writeHead(304, { date: rig.date(), etag: '"1"', 'cache-control': 'max-age=10' });
        response.end();
      };
    });
    rig.pass(11);
    const asked = [{}, { range: 'bytes=0-0' }, { 'cache-control': 'no-cache' }, { 'if-none-match': '"1"' }];
    const clients = Array.from({ length: 40 }, (_, place) => rig.get('/a', asked[place % 4]));
    await until(async () => release !== undefined && (await rig.activeRequests()) === 40);
    release?.();
    const expected = [200, 206, 200, 304];
    expect((await Promise.all(clients)).map(({ status }) => status)).toEqual(
      clients.map((_, place) => expected[place % 4]),
    );
    expect(rig.requests).toHaveLength(2);
  });
});
