import { HOLD_VERDICTS } from '../hold/hold-words.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import type { ClusterPlacement } from '../plan/plan-facts.ts';
import { clusterDemand } from './plan-figures.ts';

/** Why a cluster holds nothing of a rendition, in words: what holding and placing would decide of it now. */
export function whyNotHeld(inputs: FleetInputs, placement: ClusterPlacement, rendition: number): string {
  const sizeBytes = Math.max(1, inputs.facts[rendition]?.sizeBytes ?? 0);
  const share = clusterDemand(inputs, placement.clusterId)(rendition) / sizeBytes;
  const daily = `${Number(share.toPrecision(2))} times its size is expected to be watched per day`;
  if (placement.rendition.includes(rendition)) return `the next plan is to hold it; ${daily}`;
  if (placement.leftOut.includes(rendition)) return `it is wanted, but no appliance has room for all of it; ${daily}`;
  const verdict = HOLD_VERDICTS[placement.holdVerdicts?.[rendition] ?? -1];
  switch (verdict) {
    case 'retired':
      return 'its rights have ended';
    case 'no-room':
      return `no room: others are worth more; ${daily}`;
    case 'not-worth-fetching':
      return `not worth fetching: what it is expected to save is less than its fill costs; ${daily}`;
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
