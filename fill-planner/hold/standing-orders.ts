import { type CalendarFacts, launchOf, pinsOf } from '../calendar/calendar-facts.ts';
import type { RenditionFacts } from '../plan/plan-facts.ts';
import { HELD } from './held.ts';
import type { HoldColumns } from './hold-columns.ts';

/** What people have ordered for one cluster, whatever the numbers say. */
export interface StandingOrders {
  /** By rendition, how much of it shall be held: a value of `HELD`. */
  readonly pinned: Uint8Array;
  /** By title, when its rights end; Infinity when they do not. */
  readonly endsAtMs: Float64Array;
  /** By title, 1 where a launch is so near that it cannot wait for tomorrow's numbers. */
  readonly isLaunching: Uint8Array;
}

export interface OrderedCluster {
  readonly clusterId: string;
  readonly siteId: string;
  readonly region: string;
}

/** Launches so near, before or after, count as launching. */
const LAUNCH_MS = 2 * 86_400_000;

/** Entries of the calendar that name unknown titles are left alone: a calendar is written months ahead. */
export function standingOrders(
  facts: readonly RenditionFacts[],
  columns: HoldColumns,
  calendar: CalendarFacts,
  cluster: OrderedCluster,
  nowMs: number,
): StandingOrders {
  const endsAtMs = new Float64Array(columns.titleCount).fill(Number.POSITIVE_INFINITY);
  for (const { titleId, retiresAtMs } of calendar.retirements) {
    const title = columns.titleByName.get(titleId);
    if (title !== undefined) endsAtMs[title] = Math.min(endsAtMs[title] ?? 0, retiresAtMs);
  }
  const isLaunching = new Uint8Array(columns.titleCount);
  for (const { titleId } of calendar.launches) {
    const title = columns.titleByName.get(titleId);
    const launch = launchOf(calendar.launches, titleId, cluster.region);
    if (title === undefined || launch === undefined) continue;
    if (Math.abs(launch.startsAtMs - nowMs) <= LAUNCH_MS) isLaunching[title] = 1;
  }
  return { pinned: pinnedParts(facts, columns, calendar, cluster, nowMs), endsAtMs, isLaunching };
}

function pinnedParts(
  facts: readonly RenditionFacts[],
  columns: HoldColumns,
  calendar: CalendarFacts,
  cluster: OrderedCluster,
  nowMs: number,
): Uint8Array {
  const pinned = new Uint8Array(columns.count);
  const pins = pinsOf(calendar, cluster, nowMs);
  if (pins.length === 0) return pinned;
  const ofTitle = new Uint8Array(columns.titleCount);
  const ofRendition = new Map<string, number>();
  for (const { subject, part } of pins) {
    const level = part === 'whole' ? HELD.whole : HELD.head;
    if (subject.by === 'rendition') {
      ofRendition.set(subject.renditionId, Math.max(level, ofRendition.get(subject.renditionId) ?? 0));
      continue;
    }
    const title = columns.titleByName.get(subject.titleId);
    if (title !== undefined) ofTitle[title] = Math.max(level, ofTitle[title] ?? 0);
  }
  for (const [index, { id }] of facts.entries()) {
    const title = columns.title[index] ?? 0;
    const level = Math.max(ofTitle[title] ?? 0, ofRendition.size === 0 ? 0 : (ofRendition.get(id) ?? 0));
    // A rendition without such a cut has no head: its start is all of it.
    pinned[index] = level === HELD.head && columns.headBytes[index] === 0 ? HELD.whole : level;
  }
  return pinned;
}
