import { join } from 'node:path';
import { expect, test } from 'vitest';
import { monthAt, parseMonth } from '../../../fill-planner/savings/month.ts';
import { TrafficStore } from '../../../fill-planner/savings/traffic-store.ts';
import type { TrafficSlot } from '../../../src/contracts/traffic-report.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';

const DAY_MS = 86_400_000;
const nowMs = Date.UTC(2026, 10, 20, 12);
const slot = (slotStartMs: number, servedBytes: number, origin = 0): TrafficSlot => ({
  slotStartMs,
  servedBytes,
  fillBytes: { peer: 1, tier: 2, origin },
  missBytes: { peer: 4, tier: 5, origin: 6 },
});

async function openStore() {
  const folder = await temporaryFolder();
  const store = new TrafficStore(join(folder.path, 'traffic.sqlite'));
  return {
    store,
    tell: (slots: TrafficSlot[], atMs = nowMs, applianceId = 'a1') =>
      store.count({ version: 1, applianceId, slots }, atMs),
    sum: (ms: number) => [...store.samples('a1', monthAt(ms))].reduce((sum, { served }) => sum + served, 0),
    async [Symbol.asyncDispose]() {
      store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('of a slot the highest figures count: twice, late and out of order change nothing', async () => {
  await using rig = await openStore();
  rig.tell([slot(nowMs, 10, 3)]);
  rig.tell([slot(nowMs, 30, 7), slot(nowMs - 300_000, 5)]);
  rig.tell([slot(nowMs, 10, 3)]);
  rig.tell([slot(nowMs, 99)], nowMs, 'a2');
  expect([...rig.store.samples('a1', monthAt(nowMs))]).toMatchObject([
    { served: 5, fillPeer: 1, fillTier: 2, fillOrigin: 0, missPeer: 4, missTier: 5, missOrigin: 6, slotCount: 1 },
    { served: 30, fillOrigin: 7 },
  ]);
  expect([...rig.store.samples('nobody', monthAt(nowMs))]).toEqual([]);
});

test('slots of a clock that is ahead, and of months that are hours already, are passed over', async () => {
  await using rig = await openStore();
  const tooOld = Date.UTC(2026, 8, 30, 23, 55);
  expect(rig.tell([slot(nowMs + 2 * DAY_MS, 1), slot(tooOld, 1), slot(Date.UTC(2026, 9, 1), 1)])).toBe(2);
});

test('more than any machine moves in five minutes is passed over, and what is true counts after it', async () => {
  await using rig = await openStore();
  const lie = Number.MAX_SAFE_INTEGER;
  expect(rig.tell([slot(nowMs, lie), slot(nowMs, 1, lie), slot(nowMs - 300_000, 7)])).toBe(2);
  expect(rig.tell([slot(nowMs, 5)])).toBe(0);
  expect(rig.sum(nowMs)).toBe(12);
});

test('a month becomes hours when it is over for a while, its billed rates are kept, and after thirteen months it goes', async () => {
  await using rig = await openStore();
  const october = Date.UTC(2026, 9, 31, 22);
  rig.tell([slot(october, 10), slot(october + 300_000, 20), slot(october + 3_600_000, 40), slot(nowMs, 1)]);
  const asked: string[] = [];
  const trim = (atMs: number): void =>
    rig.store.trim(atMs, ({ name }) => {
      asked.push(name);
      return new Map([['s1', { servedBitsPerSec: 5, crossedBitsPerSec: 1 }]]);
    });
  trim(nowMs);
  trim(Date.UTC(2026, 11, 5));
  expect([asked, rig.sum(october)]).toEqual([[], 70]);
  trim(Date.UTC(2026, 11, 6));
  trim(Date.UTC(2026, 11, 6));
  expect(asked).toEqual(['2026-10']);
  expect([...rig.store.samples('a1', monthAt(october))].map(({ served, slotCount }) => [served, slotCount])).toEqual([
    [30, 12],
    [40, 12],
  ]);
  expect(rig.store.keptRates('s1', monthAt(october))).toEqual({ servedBitsPerSec: 5, crossedBitsPerSec: 1 });
  expect(rig.sum(nowMs)).toBe(1);
  trim(Date.UTC(2027, 10, 30));
  expect(rig.sum(october)).toBe(70);
  trim(Date.UTC(2027, 11, 1));
  expect([rig.sum(october), rig.store.keptRates('s1', monthAt(october))]).toEqual([0, undefined]);
});

test('months are named by year and month', () => {
  expect(parseMonth('2026-11')).toEqual({ name: '2026-11', startMs: Date.UTC(2026, 10), endMs: Date.UTC(2026, 11) });
  expect(['2026-13', '2026-1', 'november', ''].map(parseMonth)).toEqual([undefined, undefined, undefined, undefined]);
  expect(monthAt(Date.UTC(2026, 0, 15), -1).name).toBe('2025-12');
});
