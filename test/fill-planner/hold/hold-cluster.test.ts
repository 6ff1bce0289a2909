import { expect, test } from 'vitest';
import { EMPTY_CALENDAR } from '../../../fill-planner/calendar/calendar-facts.ts';
import { holdCluster } from '../../../fill-planner/hold/hold-cluster.ts';
import { DEFAULT_HOLD_SETTINGS } from '../../../fill-planner/hold/hold-input.ts';
import type { SpaceEarnings } from '../../../fill-planner/hold/tune-split.ts';
import type { FleetInputs, PlanSite } from '../../../fill-planner/plan/fleet-inputs.ts';
import type { HeldBefore } from '../../../fill-planner/plan/plan-facts.ts';
import { demandOf, NOW_MS, renditionAt } from './hold-cases.ts';

const HOUR_MS = 3_600_000;
const site: PlanSite = { id: 's1', region: 'EU', fillBitsPerSec: 1e9, windowHours: 6, windowStartsAtMs: [] };
const cluster = { id: 'c1', siteId: 's1' };

/** A cluster of one appliance, whose viewers are expected to watch each rendition so often. */
function fleet(watched: readonly number[], over: Partial<FleetInputs> = {}): FleetInputs {
  const facts = watched.map((_, index) => renditionAt(index));
  return {
    nowMs: NOW_MS,
    settings: { ...DEFAULT_HOLD_SETTINGS, reserveShare: 0.1, originWaitSec: 600 },
    sites: [site],
    clusters: [cluster],
    appliances: [{ id: 'a1', clusterId: 'c1', baseUrl: 'http://a1', capacityBytes: 1e6 }],
    facts,
    originUrls: facts.map(() => 'http://origin'),
    fileCounts: new Uint32Array(facts.length).fill(1),
    demand: new Map([['EU', demandOf(facts.map(({ sizeBytes }, index) => sizeBytes * (watched[index] ?? 0)))]]),
    calendar: EMPTY_CALENDAR,
    heldBefore: new Map(),
    ...over,
  };
}

const heldOf = (items: readonly { readonly rendition: number; readonly part: string }[]): HeldBefore => {
  const sorted = items.toSorted((a, b) => a.rendition - b.rendition);
  return {
    rendition: Uint32Array.from(sorted, ({ rendition }) => rendition),
    isHead: Uint8Array.from(sorted, ({ part }) => (part === 'head' ? 1 : 0)),
    isMaster: new Uint8Array(sorted.length),
  };
};

test('hourly cycles of a day fetch together no more than the day serves, and the next day goes on', () => {
  // Half of each is watched per day: what two serve in a day pays for one more.
  const watched = Array.from({ length: 80 }, (_, index) => (index < 4 ? 3 : 0.5));
  let inputs = fleet(watched);
  let today = 0;
  const perDay: number[] = [];
  for (let hour = 0; hour < 72; hour++) {
    const { choice, memory } = holdCluster(inputs, cluster, site, 1);
    today += choice.fillBytes;
    if (hour % 24 === 23) {
      perDay.push(today);
      expect(today).toBeLessThanOrEqual(choice.servedBytes);
      today = 0;
    }
    inputs = {
      ...inputs,
      nowMs: inputs.nowMs + HOUR_MS,
      heldBefore: new Map([['a1', heldOf(choice.items)]]),
      holdMemory: new Map([['c1', memory]]),
    };
  }
  expect(perDay[0]).toBeGreaterThan(3000);
  expect(perDay[1]).toBeGreaterThan(perDay[0] ?? 0);
});

test('what a clock that was ahead took down uses up no budget when it is put back', () => {
  const inputs = fleet(Array.from({ length: 80 }, () => 5));
  const { choice, memory } = holdCluster(inputs, cluster, site, 1);
  const ahead = { ...memory, fetched: [{ hourStartMs: NOW_MS + 9000 * HOUR_MS, bytes: 1e12 }] };
  const after = holdCluster({ ...inputs, holdMemory: new Map([['c1', ahead]]) }, cluster, site, 1);
  expect(after.choice.fillBytes).toBe(choice.fillBytes);
  expect(after.memory.fetched).toEqual(memory.fetched);
});

