import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceClient } from '../../../src/client/service-client.ts';
import { parseCatalogueSnapshot } from '../../../src/contracts/catalogue-snapshot.ts';
import { manifestBlockHash, parseFileManifest } from '../../../src/contracts/file-manifest.ts';
import { type FillPlan, parseFillPlan, parsePlanRenditions } from '../../../src/contracts/fill-plan.ts';
import { documentVerifies } from '../../../src/signing/signed-document.ts';
import { DEMO_MEDIA } from '../catalog/demo-title.ts';
import { FLEET, RunningPlanner } from '../running-planner.ts';

let planner: RunningPlanner;
let a1: ServiceClient;
let steering: ServiceClient;
let plannerKey: string;

beforeAll(async () => {
  planner = await RunningPlanner.start();
  await planner.admin.send('PUT', '/v1/fleet', FLEET);
  await planner.addTitle({ source: DEMO_MEDIA, id: 'demo', originUrl: 'http://origin.example' });
  await planner.admin.post('/v1/plan-cycle', {});
  a1 = await planner.enrolled('a1');
  steering = await planner.enrolled('steering', 'steering');
  const { token } = (await planner.admin.post('/v1/enrolment-tokens', { id: 'b1', role: 'appliance' })) as {
    token: string;
  };
  plannerKey = (await planner.unknown('b1').enrol('appliance', token)).publicKey;
});
afterAll(() => planner[Symbol.asyncDispose]());

async function body(client: ServiceClient, target: string): Promise<unknown> {
  const answer = await client.get(target);
  return answer.kind === 'body' ? answer.body : undefined;
}
const plan = async (): Promise<FillPlan> => parseFillPlan(await body(a1, '/v1/plan/a1'));

const sample = (change: object = {}) => ({
  version: 1,
  sampleId: crypto.randomUUID(),
  applianceId: 'a1',
  siteId: 's1',
  hourStartMs: Math.floor(Date.now() / 3_600_000) * 3_600_000,
  entries: [{ path: '/demo/v144.mp4', requests: 3, servedBytes: 1000 }],
  ...change,
});
const report = (change: object = {}) => ({
  version: 1,
  applianceId: 'a1',
  planVersion: 1,
  reportedAtMs: Date.now(),
  state: 'filling',
  fileCount: 10,
  heldFileCount: 3,
  planBytes: 100,
  heldBytes: 30,
  filledBytes: { peer: 10, tier: 0, origin: 20 },
  failures: [],
  ...change,
});

describe('a plan', () => {
  test('is given to its appliance, signed by the key that it pinned at enrolment', async () => {
    const document = await body(a1, '/v1/plan/a1');
    expect(documentVerifies(document, plannerKey)).toBe(true);
    expect(parseFillPlan(document)).toMatchObject({ applianceId: 'a1', planVersion: 1 });
    expect((document as FillPlan).files).toHaveLength(10);
  });

  test('is not sent again to who has it', async () => {
    const first = await a1.get('/v1/plan/a1');
    expect(await a1.get('/v1/plan/a1', first.kind === 'body' ? first.etag : '')).toEqual({ kind: 'not-modified' });
  });

  test('tells steering the rendition list of a version, also conditionally', async () => {
    const { renditions } = await plan();
    const answer = await steering.get('/v1/plan/a1/renditions?version=1');
    expect(parsePlanRenditions(answer.kind === 'body' ? answer.body : undefined)).toMatchObject({
      planVersion: 1,
      renditions,
    });
    const etag = answer.kind === 'body' ? answer.etag : '';
    expect(await steering.get('/v1/plan/a1/renditions?version=1', etag)).toEqual({ kind: 'not-modified' });
    expect(parsePlanRenditions(await body(steering, '/v1/plan/a1/renditions')).planVersion).toBe(1);
  });

  test('of a version that was never made is not found', async () => {
    await expect(steering.get('/v1/plan/a1/renditions?version=99')).rejects.toThrow(/404 no plan 99 of 'a1' is kept/);
    await expect(steering.get('/v1/plan/a1/renditions?version=x')).rejects.toThrow(/400/);
  });

  test('does not exist for an appliance outside the fleet', async () => {
    const outsider = await planner.enrolled('z9');
    await expect(outsider.get('/v1/plan/z9')).rejects.toThrow(/404 no plan for 'z9' yet/);
  });
});

describe('a file manifest', () => {
  test('is found by the root that the plan names, and proves itself by it', async () => {
    for (const file of (await plan()).files) {
      const document = await body(a1, `/v1/file-manifest/${file.root}`);
      expect(documentVerifies(document, plannerKey)).toBe(true);
      const manifest = parseFileManifest(document);
      expect(manifest).toMatchObject({ root: file.root, sizeBytes: file.sizeBytes });
      expect(manifestBlockHash(manifest, 0)).toHaveLength(32);
    }
  });

  test('of an unknown root is not found, of what is no root a bad request', async () => {
    await expect(a1.get(`/v1/file-manifest/${'0'.repeat(64)}`)).rejects.toThrow(/404/);
    await expect(a1.get('/v1/file-manifest/hello')).rejects.toThrow(/400/);
  });
});

