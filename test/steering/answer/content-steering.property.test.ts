import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.ts';
import { parseContentSteering } from '../../../src/contracts/steering-answer.ts';
import { createJsonServer, type JsonServer } from '../../../src/server/json-server.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { parseDeclared } from '../../../steering/answer/declared-pathways.ts';
import type { SteeringState } from '../../../steering/answer/steering-state.ts';
import { addContentSteeringRoutes } from '../../../steering/api/content-steering-routes.ts';
import { addCrossOrigin } from '../../../steering/api/public-api.ts';
import { Catalogue } from '../../../steering/catalogue/catalogue.ts';
import { DecisionIds } from '../../../steering/decision-log/decision-ids.ts';
import { createEdge, edgeParameters } from '../../../steering/edge/create-edge.ts';
import { type FleetView, makeView } from '../../../steering/fleet/fleet-registry.ts';
import { HeldTitles } from '../../../steering/fleet/held-titles.ts';
import { NO_SHARES } from '../../../steering/flow/site-shares.ts';
import { createSteeringMetrics } from '../../../steering/metrics.ts';
import { NO_QUALITY } from '../../../steering/quality/quality-view.ts';
import type { Candidate } from '../../../steering/ranking/candidate.ts';
import { PrefixTable } from '../../../steering/routing/prefix-table.ts';
import { routesOf } from '../../../steering/routing/route-table.ts';
import { NO_SITES } from '../../../steering/sites/site-table.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { fleets } from '../arbitraries.ts';
import { NOW_MS, renditionIds, snapshot, title } from '../samples.ts';

/** The rules G1 to G20 that players force on a content steering answer, over random states and questions. */
const TTL_SEC = 30;
const ROUTES = routesOf(PrefixTable.of([{ prefix: { address: { words: [0x7f000000] }, length: 8 }, siteId: 'north' }]));
const PUBLIC_URL = 'https://steer.example.net';
// On the port of the fleet's appliances: otherwise no answer could bring a clone of the origin.
const BARS = title('bars', { originUrl: 'http://origin.example:8080' });

let server: JsonServer;
let state: SteeringState;
const world = new FakeWorld();
const edge = createEdge({
  config: {
    ...loadConfig(edgeParameters, {
      flags: { maxDecisionsPerSec: 1_000_000, maxPerAddressPerSec: 40 },
      environment: {},
    }),
    id: 'steering',
    state: '/nowhere',
  },
  world,
  logger: silentLogger,
  metrics: new Metrics('steering'),
  locate: () => ({ siteId: undefined, network: undefined }),
});

beforeAll(() => {
  server = createJsonServer({ logger: silentLogger, bodyLimitBytes: 1024 });
  addCrossOrigin(server);
  const api = {
    world,
    metrics: createSteeringMetrics(),
    edge,
    ttlSec: TTL_SEC,
    demand: { note: () => undefined },
    counts: () => true,
    usesClones: true,
    decisionIds: new DecisionIds(world),
    records: { note: () => undefined },
    state: () => state,
    publicUrl: () => PUBLIC_URL,
    placeSession: () => undefined,
  };
  addContentSteeringRoutes(server, api, { takePathways: () => [], putFirst: () => undefined });
});
afterAll(() => server.close());

const viewOf = (candidates: readonly Candidate[]): FleetView =>
  makeView(
    candidates.map(({ member }, slot) => ({ ...member, slot, clusterId: 'c', lastHeardAtMs: 0 })),
    false,
  );

const states = fc.tuple(fleets, fc.integer({ min: 0, max: 3 }), fc.boolean()).map(([fleet, levels, known]) => {
  const heldTitles = new HeldTitles();
  heldTitles.setCatalogue([BARS]);
  for (const [index, { member }] of fleet.entries()) {
    const renditions = renditionIds(BARS);
    const byte = (index + levels) % 4;
    const packed = Buffer.alloc(Math.ceil(renditions.length / 4), byte | (byte << 2) | (byte << 4) | (byte << 6));
    heldTitles.setHoldings(member.id, {
      planVersion: 1,
      renditionCount: renditions.length,
      levels: packed.toString('base64'),
    });
    if (index % 5 !== 0) heldTitles.setList({ version: 1, applianceId: member.id, planVersion: 1, renditions });
  }
  return {
    routes: ROUTES,
    fleet: viewOf(fleet),
    catalogue: known ? new Catalogue(snapshot([BARS]), NOW_MS) : undefined,
    heldTitles,
    sites: NO_SITES,
    shares: NO_SHARES,
    quality: NO_QUALITY,
  };
});

const oddText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"oca-1"', '"a,b"', '-1', '5.5', '', ','),
);
const queries = fc
  .record(
    {
      a: fc.oneof(
        { weight: 6, arbitrary: fc.constant('bars') },
        { weight: 1, arbitrary: fc.constant('gone') },
        { weight: 1, arbitrary: oddText },
      ),
      d: fc.oneof(
        { weight: 3, arbitrary: fc.array(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/)).map((ids) => ids.join('*')) },
        { weight: 1, arbitrary: oddText },
      ),
      s: fc.oneof(
        { weight: 6, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/) },
        { weight: 1, arbitrary: oddText },
      ),
      _HLS_pathway: oddText,
      _HLS_throughput: oddText,
      _DASH_pathway: oddText,
      _DASH_throughput: oddText,
      CMCD: oddText,
    },
    { requiredKeys: [] },
  )
  .map((record) => new URLSearchParams(record as Record<string, string>).toString());