test('a month has its budget, of which a day takes a part', () => {
  const monthly = { ...site, monthlyFillBytes: 30_000 };
  const watched = Array.from({ length: 80 }, () => 5);
  const { choice, memory } = holdCluster(fleet(watched), cluster, monthly, 1);
  expect(choice.fillBytes).toBeGreaterThan(0);
  expect(choice.fillBytes).toBeLessThanOrEqual(2000);
  const spent = { ...memory, fetched: [], monthFetchedBytes: 30_000 };
  const later = fleet(watched, { nowMs: NOW_MS + 30 * HOUR_MS, holdMemory: new Map([['c1', spent]]) });
  expect(holdCluster(later, cluster, monthly, 1).choice.fillBytes).toBe(0);
  const nextMonth = fleet(watched, { nowMs: NOW_MS + 31 * 24 * HOUR_MS, holdMemory: new Map([['c1', spent]]) });
  expect(holdCluster(nextMonth, cluster, monthly, 1).choice.fillBytes).toBeGreaterThan(0);
});

test('disks that wear are written no more than they stand', () => {
  const watched = Array.from({ length: 80 }, () => 5);
  const worn = fleet(watched, {
    appliances: [{ id: 'a1', clusterId: 'c1', baseUrl: 'http://a1', capacityBytes: 1e6, enduranceBytesPerDay: 10_000 }],
  });
  const { choice, disks } = holdCluster(worn, cluster, site, 1);
  expect(choice.fillBytes).toBeGreaterThan(7000);
  expect(choice.fillBytes).toBeLessThanOrEqual(9000);
  expect(disks[0]?.writeBudgetBytes).toBe(9000);
  const nothing = { spaceBytes: 0, servedBytes: 0 };
  const busy = { plannedTail: nothing, demandTail: nothing, demandFilledBytes: 4000 };
  const viewersWrite = holdCluster({ ...worn, spaceEarned: new Map([['a1', busy]]) }, cluster, site, 1);
  expect(viewersWrite.choice.fillBytes).toBeLessThanOrEqual(5000);
});

test('the split of the disks follows what its border earns, once a day, when every appliance has told', () => {
  const demandEarnsMore: SpaceEarnings = {
    plannedTail: { spaceBytes: 100, servedBytes: 10 },
    demandTail: { spaceBytes: 100, servedBytes: 50 },
    demandFilledBytes: 0,
  };
  let inputs = fleet([1], { spaceEarned: new Map([['a1', demandEarnsMore]]) });
  const shares: number[] = [];
  for (let hour = 0; hour < 96; hour++) {
    const { disks, memory } = holdCluster(inputs, cluster, site, 1);
    if (hour % 24 === 0) shares.push((disks[0]?.plannedBytes ?? 0) / 1e6);
    inputs = { ...inputs, nowMs: inputs.nowMs + HOUR_MS, holdMemory: new Map([['c1', memory]]) };
  }
  expect(shares).toEqual([0.9, 0.9, 0.89, 0.875]);
  const silent = holdCluster(
    { ...inputs, nowMs: inputs.nowMs + 24 * HOUR_MS, spaceEarned: new Map() },
    cluster,
    site,
    1,
  );
  expect(silent.memory.split).toEqual(inputs.holdMemory?.get('c1')?.split);
  const putBackMs = inputs.nowMs - 9000 * HOUR_MS;
  const putBack = holdCluster({ ...inputs, nowMs: putBackMs }, cluster, site, 1);
  expect(putBack.memory.split?.tunedAtMs).toBe(putBackMs);
  const otherKnob = holdCluster({ ...inputs, settings: { ...inputs.settings, reserveShare: 0.3 } }, cluster, site, 1);
  expect(otherKnob.memory.split?.state.plannedShare).toBe(0.7);
});
