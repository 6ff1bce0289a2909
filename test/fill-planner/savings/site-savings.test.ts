import { expect, test } from 'vitest';
import { type SiteInput, siteSavings, type TrafficSample } from '../../../fill-planner/savings/site-savings.ts';

const FIRST = Date.UTC(2026, 10, 1) / 300_000;
const sample = (slot: number, change: Partial<TrafficSample> = {}): TrafficSample => ({
  slot: FIRST + slot,
  slotCount: 1,
  served: 0,
  fillPeer: 0,
  fillTier: 0,
  fillOrigin: 0,
  missPeer: 0,
  missTier: 0,
  missOrigin: 0,
  ...change,
});
const site = (samples: readonly TrafficSample[], change: Partial<SiteInput> = {}): SiteInput => ({
  firstSlot: FIRST,
  endSlot: FIRST + 288 * 2,
  appliances: [{ applianceId: 'a1', capacityBytes: 1000, enduranceBytesPerDay: 50, samples }],
  windows: [{ start: FIRST + 24, end: FIRST + 36 }],
  prices: {},
  keptRates: undefined,
  ...change,
});

test('saved is what was served less what crossed the link; what peers gave crossed nothing', () => {
  const saved = siteSavings(
    site([
      sample(0, { served: 1000, missOrigin: 50, missPeer: 10, missTier: 5 }),
      sample(24, { fillPeer: 100, fillTier: 20, fillOrigin: 30 }),
      sample(40, { fillOrigin: 3 }),
      sample(300, { served: 500 }),
    ]),
  );
  expect(saved).toMatchObject({
    servedBytes: 1500,
    filledBytes: { peer: 100, tier: 20, origin: 33 },
    missedBytes: { peer: 10, tier: 5, origin: 50 },
    filledInWindowBytes: 150,
    filledOutsideBytes: 3,
    crossedBytes: 108,
    savedBytes: 1392,
    days: [
      { day: '2026-11-01', servedBytes: 1000, crossedBytes: 108 },
      { day: '2026-11-02', servedBytes: 500, crossedBytes: 0 },
    ],
    savedMoney: undefined,
  });
  expect(saved.savedShare).toBeCloseTo(1392 / 1500);
  // Two days: 153 bytes filled and 65 for viewers, on 1000 bytes of disk that stand 50 a day.
  expect(saved.appliances[0]).toMatchObject({ churnPerDay: 153 / 2000, writesPerDay: 218 / 2000, wornShare: 2.18 });
});

test('the billed rate is the 95th percentile of five minutes since the first that was told, quiet ones included', () => {
  // 100 slots told of: 6 of them busy. Five may be left out, so the sixth is what is billed.
  const busy = [0, 1, 2, 3, 4, 5].map((slot) =>
    sample(476 + slot, { served: 3_750_000 * (slot + 1), fillOrigin: 37_500 }),
  );
  const saved = siteSavings(site(busy, { prices: { perMbpsMonth: 2, perTerabyte: 10, currency: 'EUR' } }));
  expect(saved.rates).toEqual({ servedBitsPerSec: 100_000, crossedBitsPerSec: 1000 });
  expect(saved.savedMoney).toEqual({
    currency: 'EUR',
    byVolume: ((3_750_000 * 21 - 37_500 * 6) / 1e12) * 10,
    byRate: (99_000 / 1e6) * 2,
  });
});

test('who takes in more than he serves is told so', () => {
  const saved = siteSavings(site([sample(0, { served: 10, fillOrigin: 100 })], { prices: { perTerabyte: 1e12 } }));
  expect([saved.savedBytes, saved.savedMoney?.byVolume]).toEqual([-90, -90]);
});

test('hours say nothing of five minutes: the rates that were kept stand in for them', () => {
  const kept = { servedBitsPerSec: 7, crossedBitsPerSec: 1 };
  const hours = [sample(0, { slotCount: 12, served: 10 })];
  expect(siteSavings(site(hours, { keptRates: kept })).rates).toEqual(kept);
  expect(siteSavings(site([])).rates).toBeUndefined();
});

test('what a fleet takes in within its first hour is that of a day, not of twenty-four such hours', () => {
  const [appliance] = siteSavings(site([sample(565, { fillOrigin: 800 })])).appliances;
  expect(appliance).toMatchObject({ churnPerDay: 0.8, writesPerDay: 0.8, wornShare: 16 });
});
