import { launchOf } from '../calendar/calendar-facts.ts';
import { HOLD_VERDICTS, type HoldVerdict } from '../hold/hold-words.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import type { ClusterPlacement } from '../plan/plan-facts.ts';
import { clusterDemand } from './plan-figures.ts';

/** Why a cluster holds nothing of a rendition, in words: what holding and placing would decide of it now. */
export function whyNotHeld(inputs: FleetInputs, placement: ClusterPlacement, rendition: number): string {
  const sizeBytes = Math.max(1, inputs.facts[rendition]?.sizeBytes ?? 0);
  const share = clusterDemand(inputs, placement.clusterId)(rendition) / sizeBytes;
  const daily = `${Number(share.toPrecision(2))} times its size is expected to be watched per day`;
  if (placement.rendition.includes(rendition)) return `the next plan is to hold it; ${daily}`;
  const launchesAtMs = launchAtMs(inputs, placement.clusterId, rendition);
  if (launchesAtMs > inputs.nowMs + LAUNCH_AHEAD_MS)
    return `it launches at ${minuteOf(launchesAtMs)}: plans bring it within the two days before`;
  if (placement.leftOut.includes(rendition)) return `it is wanted, but no appliance has room for all of it; ${daily}`;
  const verdict = HOLD_VERDICTS[placement.holdVerdicts?.[rendition] ?? -1];
  switch (verdict) {
    case 'retired':
      return 'its rights have ended';
    case 'no-room':
      return `no room: others are worth more; ${daily}`;
    case 'not-worth-fetching':
      return `not worth fetching: by a low estimate it saves less than its fill costs; ${daily}`;
    case 'more-than-is-watched':
      return `it waits: more would be fetched today than viewers watch of what is held; ${daily}`;
    case 'fill-budget':
      return `it waits: what the site may fetch goes to better ones; ${daily}`;
    case 'wear':
      return `it waits: the disks have been written enough for a day; ${daily}`;
    default:
      return `no plan wants it; ${daily}`;
  }
}

/** What is expected of a launch begins so long before it (`predict-regions`). */
const LAUNCH_AHEAD_MS = 2 * 86_400_000;

function launchAtMs({ calendar, clusters, sites, facts }: FleetInputs, clusterId: string, rendition: number): number {
  const siteId = clusters.find(({ id }) => id === clusterId)?.siteId;
  const region = sites.find(({ id }) => id === siteId)?.region ?? '';
  return launchOf(calendar.launches, facts[rendition]?.titleId ?? '', region)?.startsAtMs ?? 0;
}

const minuteOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}Z`;

/** How many renditions a cluster does not hold although there was room to think of, by why. */
export function countNotHeld({
  rendition,
  leftOut,
  holdVerdicts = new Uint8Array(0),
}: Pick<ClusterPlacement, 'rendition' | 'leftOut' | 'holdVerdicts'>): NotHeldCounts {
  const isTold = new Uint8Array(holdVerdicts.length);
  for (const each of rendition) isTold[each] = 1;
  // What found no room is told by name.
  for (const each of leftOut) isTold[each] = 1;
  const counts: Partial<Record<HoldVerdict, number>> = {};
  for (const [each, verdict] of holdVerdicts.entries()) {
    const name = HOLD_VERDICTS[verdict];
    if (isTold[each] === 0 && name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

export type NotHeldCounts = Readonly<Partial<Record<HoldVerdict, number>>>;