test('the catalogue is given whole, and not again to who has it', async () => {
  const answer = await steering.get('/v1/catalogue');
  const snapshot = parseCatalogueSnapshot(answer.kind === 'body' ? answer.body : undefined);
  expect(snapshot.titles.map(({ id }) => id)).toEqual(['demo']);
  expect(await steering.get('/v1/catalogue', answer.kind === 'body' ? answer.etag : '')).toEqual({
    kind: 'not-modified',
  });
});

describe('demand', () => {
  test('counts once per sample id, however often it arrives', async () => {
    const one = sample();
    expect(await a1.post('/v1/demand', one)).toEqual({ outcome: 'counted' });
    expect(await a1.post('/v1/demand', one)).toEqual({ outcome: 'duplicate' });
    expect(await a1.post('/v1/demand', sample({ hourStartMs: 0 }))).toEqual({ outcome: 'too-old' });
  });

  test('raises what the next plan expects of a file', async () => {
    const expected = async (): Promise<number> =>
      (await plan()).files.find(({ path }) => path === '/demo/v240.mp4')?.expectedBytes ?? 0;
    const before = await expected();
    // Of the last full hour: the one that has begun counts when it is over.
    const hourStartMs = Math.floor(Date.now() / 3_600_000 - 1) * 3_600_000;
    const entries = [{ path: '/demo/v240.mp4', requests: 100, servedBytes: 1e9 }];
    await a1.post('/v1/demand', sample({ hourStartMs, entries }));
    const cycle = (await planner.admin.post('/v1/plan-cycle', {})) as { appliances: { outcome: string }[] };
    expect(cycle.appliances[0]?.outcome).toBe('refreshed');
    expect(await expected()).toBeGreaterThan(10 * before);
    expect((await plan()).planVersion).toBe(1);
  });

  test('that is not of its contract is refused with the place', async () => {
    await expect(a1.post('/v1/demand', sample({ hourStartMs: 7 }))).rejects.toThrow(/400 .*hourStartMs/);
  });
});

test('a fill report is kept, the newest per appliance', async () => {
  await a1.post('/v1/fill-report', report());
  await a1.post('/v1/fill-report', report({ state: 'complete', heldFileCount: 10 }));
  const { reports } = (await body(planner.admin, '/v1/fill-reports')) as { reports: { report: object }[] };
  expect(reports).toHaveLength(1);
  expect(reports[0]?.report).toMatchObject({ applianceId: 'a1', state: 'complete', heldFileCount: 10 });
});

describe('who is not who he says', () => {
  test.each(['/v1/plan/a1', '/v1/plan/a1/renditions', '/v1/catalogue', `/v1/file-manifest/${'0'.repeat(64)}`])(
    'gets nothing of %s without a signature or with an unregistered key',
    async (target) => {
      await expect(planner.stranger.get(target)).rejects.toThrow(/401/);
      await expect(planner.unknown('mallory').get(target)).rejects.toThrow(/401/);
    },
  );

  test('cannot tell anything either', async () => {
    await expect(planner.stranger.post('/v1/demand', sample())).rejects.toThrow(/401/);
    await expect(planner.stranger.post('/v1/fill-report', report())).rejects.toThrow(/401/);
  });

  test('an appliance speaks for itself only', async () => {
    const a2 = await planner.enrolled('a2');
    await expect(a2.get('/v1/plan/a1')).rejects.toThrow(/403/);
    await expect(a2.post('/v1/demand', sample())).rejects.toThrow(/403/);
    await expect(a2.post('/v1/fill-report', report())).rejects.toThrow(/403/);
  });

  test('steering sees no plan of its own and reports no demand', async () => {
    await expect(steering.get('/v1/plan/steering')).rejects.toThrow(/403/);
    await expect(steering.post('/v1/demand', sample({ applianceId: 'steering' }))).rejects.toThrow(/403/);
  });

  test('a token works for one key only', async () => {
    const { token } = (await planner.admin.post('/v1/enrolment-tokens', { id: 'x1', role: 'appliance' })) as {
      token: string;
    };
    await planner.unknown('x1').enrol('appliance', token);
    await expect(planner.unknown('x1', 'another').enrol('appliance', token)).rejects.toThrow(/403/);
  });
});

test('an unsigned request from this machine is taken only where development allows it', async () => {
  await using open = await RunningPlanner.start({ allowUnsignedLoopback: true });
  await open.admin.send('PUT', '/v1/fleet', FLEET);
  await open.admin.post('/v1/plan-cycle', {});
  expect(parseFillPlan(await body(open.stranger, '/v1/plan/a1')).files).toEqual([]);
  expect(await open.stranger.post('/v1/demand', sample())).toEqual({ outcome: 'counted' });
});

test('a body over the limit is refused before it is read', async () => {
  // The connection may be closed on the sender while it still sends.
  const refused = await a1
    .post('/v1/demand', { padding: 'x'.repeat(17 * 1024 * 1024) })
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: expect.stringMatching(/^SERVICE_/) });
  expect((refused as { answeredStatus?: number }).answeredStatus ?? 413).toBe(413);
});

test('the body of a sender who is not enrolled is not read at all', async () => {
  const refused = planner.stranger.post('/v1/demand', { padding: 'x'.repeat(17 * 1024 * 1024) });
  const error = await refused.catch((reason: unknown) => reason);
  expect((error as { answeredStatus?: number }).answeredStatus ?? 401).toBe(401);
});