const tails = fc.oneof(
  { weight: 9, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom('%', '%zz', '&&&=', '&a', `&pad=${'x'.repeat(9000)}`) },
);

test('CS-1, G1, G2, G3, G4, G5, G15, G16, G17, G20: ten thousand random states and questions get an answer that every player takes', async () => {
  let ttlSum = 0;
  let decided = 0;
  let cloned = 0;
  await fc.assert(
    fc.asyncProperty(
      states,
      fc.constantFrom('hls', 'dash'),
      queries,
      tails,
      fc.nat(60),
      async (next, format, query, tail, flood) => {
        state = next;
        await world.clock.advance(flood > 50 ? 0 : 1000);
        const remoteAddress = flood > 45 ? '127.0.0.9' : `127.0.0.${flood}`;
        const response = await server.inject({ url: `/v1/steering/${format}?${query}${tail}`, remoteAddress });
        // G1, G15
        expect(response.statusCode).toBe(200);
        expect(response.headers['cache-control']).toBe('no-store');
        expect(response.headers['etag']).toBeUndefined();
        const raw = JSON.parse(response.body) as Record<string, unknown>;
        const body = parseContentSteering(raw);
        // G2
        expect(Number.isInteger(body.TTL) && body.TTL >= 5 && body.TTL <= 3600).toBe(true);
        // G3
        const reload = new URL(body['RELOAD-URI']);
        expect(reload.origin + reload.pathname).toBe(`${PUBLIC_URL}/v1/steering/${format}`);
        expect([...reload.searchParams.keys()].every((key) => ['a', 's', 'd'].includes(key))).toBe(true);
        expect(reload.searchParams.get('s')).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        // G4, G5, G20
        const priority = body['PATHWAY-PRIORITY'];
        expect(new Set(priority).size).toBe(priority.length);
        expect(priority.at(-1)).toBe('origin');
        expect(priority.length >= 2 && priority.length <= 8).toBe(true);
        for (const id of priority) expect(id).toMatch(/^(?!\.+$)[A-Za-z0-9._-]{1,32}$/);
        expect(Buffer.byteLength(response.body)).toBeLessThanOrEqual(4096);
        // G7 to G11
        const declared = parseDeclared(new URLSearchParams(query + tail).getAll('d').at(-1));
        const clones = body['PATHWAY-CLONES'] ?? [];
        expect('PATHWAY-CLONES' in raw).toBe(clones.length > 0);
        expect(new Set(clones.map(({ ID }) => ID)).size).toBe(clones.length);
        for (const { 'BASE-ID': baseId, ID: id, 'URI-REPLACEMENT': replacement } of clones) {
          expect(priority).toContain(id);
          expect(declared).not.toContain(id);
          expect(baseId === 'origin' || declared?.includes(baseId)).toBe(true);
          expect(Object.keys(replacement)).toEqual(['HOST', 'PARAMS']);
          expect(replacement.HOST).toBe(new URL(next.fleet.byId.get(id)?.baseUrl ?? '').hostname);
          expect(replacement.PARAMS).toEqual({});
        }
        if (clones.length > 0) cloned += 1;
        // G14
        expect(response.headers['access-control-allow-origin']).toBe('*');
        expect(response.headers['access-control-expose-headers']).toContain('Retry-After');
        // nobody is sent to an appliance that cannot serve
        for (const id of priority.slice(0, -1))
          if (id !== 'origin-retry') expect(next.fleet.serving.has(id)).toBe(true);
        // G17
        const known = next.catalogue !== undefined && new URLSearchParams(query + tail).getAll('a').at(-1) === 'bars';
        if (!known || query.length + tail.length > 8192) expect(body.TTL).toBeGreaterThanOrEqual(120);
        else if (body.TTL < 120) {
          ttlSum += body.TTL;
          decided += 1;
        }
      },
    ),
    { numRuns: 10_000 },
  );
  // CS-10: the spread leaves the mean where it was.
  expect(decided).toBeGreaterThan(1000);
  expect(cloned).toBeGreaterThan(300);
  expect(ttlSum / decided / TTL_SEC).toBeCloseTo(1, 1);
}, 120_000);

test('CS-10, G2: TTLs of a thousand clients differ, and their mean is within two in a hundred of the target', async () => {
  state = {
    routes: routesOf(PrefixTable.of([])),
    fleet: viewOf([]),
    catalogue: new Catalogue(snapshot([BARS]), NOW_MS),
    heldTitles: new HeldTitles(),
    sites: NO_SITES,
    shares: NO_SHARES,
    quality: NO_QUALITY,
  };
  const ttls: number[] = [];
  for (let client = 0; client < 1000; client += 1) {
    const response = await server.inject({
      url: `/v1/steering/hls?a=bars&s=c${client}`,
      remoteAddress: `10.1.${client >> 8}.${client & 255}`,
    });
    ttls.push(parseContentSteering(response.json()).TTL);
  }
  expect(new Set(ttls).size).toBeGreaterThan(3);
  expect(Math.abs(ttls.reduce((sum, ttl) => sum + ttl, 0) / 1000 / TTL_SEC - 1)).toBeLessThan(0.02);
});
