import { expect, test } from 'vitest';
import { EMPTY_CALENDAR } from '../../../fill-planner/calendar/calendar-facts.ts';
import { draftCluster } from '../../../fill-planner/plan/draft-cluster.ts';
import type { FleetInputs } from '../../../fill-planner/plan/fleet-inputs.ts';
import { linkFleet } from '../../../fill-planner/plan/link-fleet.ts';
import type { ClusterPlacement } from '../../../fill-planner/plan/plan-facts.ts';
import { fillWindowSchema } from '../../../src/contracts/fill-plan.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2030, 0, 20, 1);
const STARTS_AT_MS = NOW_MS + HOUR_MS;

/** One site of two clusters with two appliances each; everybody holds the one rendition of 20 MB. */
function fleet(site: Partial<FleetInputs['sites'][number]>): { inputs: FleetInputs; placements: ClusterPlacement[] } {
  const clusters = ['c', 'd'].map((id) => ({ id, siteId: 's' }));
  const appliances = clusters.flatMap(({ id }) =>
    [0, 1].map((at) => ({ id: `${id}${at}`, clusterId: id, baseUrl: `http://${id}${at}`, capacityBytes: 1e9 })),
  );
  const inputs = {
    nowMs: NOW_MS,
    settings: { originWaitSec: 600 },
    sites: [{ id: 's', region: 'r', fillBitsPerSec: 1e9, windowHours: 4, windowStartsAtMs: [STARTS_AT_MS], ...site }],
    clusters,
    appliances,
    facts: [{ id: 't/v' }],
    originUrls: ['http://origin'],
    fileCounts: Uint32Array.of(1),
    demand: new Map(),
    calendar: EMPTY_CALENDAR,
    heldBefore: new Map(),
  } as unknown as FleetInputs;
  const placements = clusters.map(
    ({ id }) =>
      ({
        clusterId: id,
        applianceIds: [`${id}0`, `${id}1`],
        rendition: Uint32Array.of(0),
        isHead: Uint8Array.of(0),
        sizeBytes: Float64Array.of(20_000_000),
        expectedBytes: Float64Array.of(1),
        rank: Uint32Array.of(0),
        itemCount: 1,
        reason: Uint32Array.of(0),
        reasons: ['why'],
        holderStart: Uint32Array.of(0, 2),
        holders: Uint16Array.of(0, 1),
      }) as unknown as ClusterPlacement,
  );
  return { inputs, placements };
}

function windowsOf({ inputs, placements }: ReturnType<typeof fleet>) {
  const links = linkFleet(inputs, placements);
  const drafts = placements.flatMap((placement) => draftCluster(inputs, placement, links));
  return new Map(drafts.map(({ applianceId, windows, sourceLists }) => [applianceId, { windows, sourceLists }]));
}

test('two clusters of a site cross its link once: one goes to the origin, the others ask him and each other', () => {
  const plans = windowsOf(fleet({}));
  const first = [...plans].map(([id, { sourceLists }]) => [id, sourceLists[0]?.[0]?.id]);
  expect(first).toEqual([
    ['c0', 'origin'],
    ['c1', 'c0'],
    ['d0', 'c0'],
    ['d1', 'c0'],
  ]);
});

test('rates that change and caps reach all appliances, together never more than the site has', () => {
  const billRates = [
    { fromMs: NOW_MS, fillBitsPerSec: 4e8 },
    { fromMs: STARTS_AT_MS + HOUR_MS, fillBitsPerSec: 0 },
  ];
  const link = { maxBytesPerWindow: 500_000, maxBytesPerMonth: 1e12 };
  const plans = [...windowsOf(fleet({ billRates, link })).values()];
  const windows = plans.flatMap(({ windows: own }) => own);
  expect(windows).toHaveLength(4);
  for (const window of windows) {
    expect(fillWindowSchema.parse(window)).toEqual(window);
    expect(window.rates?.map(({ fromMs }) => fromMs)).toEqual([STARTS_AT_MS, STARTS_AT_MS + HOUR_MS]);
  }
  const sum = (values: readonly (number | undefined)[]): number => values.reduce<number>((a, b) => a + (b ?? 0), 0);
  expect(sum(windows.map(({ rates }) => rates?.[0]?.fillBitsPerSec))).toBeLessThanOrEqual(4e8);
  expect(sum(windows.map(({ rates }) => rates?.[0]?.fillBitsPerSec))).toBeGreaterThan(3.9e8);
  expect(sum(windows.map(({ rates }) => rates?.[1]?.fillBitsPerSec))).toBe(0);
  const ofWindow = windows.map(({ caps }) => caps?.find(({ sinceMs }) => sinceMs === STARTS_AT_MS)?.maxBytes);
  expect(sum(ofWindow)).toBe(500_000);
  expect(windows.every(({ caps }) => caps?.length === 2)).toBe(true);
});

test('a window that is opened by hand inside of another one does not give its parts the cap of the whole', () => {
  const { inputs, placements } = fleet({ link: { maxBytesPerWindow: 500_000 } });
  const openedByHand = { startsAtMs: STARTS_AT_MS + HOUR_MS, endsAtMs: STARTS_AT_MS + 2 * HOUR_MS };
  const plans = [...windowsOf({ inputs: { ...inputs, openedByHand }, placements }).values()];
  let together = 0;
  for (const { windows } of plans) {
    expect(windows).toHaveLength(3);
    const whole = windows.map(({ caps }) =>
      caps?.find(({ sinceMs, untilMs }) => sinceMs === STARTS_AT_MS && untilMs === STARTS_AT_MS + 4 * HOUR_MS),
    );
    expect(new Set(whole.map((cap) => cap?.maxBytes)).size).toBe(1);
    together += whole[0]?.maxBytes ?? Number.POSITIVE_INFINITY;
  }
  expect(together).toBeLessThanOrEqual(500_000);
});

test('what cannot wait may be filled outside the window, at a rate of its own', () => {
  const hot = fleet({ urgentFillBitsPerSec: 1e8 });
  for (const placement of hot.placements) placement.expectedBytes[0] = 1e9;
  const plans = [...windowsOf(hot).values()];
  for (const { windows } of plans) {
    expect(windows.map(({ startsAtMs, lastPriority }) => [startsAtMs, lastPriority])).toEqual([
      [Date.UTC(2030, 0, 20), 0],
      [STARTS_AT_MS, undefined],
    ]);
    for (const window of windows) expect(fillWindowSchema.parse(window)).toEqual(window);
  }
  const urgent = plans.reduce((sum, { windows }) => sum + (windows[0]?.fillBitsPerSec ?? 0), 0);
  expect(urgent).toBeLessThanOrEqual(1e8);
  // Nothing that can wait, no window.
  expect(
    [...windowsOf(fleet({ urgentFillBitsPerSec: 1e8 })).values()].every(({ windows }) => windows.length === 1),
  ).toBe(true);
});
