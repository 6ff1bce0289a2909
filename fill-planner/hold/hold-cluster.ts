import type { FleetInputs, PlanCluster, PlanSite } from '../plan/fleet-inputs.ts';
import { NOTHING_HELD, type RegionDemand } from '../plan/plan-facts.ts';
import { chooseHold } from './choose-hold.ts';
import { economyOf } from './fill-economy.ts';
import { HELD } from './held.ts';
import type { HoldChoice } from './hold-input.ts';
import {
  fetchedLately,
  type HoldMemory,
  monthlyAllowance,
  NO_MEMORY,
  type RememberedSplit,
  rememberFetches,
} from './hold-memory.ts';
import { type DiskSplit, splitDisks, wornShare } from './split-disks.ts';
import { firstSplit, type TailEarnings, tuneSplit } from './tune-split.ts';

/** What one cluster should hold, how its disks are split, and what to remember of it for the next cycle. */
export interface ClusterHold {
  readonly choice: HoldChoice;
  readonly disks: readonly DiskSplit[];
  readonly memory: HoldMemory;
}

/** Takes what concerns one cluster out of the inputs of a fleet's plan. */
export function holdCluster(
  inputs: FleetInputs,
  cluster: PlanCluster,
  site: PlanSite,
  demandShare: number,
): ClusterHold {
  const members = inputs.appliances.filter(({ clusterId }) => clusterId === cluster.id);
  const memory = inputs.holdMemory?.get(cluster.id) ?? NO_MEMORY;
  const worn = members.map((member) => ({
    ...member,
    applianceId: member.id,
    demandWrittenBytesPerDay: inputs.spaceEarned?.get(member.id)?.demandFilledBytes ?? 0,
  }));
  const split = splitOfToday(memory, inputs, members);
  const disks = splitDisks(worn, split.state.plannedShare);
  const demand = inputs.demand.get(site.region) ?? noDemand(inputs.facts.length);
  const lately = fetchedLately(memory, inputs.nowMs);
  const clustersOfSite = inputs.clusters.filter(({ siteId }) => siteId === site.id).length;
  const choice = chooseHold({
    facts: inputs.facts,
    demand,
    regionShare: demandShare,
    heldNow: heldByAny(inputs, members),
    cluster: { clusterId: cluster.id, siteId: site.id, region: site.region },
    calendar: inputs.calendar,
    nowMs: inputs.nowMs,
    plannedBytes: sum(disks, ({ plannedBytes }) => plannedBytes),
    maxItemBytes: Math.max(0, ...disks.map(({ plannedBytes }) => plannedBytes)),
    economy: economyOf({
      transit: site.transit,
      expectedBytes: total(demand.expectedBytes),
      peakHourBytes: total(demand.peakHourBytes),
      wornShare: wornShare(worn, lately),
    }),
    settings: inputs.settings,
    fetchedLatelyBytes: lately,
    fillBudgetBytes:
      site.monthlyFillBytes === undefined
        ? undefined
        : monthlyAllowance(memory, inputs.nowMs, site.monthlyFillBytes / clustersOfSite),
    writeBudgetBytes: sum(disks, ({ writeBudgetBytes }) => writeBudgetBytes),
  });
  const fetchedBytes = choice.fillBytes - choice.pinnedFillBytes;
  return { choice, disks, memory: { ...rememberFetches(memory, inputs.nowMs, fetchedBytes), split } };
}

const DAY_MS = 86_400_000;
/** A split in days that are a little short, because cycles do not come to the second. */
const TUNED_EVERY_MS = 0.98 * DAY_MS;

/** Moves the split once a day, where all appliances of the cluster have told what its border earned. */
function splitOfToday(
  { split }: HoldMemory,
  { nowMs, settings, spaceEarned }: FleetInputs,
  members: readonly { readonly id: string }[],
): RememberedSplit {
  const fromShare = 1 - settings.reserveShare;
  const before = split?.fromShare === fromShare ? split : { state: firstSplit(fromShare), fromShare, tunedAtMs: nowMs };
  const told = members.flatMap(({ id }) => spaceEarned?.get(id) ?? []);
  // In either direction: a clock that was ahead and is put back must not stop it until then.
  if (Math.abs(nowMs - before.tunedAtMs) < TUNED_EVERY_MS || told.length < members.length) return before;
  const tail = (side: 'plannedTail' | 'demandTail'): TailEarnings => ({
    spaceBytes: sum(told, (earned) => earned[side].spaceBytes),
    servedBytes: sum(told, (earned) => earned[side].servedBytes),
  });
  const earned = { plannedTail: tail('plannedTail'), demandTail: tail('demandTail') };
  return { state: tuneSplit(before.state, earned), fromShare, tunedAtMs: nowMs };
}

/** What at least one appliance of the cluster was to hold by the plan before. */
function heldByAny({ facts, heldBefore }: FleetInputs, members: readonly { readonly id: string }[]): Uint8Array {
  const held = new Uint8Array(facts.length);
  for (const { id } of members) {
    const { rendition, isHead } = heldBefore.get(id) ?? NOTHING_HELD;
    for (let at = 0; at < rendition.length; at++) {
      const index = rendition[at] ?? 0;
      held[index] = Math.max(held[index] ?? 0, isHead[at] === 1 ? HELD.head : HELD.whole);
    }
  }
  return held;
}

function noDemand(count: number): RegionDemand {
  const nothing = new Float64Array(count);
  return { expectedBytes: nothing, deviationBytes: nothing, peakHourBytes: nothing };
}

function sum<T>(items: readonly T[], bytes: (item: T) => number): number {
  return items.reduce((all, item) => all + bytes(item), 0);
}

function total(values: Float64Array): number {
  let all = 0;
  for (let at = 0; at < values.length; at++) all += values[at] ?? 0;
  return all;
}
