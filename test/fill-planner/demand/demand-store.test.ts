import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DemandStore } from '../../../fill-planner/demand/demand-store.ts';
import type { DemandSample } from '../../../src/contracts/demand-sample.ts';
import { atOnce } from '../../../src/resilience/in-slices.ts';
import { openDatabase } from '../../../src/sqlite/open-database.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2030, 0, 20, 12, 30);
const HOUR = Date.UTC(2030, 0, 20, 12);

async function openStore(limits = { retentionMs: 10 * 24 * HOUR_MS, maxRows: 1000 }) {
  const folder = await temporaryFolder();
  const store = new DemandStore(join(folder.path, 'demand.sqlite'), limits);
  return {
    store,
    async [Symbol.asyncDispose]() {
      store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

let nextId = 0;
const sample = (change: Partial<DemandSample> = {}): DemandSample => {
  nextId += 1;
  return {
    version: 1,
    sampleId: `00000000-0000-4000-8000-${String(nextId).padStart(12, '0')}`,
    applianceId: 'a1',
    siteId: 's',
    hourStartMs: HOUR,
    entries: [{ path: '/x', requests: 2, servedBytes: 100 }],
    ...change,
  };
};
const known = (path: string): string | undefined => (path === '/unknown' ? undefined : `of${path}`);

test('a sample counts once, however often it is sent', async () => {
  await using opened = await openStore();
  const one = sample();
  expect(opened.store.count(one, 'de', known, NOW_MS)).toBe('counted');
  expect(opened.store.count(one, 'de', known, NOW_MS)).toBe('duplicate');
  expect([...opened.store.history()]).toEqual([
    { renditionId: 'of/x', region: 'de', startMs: HOUR, spanHours: 1, servedBytes: 100 },
  ]);
});

test('samples of several appliances add up per file, region and hour', async () => {
  await using opened = await openStore();
  opened.store.count(sample(), 'de', known, NOW_MS);
  opened.store.count(sample({ applianceId: 'a2' }), 'de', known, NOW_MS);
  opened.store.count(sample(), 'fr', known, NOW_MS);
  opened.store.count(sample({ hourStartMs: HOUR - HOUR_MS }), 'de', known, NOW_MS);
  const rows = [...opened.store.history()].map(({ region, startMs, servedBytes }) => [startMs, region, servedBytes]);
  expect(rows).toEqual([
    [HOUR - HOUR_MS, 'de', 100],
    [HOUR, 'de', 200],
    [HOUR, 'fr', 100],
  ]);
});

test('segments of one rendition are one row', async () => {
  await using opened = await openStore();
  const entries = Array.from({ length: 50 }, (_, index) => ({ path: `/s${index}`, requests: 1, servedBytes: 10 }));
  opened.store.count(sample({ entries }), 'de', () => 'title/rung', NOW_MS);
  expect([...opened.store.history()].map(({ renditionId, servedBytes }) => [renditionId, servedBytes])).toEqual([
    ['title/rung', 500],
  ]);
});

test('hours become days after three days, late samples too, and nothing is lost or counted twice', async () => {
  await using opened = await openStore();
  const day = Date.UTC(2030, 0, 18);
  for (const hour of [0, 5, 23])
    opened.store.count(sample({ hourStartMs: day + hour * HOUR_MS }), 'de', known, day + 24 * HOUR_MS);
  const laterMs = day + 4 * 24 * HOUR_MS;
  for (let times = 0; times < 2; times += 1) atOnce(opened.store.trim(laterMs));
  opened.store.count(sample({ hourStartMs: day + 7 * HOUR_MS }), 'de', known, laterMs);
  expect([...opened.store.history()]).toEqual([
    { renditionId: 'of/x', region: 'de', startMs: day, spanHours: 24, servedBytes: 400 },
  ]);
});

test('days go before hours when there are too many rows', async () => {
  await using opened = await openStore({ retentionMs: 10 * 24 * HOUR_MS, maxRows: 2 });
  for (const days of [6, 5, 1, 0])
    opened.store.count(sample({ hourStartMs: HOUR - days * 24 * HOUR_MS }), 'de', known, NOW_MS);
  atOnce(opened.store.trim(NOW_MS));
  expect([...opened.store.history()].map(({ startMs }) => startMs)).toEqual([HOUR - 24 * HOUR_MS, HOUR]);
});

test('what is not in the catalogue is not kept', async () => {
  await using opened = await openStore();
  const entries = [
    { path: '/unknown', requests: 1, servedBytes: 9 },
    { path: '/x', requests: 1, servedBytes: 1 },
  ];
  opened.store.count(sample({ entries }), 'de', known, NOW_MS);
  expect([...opened.store.history()].map(({ renditionId }) => renditionId)).toEqual(['of/x']);
});

test('samples from before the retention and from the future are not counted', async () => {
  await using opened = await openStore();
  expect(opened.store.count(sample({ hourStartMs: HOUR - 11 * 24 * HOUR_MS }), 'de', known, NOW_MS)).toBe('too-old');
  expect(opened.store.count(sample({ hourStartMs: HOUR + 3 * HOUR_MS }), 'de', known, NOW_MS)).toBe('from-the-future');
  expect(opened.store.rowCount).toBe(0);
});

test('old hours are forgotten, and their samples stay counted for as long as they would be taken', async () => {
  await using opened = await openStore();
  const old = sample();
  opened.store.count(old, 'de', known, NOW_MS);
  const lastMoment = HOUR + 10 * 24 * HOUR_MS;
  atOnce(opened.store.trim(lastMoment));
  expect(opened.store.count(old, 'de', known, lastMoment)).toBe('duplicate');
  expect(opened.store.count(old, 'de', known, lastMoment + HOUR_MS)).toBe('too-old');
  // Hours of that age are one day, which is forgotten when all of it is, and something newer has come.
  opened.store.count(sample({ hourStartMs: lastMoment }), 'de', known, lastMoment);
  atOnce(opened.store.trim(lastMoment + 12 * HOUR_MS));
  expect([...opened.store.history()].map(({ startMs }) => startMs)).toEqual([lastMoment]);
});

test('a clock that is a year ahead for one cycle forgets nothing', async () => {
  await using opened = await openStore();
  const one = sample({ hourStartMs: HOUR - 5 * 24 * HOUR_MS });
  opened.store.count(one, 'de', known, NOW_MS);
  opened.store.count(sample(), 'de', known, NOW_MS);
  atOnce(opened.store.trim(NOW_MS + 365 * 24 * HOUR_MS));
  expect(opened.store.rowCount).toBe(2);
  expect(opened.store.count(one, 'de', known, NOW_MS)).toBe('duplicate');
});

test('the oldest hours go first when there are too many rows', async () => {
  await using opened = await openStore({ retentionMs: 10 * 24 * HOUR_MS, maxRows: 25 });
  for (let hour = 0; hour < 10; hour += 1) {
    const entries = Array.from({ length: 5 }, (_, file) => ({ path: `/f${file}`, requests: 1, servedBytes: 1 }));
    opened.store.count(sample({ hourStartMs: HOUR - hour * HOUR_MS, entries }), 'de', known, NOW_MS);
  }
  atOnce(opened.store.trim(NOW_MS));
  expect(opened.store.rowCount).toBe(25);
  const oldest = Math.min(...[...opened.store.history()].map(({ startMs }) => startMs));
  expect(oldest).toBe(HOUR - 4 * HOUR_MS);
});

test('counts beyond what a number holds stay at the largest number', async () => {
  await using opened = await openStore();
  const entries = [{ path: '/x', requests: Number.MAX_SAFE_INTEGER, servedBytes: Number.MAX_SAFE_INTEGER }];
  opened.store.count(sample({ entries }), 'de', known, NOW_MS);
  opened.store.count(sample({ entries }), 'de', known, NOW_MS);
  expect([...opened.store.history()][0]?.servedBytes).toBe(Number.MAX_SAFE_INTEGER);
});

test('what an older program counted by path is taken over by rendition, once', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'demand.sqlite');
  const older = openDatabase(file, { durable: false });
  const first = new URL('../../../fill-planner/demand/migrations/001-demand.sql', import.meta.url);
  older.exec(`${readFileSync(first, 'utf8')}; PRAGMA user_version = 1`);
  const count = older.prepare('INSERT INTO demand VALUES (?, ?, ?, ?, ?)');
  count.run(HOUR, 'r', '/x/1.m4s', 2, 100);
  count.run(HOUR, 'r', '/x/2.m4s', 3, Number.MAX_SAFE_INTEGER);
  count.run(HOUR, 'q', '/x/1.m4s', 1, 7);
  count.run(HOUR - 3 * 24 * HOUR_MS, 'r', '/x/1.m4s', 1, 5);
  count.run(HOUR, 'r', '/gone', 1, 9);
  older.close();
  const store = new DemandStore(file, { retentionMs: 10 * 24 * HOUR_MS, maxRows: 1000 });
  for (let times = 0; times < 2; times += 1) store.adoptPaths((path) => (path.startsWith('/x/') ? 'x' : undefined));
  atOnce(store.trim(NOW_MS));
  const rows = [...store.history()].map(({ region, renditionId, servedBytes, spanHours }) => [
    region,
    renditionId,
    servedBytes,
    spanHours,
  ]);
  expect(rows).toEqual([
    ['r', 'x', 5, 1],
    ['q', 'x', 7, 1],
    ['r', 'x', Number.MAX_SAFE_INTEGER, 1],
  ]);
  store.close();
});
