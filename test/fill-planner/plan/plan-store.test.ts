import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PlanDraft, RenditionContent } from '../../../fill-planner/plan/draft-plan.ts';
import { PlanStore } from '../../../fill-planner/plan/plan-store.ts';
import { numberPlanned, plannedRenditions } from '../../../fill-planner/plan/stored/number-contents.ts';
import { preparePlan } from '../../../fill-planner/plan/stored/prepare-plan.ts';
import { parseFillPlan } from '../../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../../src/contracts/fill-report.ts';
import { atOnce } from '../../../src/resilience/in-slices.ts';
import { loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { documentVerifies } from '../../../src/signing/signed-document.ts';
import { openDatabase } from '../../../src/sqlite/open-database.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';

const HOUR_MS = 3_600_000;

async function openStore() {
  const folder = await temporaryFolder();
  const identity = loadOrCreateIdentity('planner', join(folder.path, 'identity.pem'));
  const store = new PlanStore(join(folder.path, 'plan.sqlite'));
  return {
    store,
    identity,
    save(draft: PlanDraft | undefined, nowMs: number, content: RenditionContent = CONTENT) {
      const drafts = draft === undefined ? [] : [draft];
      const numbered = atOnce(numberPlanned(store, plannedRenditions(drafts), 1, () => content, nowMs));
      store.setFleet(drafts.map(({ applianceId }) => applianceId));
      const prepared = drafts.map((each) => preparePlan(each, numbered));
      const [saved] = store.save(prepared, identity, nowMs);
      store.trim(nowMs);
      return saved;
    },
    /** The newest plan of the appliance as it gets it. */
    document(): unknown {
      const plan = store.newest('a1');
      return plan === undefined ? undefined : JSON.parse(atOnce(store.document(plan, identity)).toString());
    },
    async [Symbol.asyncDispose]() {
      store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const CONTENT: RenditionContent = {
  id: 't/v',
  files: [{ path: '/t/v.mp4', sizeBytes: 5, root: 'b'.repeat(64), headBytes: 2 }],
};

/** The same under another name or of other bytes. */
const content = (change: { readonly id?: string; readonly root?: string }): RenditionContent => ({
  id: change.id ?? CONTENT.id,
  files: CONTENT.files.map((file) => ({ ...file, root: change.root ?? file.root })),
});

const draft = (change: Partial<PlanDraft> = {}): PlanDraft => ({
  applianceId: 'a1',
  clusterId: 'c1',
  region: 'de',
  windows: [{ startsAtMs: 0, endsAtMs: 4 * HOUR_MS, fillBitsPerSec: 1e6 }],
  rendition: Uint32Array.of(0),
  isHead: Uint8Array.of(0),
  isMaster: Uint8Array.of(1),
  expectedBytes: Float64Array.of(7),
  rank: Uint32Array.of(0),
  itemCount: 1,
  copies: Uint16Array.of(1),
  reason: Uint32Array.of(0),
  reasons: ['because'],
  sources: Uint32Array.of(0),
  sourceLists: [[{ kind: 'origin', id: 'origin', baseUrl: 'http://o', afterSec: 0 }]],
  ...change,
});

test('a stored plan verifies, keeps its contract and is as it was drafted', async () => {
  await using opened = await openStore();
  expect(opened.save(draft(), 0)).toEqual({
    applianceId: 'a1',
    planVersion: 1,
    outcome: 'new',
    renditionCount: 1,
    fileCount: 1,
    planBytes: 5,
  });
  const document = opened.document();
  expect(documentVerifies(document, opened.identity.publicKey)).toBe(true);
  expect(parseFillPlan(document)).toMatchObject({
    planVersion: 1,
    keyId: opened.identity.keyId,
    renditions: ['t/v'],
    windows: draft().windows,
    files: [
      {
        path: '/t/v.mp4',
        sizeBytes: 5,
        root: 'b'.repeat(64),
        rendition: 0,
        priority: 0,
        reason: 'rank 1 of 1 in region de: because; the only copy in cluster c1, fetched here for the others',
        expectedBytes: 7,
        sources: draft().sourceLists[0],
      },
    ],
  });
});

test('the same plan again changes neither version nor tag', async () => {
  await using opened = await openStore();
  opened.save(draft(), 0);
  const before = opened.store.newest('a1');
  expect(opened.save(draft(), HOUR_MS)?.outcome).toBe('unchanged');
  expect(opened.store.newest('a1')).toEqual(before);
});

test('new windows refresh a plan under its version at once', async () => {
  await using opened = await openStore();
  opened.save(draft(), 0);
  const before = opened.store.newest('a1')?.etag;
  const later = draft({ windows: [{ startsAtMs: 24 * HOUR_MS, endsAtMs: 28 * HOUR_MS, fillBitsPerSec: 1e6 }] });
  expect(opened.save(later, HOUR_MS)).toMatchObject({ planVersion: 1, outcome: 'refreshed' });
  expect(opened.store.newest('a1')?.etag).not.toBe(before);
});

test('a plan that is written again when the clock was put back is younger than the one before: else nobody takes it', async () => {
  await using opened = await openStore();
  opened.save(draft(), 9000 * HOUR_MS);
  const before = opened.store.newest('a1')?.createdAtMs ?? 0;
  const later = draft({ windows: [{ startsAtMs: 24 * HOUR_MS, endsAtMs: 28 * HOUR_MS, fillBitsPerSec: 1e6 }] });
  expect(opened.save(later, HOUR_MS)).toMatchObject({ planVersion: 1, outcome: 'refreshed' });
  expect(opened.store.newest('a1')?.createdAtMs).toBeGreaterThan(before);
  expect(parseFillPlan(opened.document()).windows[0]?.startsAtMs).toBe(24 * HOUR_MS);
});

test('new ranks and expectations alone refresh a plan a few hours after it was written', async () => {
  await using opened = await openStore();
  opened.save(draft(), 0);
  const etags = new Set([opened.store.newest('a1')?.etag]);
  const changes = [
    draft({ expectedBytes: Float64Array.of(8) }),
    draft({ reasons: ['for another reason'] }),
    draft({ rank: Uint32Array.of(3) }),
  ];
  for (const [index, change] of changes.entries()) {
    expect(opened.save(change, index * 6 * HOUR_MS + HOUR_MS)?.outcome).toBe('unchanged');
    expect(opened.save(change, (index + 1) * 6 * HOUR_MS)).toMatchObject({ planVersion: 1, outcome: 'refreshed' });
    etags.add(opened.store.newest('a1')?.etag);
  }
  expect(etags.size).toBe(4);
});

test('what a disk has changed is not signed again', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'plan.sqlite');
  const identity = loadOrCreateIdentity('planner', join(folder.path, 'identity.pem'));
  const store = new PlanStore(file);
  const numbered = atOnce(numberPlanned(store, [Uint32Array.of(0)], 1, () => CONTENT, 0));
  store.save([preparePlan(draft(), numbered)], identity, 0);
  const other = preparePlan(draft({ reasons: ['forged'] }), numbered);
  const database = openDatabase(file, { durable: true });
  database.prepare('UPDATE plan SET packed = ?').run(other.packed);
  database.close();
  const plan = store.newest('a1');
  expect(() => plan && store.document(plan, identity)).toThrow(/is not what was signed/);
  store.close();
});

test('a plan in force is what was held before, by the numbers of the next cycle', async () => {
  await using opened = await openStore();
  opened.save(draft({ isHead: Uint8Array.of(1) }), 0);
  expect(atOnce(opened.store.readHeld((id) => (id === 't/v' ? 7 : undefined))).get('a1')).toEqual({
    rendition: Uint32Array.of(7),
    isHead: Uint8Array.of(1),
    isMaster: Uint8Array.of(1),
  });
  expect(atOnce(opened.store.readHeld(() => undefined)).get('a1')?.rendition).toHaveLength(0);
});

test('an earlier version is a draft again, without what is gone, and saved again makes the next version', async () => {
  await using opened = await openStore();
  opened.save(draft(), 0);
  opened.save(draft(), 0, content({ root: 'c'.repeat(64) }));
  expect(opened.store.draftOf('a1', 1, () => undefined)?.rendition).toHaveLength(0);
  const { windows, ...rest } = draft();
  const before = opened.store.draftOf('a1', 1, () => 0);
  expect(before).toEqual(rest);
  if (before === undefined) throw new Error('gone');
  expect(opened.save({ ...before, windows }, 0)).toMatchObject({ planVersion: 3, outcome: 'new' });
  expect(opened.store.draftOf('a1', 9, () => 0)).toBeUndefined();
});

test('other files, sources or renditions make the next version', async () => {
  await using opened = await openStore();
  const source = { kind: 'origin' as const, id: 'origin', baseUrl: 'http://other', afterSec: 0 };
  const changes: [PlanDraft, RenditionContent][] = [
    [draft(), CONTENT],
    [draft(), content({ root: 'c'.repeat(64) })],
    [draft({ sourceLists: [[source]] }), CONTENT],
    [draft(), content({ id: 't/w' })],
    [draft({ isHead: Uint8Array.of(1) }), CONTENT],
    [draft(), CONTENT],
  ];
  expect(changes.map(([change, of]) => opened.save(change, 0, of)?.planVersion)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a version that is new inside an open window starts the window anew, and a refresh keeps that start', async () => {
  await using opened = await openStore();
  const startOf = (): number | undefined => parseFillPlan(opened.document()).windows[0]?.startsAtMs;
  opened.save(draft(), HOUR_MS);
  expect(startOf()).toBe(HOUR_MS);
  opened.save(draft({ expectedBytes: Float64Array.of(1) }), 2 * HOUR_MS);
  expect(startOf()).toBe(HOUR_MS);
  opened.save(draft(), 3 * HOUR_MS, content({ root: 'c'.repeat(64) }));
  expect(startOf()).toBe(3 * HOUR_MS);
});

test('an appliance that left has no plan, and when it is back its versions go on', async () => {
  await using opened = await openStore();
  opened.save(draft(), 0);
  opened.save(undefined, 0);
  expect(opened.store.newest('a1')).toBeUndefined();
  expect(opened.store.all()).toEqual([]);
  expect(opened.save(draft(), 0, content({ root: 'd'.repeat(64) }))?.planVersion).toBe(2);
});

test('plans of an older program are what was held before, until new ones take their place under the next version', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'plan.sqlite');
  const identity = loadOrCreateIdentity('planner', join(folder.path, 'identity.pem'));
  const older = openDatabase(file, { durable: true });
  const first = new URL('../../../fill-planner/plan/migrations/001-plan.sql', import.meta.url);
  older.exec(`${readFileSync(first, 'utf8')}; PRAGMA user_version = 1`);
  const origin = { kind: 'origin', id: 'origin', baseUrl: 'http://o', afterSec: 0 };
  const named = (path: string, rendition: number, sources: readonly object[]) => ({
    path,
    sizeBytes: 5,
    root: 'b'.repeat(64),
    rendition,
    priority: 0,
    reason: 'so',
    expectedBytes: 1,
    sources,
  });
  const document = JSON.stringify({
    version: 1,
    planVersion: 7,
    applianceId: 'a1',
    createdAtMs: 1,
    windows: [],
    keyId: 'k',
    signature: 'AAAA',
    renditions: ['t/u', 't/v', 't/w'],
    files: [
      named('/t/w.mp4', 2, [{ ...origin, kind: 'peer', id: 'a2' }, origin]),
      named('/t/v.mp4', 1, [origin]),
      named('/t/u.mp4', 0, [origin]),
    ],
  });
  older.prepare("INSERT INTO plan_counter VALUES ('a1', 7, 1), ('a2', 3, 1), ('a3', 4, 0)").run();
  const insert = older.prepare("INSERT INTO plan VALUES (?, ?, '', '', 1, 1, ?)");
  for (const [id, version] of [
    ['a1', 7],
    ['a1', 6],
    ['a3', 4],
  ] as const)
    insert.run(id, version, document);
  insert.run('a2', 3, '{"what": "a disk made of it"}');
  older.close();

  let store = new PlanStore(file);
  const numbers = new Map([
    ['t/w', 1],
    ['t/v', 4],
  ]);
  const held = () => atOnce(store.readHeld((id) => numbers.get(id)));
  expect(held()).toEqual(
    new Map([['a1', { rendition: Uint32Array.of(1, 4), isHead: Uint8Array.of(0, 0), isMaster: Uint8Array.of(0, 1) }]]),
  );
  expect(store.newest('a1')).toBeUndefined();
  // Killed before the first cycle was done.
  store.close();
  store = new PlanStore(file);
  expect(held().get('a1')?.rendition).toEqual(Uint32Array.of(1, 4));
  const numbered = atOnce(numberPlanned(store, [Uint32Array.of(0)], 1, () => CONTENT, 5));
  expect(store.save([preparePlan(draft(), numbered)], identity, 5)).toMatchObject([{ planVersion: 8, outcome: 'new' }]);
  expect(held().get('a1')?.rendition).toEqual(Uint32Array.of(4));
  store.trim(5);
  store.setFleet([]);
  expect(held().size).toBe(0);
  store.close();
});

test('the last ten versions are kept for who asks what an old holdings list meant', async () => {
  await using opened = await openStore();
  for (let index = 0; index < 14; index += 1) opened.save(draft(), 0, content({ id: `t/v${index}` }));
  expect(opened.store.version('a1', 4)).toBeUndefined();
  expect(opened.store.version('a1', 5)?.planVersion).toBe(5);
  expect(opened.store.newest('a1')?.planVersion).toBe(14);
});

test('a window opened by hand lasts until its end', async () => {
  await using opened = await openStore();
  opened.store.openWindow({ startsAtMs: 10, endsAtMs: 20 });
  expect(opened.store.openedWindow(19)).toEqual({ startsAtMs: 10, endsAtMs: 20 });
  expect(opened.store.openedWindow(20)).toBeUndefined();
});

test('a report that is replayed changes nothing; one after the clock was put back counts', async () => {
  await using opened = await openStore();
  const report = (reportedAtMs: number, heldFileCount: number): FillReport => ({
    version: 1,
    applianceId: 'a1',
    planVersion: 1,
    reportedAtMs,
    state: 'filling',
    fileCount: 9,
    heldFileCount,
    planBytes: 9,
    heldBytes: 1,
    filledBytes: { peer: 0, tier: 0, origin: 1 },
    failures: [],
  });
  const held = () => opened.store.reports().map((each) => each.report.heldFileCount);
  opened.store.report(report(HOUR_MS, 1), HOUR_MS);
  opened.store.report(report(HOUR_MS + 2000, 2), HOUR_MS + 2000);
  opened.store.report(report(HOUR_MS, 1), HOUR_MS + 60_000);
  expect(held()).toEqual([2]);
  opened.store.report(report(HOUR_MS - 1000, 3), HOUR_MS + 700_000);
  expect(held()).toEqual([3]);
});
