import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalSteering } from '../../../appliance/local-steering/local-steering.ts';
import { MateWatch } from '../../../appliance/local-steering/mate-watch.ts';
import { orderSite } from '../../../appliance/local-steering/order-site.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import type { SiteSnapshot } from '../../../src/contracts/site-snapshot.ts';
import { parseContentSteering } from '../../../src/contracts/steering-answer.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const snapshotOf = (ids: readonly string[], urls: Readonly<Record<string, string>> = {}): SiteSnapshot => ({
  version: 1,
  siteId: 'north',
  issuedAtMs: 0,
  notAfterMs: 1e13,
  steeringUrl: 'https://steer.example',
  ttlSec: 30,
  appliances: ids.map((id) => ({ id, baseUrl: urls[id] ?? `http://${id}.example`, weight: 1 })),
  keyId: 'k',
  signature: '',
});

let http: HttpClient;
let world: FakeWorld;
let mates: MateWatch;
let isServing: boolean;
const servers: Server[] = [];

beforeEach(() => {
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 4 });
  world = new FakeWorld();
  mates = new MateWatch(http, world.clock);
  isServing = true;
});
afterEach(async () => {
  await http.destroy();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const localOf = (snapshot: SiteSnapshot | undefined): LocalSteering =>
  new LocalSteering({
    ownId: 'a1',
    snapshot: () => snapshot,
    isServing: () => isServing,
    mates,
    random: world.random,
    metrics: new Metrics('appliance'),
  });
const bodyOf = (local: LocalSteering, target: string) => {
  const answer = local.answer('GET', target);
  if (answer === undefined) throw new Error('no answer');
  return parseContentSteering(JSON.parse(answer.body.toString()));
};

/** A mate that answers whatever it is asked. */
async function mate(): Promise<{ url: string; asked: string[]; stop(): Promise<void> }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(403).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('the body of an appliance', () => {
  it('keeps the golden rules G1 to G20 for whatever is asked', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,8}$/), { maxLength: 20 }),
        fc.constantFrom('hls', 'dash'),
        fc.oneof(fc.webQueryParameters(), fc.constant('a=film&s=s1&_HLS_pathway="a1"&_HLS_throughput=-5'), fc.string()),
        fc.boolean(),
        (ids, format, query, serving) => {
          isServing = serving;
          const local = localOf(snapshotOf(ids.filter((id) => id !== 'origin')));
          const answer = local.answer('GET', `/v1/steering/${format}?${query.replace(/[\r\n]/g, '')}`);
          if (answer === undefined) return;
          const body = parseContentSteering(JSON.parse(answer.body.toString()));
          expect(body.TTL).toBeGreaterThanOrEqual(120);
          expect(body['RELOAD-URI']).toMatch(new RegExp(`^https://steer\\.example/v1/steering/${format}\\?`));
          expect(body['RELOAD-URI']).not.toMatch(/_HLS_|_DASH_|CMCD/);
          const order = body['PATHWAY-PRIORITY'];
          expect(order.at(-1)).toBe('origin');
          expect(new Set(order).size).toBe(order.length);
          expect(answer.body.length).toBeLessThanOrEqual(4096);
          expect(answer.headers).toMatchObject({ 'Cache-Control': 'no-store', 'Access-Control-Allow-Origin': '*' });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('sends the player back to steering with what steering had put into its URL', () => {
    const body = bodyOf(
      localOf(snapshotOf(['a1'])),
      '/v1/steering/hls?a=film&s=s1&m=a1,a2&_HLS_pathway=a1&_HLS_throughput=1&CMCD=x&x=<y>',
    );
    expect(body['RELOAD-URI']).toBe('https://steer.example/v1/steering/hls?a=film&m=a1,a2&s=s1');
  });

  it('leaves itself out while it drains, and names the origin twice when nobody is left', () => {
    isServing = false;
    expect(bodyOf(localOf(snapshotOf(['a1', 'a2'])), '/v1/steering/hls?s=s1')['PATHWAY-PRIORITY']).toEqual([
      'a2',
      'origin',
    ]);
    expect(bodyOf(localOf(snapshotOf(['a1'])), '/v1/steering/hls?s=s1')['PATHWAY-PRIORITY']).toEqual([
      'origin-retry',
      'origin',
    ]);
  });

  it('is for content steering alone, and only with a snapshot', () => {
    const local = localOf(snapshotOf(['a1']));
    for (const target of [
      '/v1/steering/hlsx',
      '/v1/steering/',
      '/v1/steer?title=x',
      '/vod/a.mp4',
      '/v1/steering/hls/x',
    ])
      expect(local.answer('GET', target)).toBeUndefined();
    expect(local.answer('POST', '/v1/steering/hls')).toBeUndefined();
    expect(localOf(undefined).answer('GET', '/v1/steering/hls')).toBeUndefined();
    expect(local.answer('HEAD', '/v1/steering/hls')?.body).toHaveLength(0);
  });
});

describe('the order of a site', () => {
  const appliances = ['a1', 'a2', 'a3'].map((id) => ({ id, baseUrl: `http://${id}`, weight: 1 }));

  it('moves nobody who can stay, and nobody else than who was at the one that is gone', () => {
    for (let at = 0; at < 200; at += 1) {
      const question = { sessionId: `s${at}`, reported: [] };
      const before = orderSite({ appliances }, question, () => true);
      const after = orderSite({ appliances }, question, (id) => id !== 'a2');
      expect(after).toEqual(before.filter((id) => id !== 'a2'));
      expect(orderSite({ appliances }, { ...question, reported: ['a3'] }, () => true)[0]).toBe('a3');
    }
  });

  it('spreads sessions by weight', () => {
    const heavy = appliances.map((one) => ({ ...one, weight: one.id === 'a1' ? 2 : 1 }));
    const firsts = Array.from(
      { length: 4000 },
      (_, at) => orderSite({ appliances: heavy }, { sessionId: `s${at}`, reported: [] }, () => true)[0],
    );
    const share = firsts.filter((id) => id === 'a1').length / firsts.length;
    expect(share).toBeGreaterThan(0.46);
    expect(share).toBeLessThan(0.54);
  });
});

describe('mates', () => {
  it('are asked while players ask, at the most every two seconds, and one that is gone is left out until it is back', async () => {
    const [there, gone] = [await mate(), await mate()];
    const all = [
      { id: 'a2', baseUrl: there.url },
      { id: 'a3', baseUrl: gone.url },
    ];
    await gone.stop();
    expect(mates.isLost('a3')).toBe(false);
    await mates.look(all);
    await mates.look(all);
    expect([mates.isLost('a2'), mates.isLost('a3')]).toEqual([false, true]);
    expect(there.asked).toEqual(['HEAD /v1/steering/hls']);
    await world.clock.advance(2000);
    await mates.look([all[0] ?? { id: '', baseUrl: '' }, { id: 'a3', baseUrl: there.url }]);
    expect(mates.isLost('a3')).toBe(false);
  });
});
