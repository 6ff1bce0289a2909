import type { FleetInputs } from '../../fill-planner/plan/fleet-inputs.ts';
import type { ClusterPlacement } from '../../fill-planner/plan/plan-facts.ts';

/**
 * A plain placement, so that what is measured is how a plan is filled and not how good it is: everything by expected
 * bytes per stored byte, one copy of each, then second and third ones while there is room.
 */
export function firstFit(inputs: FleetInputs, clusterId: string): ClusterPlacement {
  const { facts, demand, sites } = inputs;
  const expected = demand.get(sites.find(({ id }) => id === clusterId)?.region ?? '')?.expectedBytes;
  const density = Float64Array.from(facts, ({ sizeBytes }, at) => (expected?.[at] ?? 0) / sizeBytes);
  const order = [...facts.keys()].sort((a, b) => (density[b] ?? 0) - (density[a] ?? 0));
  const members = inputs.appliances.filter((each) => each.clusterId === clusterId);
  const freeBytes = members.map(({ capacityBytes }) => capacityBytes * (1 - inputs.settings.reserveShare));
  const holders = new Map<number, number[]>();
  for (let copies = 0; copies < members.length; copies += 1) {
    for (const rendition of order) {
      const sizeBytes = facts[rendition]?.sizeBytes ?? 0;
      const held = holders.get(rendition) ?? [];
      const next = roomiest(freeBytes, held, sizeBytes);
      if (next === -1 || held.length < copies) continue;
      freeBytes[next] = (freeBytes[next] ?? 0) - sizeBytes;
      holders.set(rendition, [...held, next]);
    }
  }
  const placed = order.filter((rendition) => holders.has(rendition));
  const heldBy = placed.map((rendition) => holders.get(rendition) ?? []);
  const holderStart = new Uint32Array(placed.length + 1);
  for (const [entry, { length }] of heldBy.entries()) holderStart[entry + 1] = (holderStart[entry] ?? 0) + length;
  return {
    clusterId,
    applianceIds: members.map(({ id }) => id),
    rendition: Uint32Array.from(placed),
    isHead: new Uint8Array(placed.length),
    sizeBytes: Float64Array.from(placed, (rendition) => facts[rendition]?.sizeBytes ?? 0),
    expectedBytes: Float64Array.from(placed, (rendition) => expected?.[rendition] ?? 0),
    peakBitsPerSec: new Float64Array(placed.length),
    rank: Uint32Array.from(placed.keys()),
    itemCount: facts.length,
    reason: new Uint32Array(placed.length),
    reasons: ['it fits'],
    holderStart,
    holders: Uint16Array.from(heldBy.flat()),
    leftOut: new Uint32Array(0),
  } as unknown as ClusterPlacement;
}

/** The member with the largest free share that has room and does not hold it. */
function roomiest(freeBytes: readonly number[], held: readonly number[], sizeBytes: number): number {
  let best = -1;
  for (const [member, free] of freeBytes.entries()) {
    if (free >= sizeBytes && !held.includes(member) && (best === -1 || free > (freeBytes[best] ?? 0))) best = member;
  }
  return best;
}
