import { afterEach, expect, test } from 'vitest';
import { noMeasures, type QualitySketch, throughputBucket } from '../../../src/contracts/quality-sketch.ts';
import { until } from '../../support/until.ts';
import { PlannerDouble } from '../planner-double.ts';
import { heartbeat, holdingsOf, title } from '../samples.ts';
import { SteeringRig } from '../steering-rig.ts';

const BARS = title('bars');
const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Described {
  readonly version: string;
  readonly appliances: readonly {
    readonly applianceId: string;
    readonly standing: { readonly kind: string };
    readonly verdict: { readonly qualityClass: number; readonly probeShare: number; readonly because?: string };
    readonly measured?: { readonly rates: number; readonly reports: number; readonly stalls: number };
    readonly lastSketch?: { readonly requests: number };
  }[];
}

async function startFleet(ids: readonly string[], flags: Readonly<Record<string, unknown>> = {}) {
  const planner = await new PlannerDouble().start();
  stops.push(() => planner.stop());
  planner.setTitles(BARS);
  for (const id of ids) planner.setPlan(id, 1, BARS);
  const rig = await new SteeringRig({
    planner: planner.url,
    trustedProxies: ['127.0.0.0/8'],
    leaseMs: 600_000,
    ...flags,
  }).start();
  stops.push(() => rig.stop());
  for (const id of ids) await rig.beat(heartbeat(id, { holdings: holdingsOf(BARS, 'whole') }));
  const find = async (id: string) =>
    ((await rig.admin('/v1/quality')) as Described).appliances.find(({ applianceId }) => applianceId === id);
  const report = (address: string, body: string) =>
    rig.post('/v1/cmcd', body, { 'content-type': 'application/cmcd', 'x-forwarded-for': address });
  return { rig, find, report };
}

const ROUND_MS = 1500;

test('CMCD-12: reports are taken up to 64 KiB and answered 204, whatever is in them', async () => {
  const { rig, find, report } = await startFleet(['a']);
  const body = 'bs,mtp=(2000),h="a.example:8080",sid="s-1",v=2\n;;;garbage\nmtp=500,h="nobody.example"\nbs,v=3\n';
  expect((await report('203.0.113.1', body)).status).toBe(204);
  expect((await report('203.0.113.1', '')).status).toBe(204);
  expect((await report('203.0.113.1', 'x'.repeat(64 * 1024 + 1))).status).toBe(413);
  await rig.world.clock.advance(ROUND_MS);
  expect(await find('a')).toMatchObject({ standing: { kind: 'trusted' }, measured: { reports: 1, stalls: 1 } });
  const text = await (await fetch(`${rig.adminUrl}/metrics`)).text();
  for (const [outcome, count] of [
    ['taken', 1],
    ['malformed', 1],
    ['unknown-version', 1],
    ['of-no-appliance', 1],
  ])
    expect(text).toContain(`steering_cmcd_records_total{outcome="${outcome}"} ${count}`);
});

test('CMCD-6: nothing that is kept or shown names an address or a session', async () => {
  const { rig, report } = await startFleet(['a']);
  await report('203.0.113.77', 'bs,h="a.example:8080",sid="session-of-a-viewer",v=2');
  await rig.world.clock.advance(ROUND_MS);
  const shown =
    JSON.stringify(await rig.admin('/v1/quality')) + (await (await fetch(`${rig.adminUrl}/metrics`)).text());
  expect(shown).not.toContain('203.0.113.77');
  expect(shown).not.toContain('session-of-a-viewer');
});

test('CS-12: what enough viewers report as failing is demoted, probed after two minutes, and says so', async () => {
  const { rig, find, report } = await startFleet(['a', 'b', 'c']);
  const fail = async (count: number) => {
    for (let viewer = 1; viewer <= count; viewer += 1)
      expect((await report(`203.0.113.${viewer}`, 'e=e,h="a.example:8080",v=2')).status).toBe(204);
    await rig.world.clock.advance(ROUND_MS);
  };
  await fail(4);
  expect(await find('a')).toMatchObject({ standing: { kind: 'trusted' } });
  await fail(5);
  expect(await find('a')).toMatchObject({
    standing: { kind: 'demoted' },
    verdict: { qualityClass: 3, probeShare: 0, because: expect.stringContaining('5 of 5 viewers') },
  });
  const text = await (await fetch(`${rig.adminUrl}/metrics`)).text();
  expect(text).toContain('steering_quality_demoted_appliances{standing="demoted"} 1');
  await rig.world.clock.advance(110_000);
  expect(await find('a')).toMatchObject({ standing: { kind: 'demoted' } });
  await rig.world.clock.advance(10_000);
  expect(await find('a')).toMatchObject({ standing: { kind: 'probing' }, verdict: { probeShare: 0.02 } });
});

test('players that leave the pathway that they were put first on are heard as failures of it', async () => {
  const { rig, find } = await startFleet(['a', 'b', 'c']);
  const ask = async (viewer: number, target: string) =>
    (await rig.get(target, { 'x-forwarded-for': `203.0.113.${viewer}` })).text();
  const firsts = new Map<number, readonly string[]>();
  await until(async () => (await ask(1, '/v1/manifest/bars.m3u8?session=s1')).includes('PATHWAY-ID="a"'));
  for (let viewer = 1; viewer <= 40; viewer += 1) {
    const manifest = await ask(viewer, `/v1/manifest/bars.m3u8?session=s${viewer}`);
    firsts.set(viewer, [
      ...new Set([...manifest.matchAll(/STREAM-INF:.*PATHWAY-ID="([abc])"/g)].map(([, id]) => id ?? '')),
    ]);
  }
  await rig.world.clock.advance(20_000);
  for (const [viewer, [first = '', second = '']] of firsts) {
    const used = first === 'a' ? second : first;
    await ask(viewer, `/v1/steering/hls?a=bars&s=s${viewer}&_HLS_pathway=${used}&_HLS_throughput=9000000`);
  }
  await rig.world.clock.advance(ROUND_MS);
  expect((await find('a'))?.standing.kind).toBe('demoted');
  for (const id of ['b', 'c']) expect((await find(id))?.standing.kind).toBe('trusted');
});

const sketchOf = (applianceId: string, changes: Partial<QualitySketch> = {}): QualitySketch => ({
  version: 1,
  applianceId,
  sentAtMs: Date.UTC(2030, 0, 7, 1, 30),
  groups: [],
  rest: { ...noMeasures(), requests: 3 },
  ...changes,
});

test('an appliance tells what its viewers got, signed, of itself only, and after a heartbeat', async () => {
  const { rig, find } = await startFleet(['a', 'b']);
  const throughput = [...noMeasures().throughput];
  throughput[throughputBucket(4e6)] = 30;
  const group = { ...noMeasures(), prefix: '203.0.113.0/24', clients: 6, requests: 30, throughput };
  expect((await rig.post('/v1/quality', sketchOf('a', { groups: [group] }))).status).toBe(204);
  await rig.world.clock.advance(ROUND_MS);
  expect(await find('a')).toMatchObject({ lastSketch: { requests: 33 } });
  expect((await rig.post('/v1/quality', sketchOf('nobody'))).status).toBe(409);
  expect((await rig.post('/v1/quality', { version: 1 })).status).toBe(400);
  expect((await rig.enrol('a')).ok).toBe(true);
  expect((await rig.postSigned('a', '/v1/quality', sketchOf('a'))).status).toBe(204);
  expect((await rig.postSigned('a', '/v1/quality', sketchOf('b'))).status).toBe(403);
});
