import { expect, test } from 'vitest';
import { noMeasures } from '../../../../src/contracts/quality-sketch.ts';
import { KeyedHash } from '../../../../src/hashing/keyed-hash.ts';
import { FirstPlaces } from '../../../../steering/quality/sketches/first-places.ts';
import { QualityStore } from '../../../../steering/quality/sketches/quality-store.ts';
import { ReporterPanel } from '../../../../steering/quality/sketches/reporter-panel.ts';
import { SketchCells } from '../../../../steering/quality/sketches/sketch-cells.ts';
import { seededRandom } from '../../../support/fake-world.ts';

const hash = new KeyedHash(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));

test('a cell fades by half in a half-life, and what has faded is said to be gone', () => {
  const cells = new SketchCells(10);
  const row = cells.allocate() ?? -1;
  for (let report = 0; report < 8; report += 1) cells.addThroughput(row, 10, 1);
  cells.addReports(row, 8, 2);
  expect(cells.fade(row, 0.5, false)).toBe(true);
  expect(cells.measured(row)).toBe(4);
  expect(cells.counts(row)).toMatchObject({ reports: 4, stalls: 1 });
  expect(cells.fade(row, 0.001, false)).toBe(false);
});

test('the median is within its bucket, and one wild report in ten does not move it', () => {
  const cells = new SketchCells(10);
  const row = cells.allocate() ?? -1;
  for (let report = 0; report < 9; report += 1) cells.addThroughput(row, 12, 1);
  expect(cells.median(row, 9)).toBeCloseTo(12.5);
  cells.addThroughput(row, 0, 1);
  expect(Math.floor(cells.median(row, 10))).toBe(12);
});

test('rows are reused, empty, and there are never more than may be', () => {
  const cells = new SketchCells(1000);
  const rows = Array.from({ length: 1000 }, () => cells.allocate());
  expect(new Set(rows).size).toBe(1000);
  expect(cells.allocate()).toBeUndefined();
  cells.addThroughput(7, 3, 5);
  cells.noteReporter(7, 9, true);
  cells.release(7);
  expect(cells.allocate()).toBe(7);
  expect([cells.measured(7), cells.reporterBits(7), cells.complainerBits(7), cells.size]).toEqual([0, 0, 0, 1000]);
});

test('reporters are forgotten after two epochs, not before', () => {
  const cells = new SketchCells(10);
  const row = cells.allocate() ?? -1;
  cells.noteReporter(row, 3, false);
  const turn = () => {
    cells.turnEpoch();
    cells.fade(row, 1, true);
    return cells.reporterBits(row);
  };
  expect([turn(), turn()]).toEqual([1 << 3, 0]);
});

test('without room for more neighbourhoods, those of a site count together, and known ones stay', () => {
  const store = new QualityStore({ maxCells: 10, windowMs: 1000, maxAppliances: 2 });
  const seen = { rateBucket: 5, stalled: false, failed: false, hasPlayed: true };
  for (let group = 0; group < 50; group += 1) store.note('a', { group: `g${group}`, siteId: 's1' }, group, seen);
  store.note('a', { group: 'g60', siteId: undefined }, 1, seen);
  expect([...store.groups.keys()]).toEqual([...Array.from({ length: 9 }, (_, at) => `g${at}`), 'rest of s1']);
  expect(store.cells.counts(store.groups.get('rest of s1')?.rows.get('a') ?? -1).reports).toBe(41);
  expect(store.lost).toBe(1);
  for (const group of store.groups.values()) store.forget(group, 'a');
  expect([store.groups.size, store.cells.size]).toEqual([0, 0]);
  for (const id of ['a', 'b', 'c']) store.vote(id, 1, true, 0);
  expect([...store.panels.keys()]).toEqual(['a', 'b']);
});

test('what an appliance measured is added up as it is, and no part of it is more than the whole', () => {
  const store = new QualityStore({ maxCells: 10, windowMs: 1000, maxAppliances: 2 });
  store.noteMeasures('a', { group: 'g', siteId: 's' }, 7, {
    ...noMeasures(),
    requests: 10,
    errors: 99,
    reports: 4,
    stalls: 1,
  });
  const row = store.groups.get('g')?.rows.get('a') ?? -1;
  expect(store.cells.counts(row)).toEqual({ requests: 10, errors: 10, reports: 4, stalls: 1 });
  expect(store.cells.reporterBits(row)).toBe(0b1111111);
  expect(store.cells.complainerBits(row)).toBe(0b1111111);
});

test('a reporter has one vote, its last, and loses it with the window', () => {
  const panel = new ReporterPanel(60_000);
  for (let report = 0; report < 100; report += 1) panel.note(42, true, report);
  panel.note(43, true, 500);
  expect(panel.count(1000)).toEqual({ failing: 2, heard: 2 });
  panel.note(42, false, 2000);
  expect(panel.count(2000)).toEqual({ failing: 1, heard: 2 });
  expect(panel.count(61_000)).toEqual({ failing: 0, heard: 1 });
  panel.clear();
  expect(panel.count(61_000)).toEqual({ failing: 0, heard: 0 });
});

test('of ten thousand reporters a few are kept, and the share of those that fail is that of all', () => {
  const panel = new ReporterPanel(60_000);
  const random = seededRandom(7);
  for (let reporter = 0; reporter < 10_000; reporter += 1) {
    panel.note(Math.floor(random.next() * 2 ** 32), random.next() < 0.3, 0);
  }
  const { failing, heard } = panel.count(0);
  expect(heard).toBe(128);
  expect(failing / heard).toBeGreaterThan(0.18);
  expect(failing / heard).toBeLessThan(0.42);
});

test('who leaves its first place in time has fled; who never could or did use it, or comes late, has not', () => {
  const places = new FirstPlaces(hash, 10, 60_000);
  places.declared(1, ['a', 'b'], 0);
  expect(places.fledFrom(1, ['a'], 1000)).toBeUndefined();
  expect(places.fledFrom(1, ['b'], 1000)).toBe('a');
  places.put(1, 'b', 2000);
  expect(places.fledFrom(1, ['b'], 3000)).toBeUndefined();
  // `c` was not declared: this player may not know how to use it.
  places.put(1, 'c', 4000);
  expect(places.fledFrom(1, ['b'], 5000)).toBeUndefined();
  expect(places.fledFrom(1, ['c'], 6000)).toBeUndefined();
  expect(places.fledFrom(1, ['b'], 7000)).toBe('c');
  expect(places.fledFrom(1, ['b'], 64_001)).toBeUndefined();
  expect(places.fledFrom(1, [], 7000)).toBeUndefined();
  expect(places.fledFrom(2, ['b'], 7000)).toBeUndefined();
});

test('sessions that are remembered are about as many as may be; the oldest make room', () => {
  const places = new FirstPlaces(hash, 8, 60_000);
  for (let session = 1; session <= 8; session += 1) places.declared(session, ['a'], session);
  places.put(1, 'a', 9);
  places.declared(9, ['a'], 10);
  expect([1, 2, 3, 9].map((session) => places.fledFrom(session, ['b'], 11))).toEqual(['a', undefined, 'a', 'a']);
});

test('a session that takes the slot of another knows nothing of what that one could use', () => {
  const places = new FirstPlaces(hash, 8, 60_000);
  for (let session = 1; session <= 8; session += 1) places.declared(session, ['a', 'b'], session);
  places.put(9, 'a', 9);
  expect(places.fledFrom(9, ['b'], 10)).toBeUndefined();
});
