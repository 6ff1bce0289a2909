import type { FillPlan } from '../../src/contracts/fill-plan.ts';
import type { GeneratedFleet, Machine } from './generated-fleet.ts';

/**
 * The shortest time in which anybody could fill a site, in seconds: the fluid bound of Kumar and Ross (2006), with the
 * site's link as the source, for many files. Each term alone is needed:
 *
 *   link    everything that somebody at the site shall hold crosses the link once
 *   own     each appliance takes in what it shall hold, over its link share at most its own limit, and from peers
 *   swarm   all bytes that are taken in come over the link or leave another appliance
 */
export function fillBoundSec(fleet: GeneratedFleet, plans: readonly FillPlan[], siteId: string): number {
  const members = fleet.machines.filter((machine) => machine.siteId === siteId);
  const ofSite = plans.filter(({ applianceId }) => members.some(({ id }) => id === applianceId));
  const sizes = new Map(ofSite.flatMap(({ files }) => files.map((file) => [file.path, file.sizeBytes] as const)));
  const uniqueBytes = sum(sizes.values());
  const site = fleet.inputs.sites.find(({ id }) => id === siteId);
  const limits = sum(members.map(({ linkBitsPerSec }) => linkBitsPerSec));
  const linkBitsPerSec = Math.min(site?.fillBitsPerSec ?? 1, limits);
  const planBytes = (machine: Machine): number =>
    sum((ofSite.find(({ applianceId }) => applianceId === machine.id)?.files ?? []).map(({ sizeBytes }) => sizeBytes));
  const own = members.map(
    (machine) => (planBytes(machine) * 8) / (machine.peerBitsPerSec + Math.min(machine.linkBitsPerSec, linkBitsPerSec)),
  );
  const givenBitsPerSec = linkBitsPerSec + sum(members.map(({ serveBitsPerSec }) => serveBitsPerSec));
  return Math.max((uniqueBytes * 8) / linkBitsPerSec, ...own, (sum(members.map(planBytes)) * 8) / givenBitsPerSec);
}

/**
 * The most demand that a site can hold after so long: the best bytes first, once each, as fast as the link is.
 * @param arrived bytes by path that are held by somebody at the site
 * @returns the value of what arrived, over that of the best that could have
 */
export function prefixValue(
  fleet: GeneratedFleet,
  plans: readonly FillPlan[],
  siteId: string,
  arrived: ReadonlyMap<string, number>,
  seconds: number,
): number {
  const members = new Set(fleet.machines.filter((machine) => machine.siteId === siteId).map(({ id }) => id));
  const site = fleet.inputs.sites.find(({ id }) => id === siteId);
  const expected = fleet.inputs.demand.get(site?.region ?? '')?.expectedBytes;
  const worth = new Map(
    fleet.contents.flatMap(({ files }, at) =>
      files.map(({ path, sizeBytes }) => [path, { sizeBytes, value: expected?.[at] ?? 0 }]),
    ),
  );
  const planned = [
    ...new Set(plans.flatMap((plan) => (members.has(plan.applianceId) ? plan.files.map(({ path }) => path) : []))),
  ];
  const ordered = planned
    .flatMap((path) => worth.get(path) ?? [])
    .sort((a, b) => b.value / b.sizeBytes - a.value / a.sizeBytes);
  let leftBytes = ((site?.fillBitsPerSec ?? 0) / 8) * seconds;
  let best = 0;
  for (const { sizeBytes, value } of ordered) {
    const taken = Math.min(sizeBytes, leftBytes);
    best += value * (taken / sizeBytes);
    leftBytes -= taken;
  }
  const got = sum(
    planned.map((path) => {
      const { sizeBytes, value } = worth.get(path) ?? { sizeBytes: 1, value: 0 };
      return value * Math.min(1, (arrived.get(path) ?? 0) / sizeBytes);
    }),
  );
  return got / best;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
