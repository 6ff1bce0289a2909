import { EMPTY_CALENDAR } from '../../fill-planner/calendar/calendar-facts.ts';
import { chooseHold } from '../../fill-planner/hold/choose-hold.ts';
import { economyOf } from '../../fill-planner/hold/fill-economy.ts';
import { HELD } from '../../fill-planner/hold/held.ts';
import { DEFAULT_HOLD_SETTINGS } from '../../fill-planner/hold/hold-input.ts';
import type { RegionDemand, RenditionFacts } from '../../fill-planner/plan/plan-facts.ts';
import { seededRandom } from '../workloads/trace.ts';

export interface HoldTime {
  readonly renditions: number;
  readonly medianMs: number;
  readonly items: number;
}

const ROUNDS = 9;
const RUNGS = 10;
const NOW_MS = Date.UTC(2030, 0, 1);
const YEAR_MS = 365 * 86_400_000;

/** Processor time of one cluster's choice, of a catalogue of which the disk takes two fifths. */
export function timeHold(renditions: number): HoldTime {
  const random = seededRandom(1);
  const facts = Array.from({ length: renditions }, (_, index): RenditionFacts => {
    const title = Math.floor(index / RUNGS);
    const rung = index % RUNGS;
    const isManifest = rung === RUNGS - 1;
    return {
      id: `t${title}/${rung}`,
      titleId: `t${title}`,
      isManifest,
      sizeBytes: isManifest ? 20_000 : Math.floor(2e8 * (1 + rung) * (0.5 + random())),
      bitsPerSec: isManifest ? 0 : 4e5 * (1 + rung),
      durationSec: 5400,
      headBytes: isManifest ? 0 : 400_000 * (1 + rung),
      availableAtMs: NOW_MS - random() * YEAR_MS,
    };
  });
  const expectedBytes = Float64Array.from(
    facts,
    ({ sizeBytes }, index) => (sizeBytes * 500 * random()) / (1 + Math.floor(index / RUNGS)),
  );
  const demand: RegionDemand = {
    expectedBytes,
    deviationBytes: expectedBytes.map((bytes) => bytes / 2),
    peakHourBytes: expectedBytes.map((bytes) => bytes * (0.05 + 0.1 * random())),
  };
  const sum = (values: Float64Array): number => values.reduce((all, each) => all + each, 0);
  const allBytes = facts.reduce((all, { sizeBytes }) => all + sizeBytes, 0);
  const economy = economyOf({
    transit: undefined,
    expectedBytes: sum(demand.expectedBytes),
    peakHourBytes: sum(demand.peakHourBytes),
    wornShare: 0.1,
  });
  const heldNow = Uint8Array.from(facts, () => (random() < 0.4 ? HELD.whole : HELD.nothing));
  let items = 0;
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    const choice = chooseHold({
      facts,
      demand,
      regionShare: 0.5,
      heldNow,
      cluster: { clusterId: 'c', siteId: 's', region: 'r' },
      calendar: EMPTY_CALENDAR,
      nowMs: NOW_MS,
      plannedBytes: allBytes * 0.4,
      maxItemBytes: allBytes,
      fetchedLatelyBytes: 0,
      economy,
      settings: DEFAULT_HOLD_SETTINGS,
    });
    items = choice.items.length;
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return { renditions, medianMs: times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0, items };
}
