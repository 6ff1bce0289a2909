import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';
import { type HolderTable, renditionOf, slotOf } from './holder-table.ts';
import type { TierTree } from './tier-tree.ts';

/**
 * From whom each holder takes a rendition, in the order to try: a tree whose root is the origin.
 *
 *   fill master        tier at once, origin after one silence; where no tier has it, the origin at once
 *   second in line     the master; tier after one silence, origin after two
 *   third, fourth ...  who stands before it at a third of its place, the master, the others before it; one silence more
 *
 * Within a site a rendition spreads as a tree of three branches, block by block while everybody still fills, so the
 * master gives it three times and not once per copy, and a place deep in the line comes seconds later, not hours.
 *
 * Escalation goes by silence, not by the clock. With waits that count from the window's start, everybody is allowed to
 * ask the origin after ten minutes, and in a fill of eight hours everybody does so for whatever its master has not come
 * to yet: measured in the simulation (`npm run bench -- fill`) the origin then sends a file 1.3 to 2 times. So nobody
 * passes by a source that gets on, however slowly, and when one has given nothing for `originWaitSec`, exactly the next
 * in line takes its place; those behind wait for him. Appliances that do not know silences go by `afterSec`, which
 * grows down the line in the same way.
 *
 * Arrows point only to those who stand earlier in line, and from site to site only back in the tree of sites; so nobody
 * waits for somebody who waits for him. Who was not heard of, or was banned for wrong bytes, stands at the end of the
 * line and is nobody's source.
 *
 * Limits: the line is that of placement, not of speed. A master who keeps giving other files and never this one is
 * passed by only when nothing else is left to do.
 */
export interface LinkedSite {
  /** In the order of the site's appliances, whatever cluster they belong to. */
  readonly appliances: readonly { readonly id: string; readonly baseUrl: string }[];
  /** Index of the appliance that fetches for the site, by slot; -1 where it holds none. */
  readonly master: Int16Array;
  /** 1: nobody should ask it. */
  readonly isAway?: Uint8Array | undefined;
}

export interface SourceLinks {
  readonly sites: readonly LinkedSite[];
  readonly tiers: TierTree;
  /** By rendition. */
  readonly originUrls: readonly string[];
  readonly originWaitSec: number;
}

/** The contract takes 16 sources; more peers than these add nothing. */
const MAX_PEERS = 8;
const BRANCHES = 3;
const MAX_TIERS = 2;

/**
 * The sources that the appliances of one site should have.
 * @param table of that site
 * @returns for a slot and a holder's index; the same list, by identity, wherever the same sources are meant
 */
export function sourceLister(
  links: SourceLinks,
  site: number,
  table: HolderTable,
): (slot: number, holder: number) => readonly FillPlanSource[] {
  const lists = new Map<string, readonly FillPlanSource[]>();
  const own = links.sites[site];
  if (own === undefined) throw new Error(`there is no site ${site}`);
  return (slot, holder) => {
    const line = lineOf(own, table, slot);
    const place = line.indexOf(holder);
    const isAsked = (other: number): boolean => own.isAway?.[other] !== 1;
    const peers = place <= 0 ? [] : peersBefore(line, place).filter(isAsked);
    const tiers = tiersOf(links, site, slot);
    const originUrl = links.originUrls[renditionOf(slot)] ?? '';
    const key = `${place} ${peers.join()} ${tiers.map((tier) => `${tier.site}:${tier.appliance}`).join()} ${originUrl}`;
    const known = lists.get(key);
    if (known !== undefined) return known;
    const list = listSources(links, own, { peers, tiers, originUrl, place: Math.max(0, place) });
    lists.set(key, list);
    return list;
  };
}

/** The master, then the others in the order of placement, then those that are away. */
function lineOf({ master, isAway }: LinkedSite, { offsets, holders }: HolderTable, slot: number): number[] {
  const first = master[slot] ?? -1;
  const line = first === -1 ? [] : [first];
  const last: number[] = [];
  for (let at = offsets[slot] ?? 0; at < (offsets[slot + 1] ?? 0); at += 1) {
    const holder = holders[at] ?? 0;
    if (holder !== first) (isAway?.[holder] === 1 ? last : line).push(holder);
  }
  return [...line, ...last];
}

/** Those before a place in line, in the order to ask them: the branch that it hangs on, the master, the others. */
function peersBefore(line: readonly number[], place: number): number[] {
  const parent = Math.floor((place - 1) / BRANCHES);
  const first = parent === 0 ? [0] : [parent, 0];
  const rest = Array.from({ length: place }, (_, at) => at).filter((at) => !first.includes(at));
  return [...first, ...rest].slice(0, MAX_PEERS).map((at) => line[at] ?? 0);
}

interface TierSource {
  readonly site: number;
  readonly appliance: number;
}

/** Masters of the nearest sites that hold it; a head is also in the whole. */
function tiersOf({ sites, tiers }: SourceLinks, site: number, slot: number): TierSource[] {
  const found: TierSource[] = [];
  const whole = slotOf(renditionOf(slot), false);
  for (const from of tiers[site] ?? []) {
    const other = sites[from];
    const own = other?.master[slot] ?? -1;
    const appliance = own === -1 ? (other?.master[whole] ?? -1) : own;
    if (appliance === -1 || other?.isAway?.[appliance] === 1) continue;
    found.push({ site: from, appliance });
    if (found.length === MAX_TIERS) break;
  }
  return found;
}

function listSources(
  { sites, originWaitSec }: SourceLinks,
  own: LinkedSite,
  chosen: {
    readonly peers: readonly number[];
    readonly tiers: readonly TierSource[];
    readonly originUrl: string;
    readonly place: number;
  },
): FillPlanSource[] {
  const { peers, tiers, originUrl, place } = chosen;
  const sources: FillPlanSource[] = peers.flatMap((peer, at) => {
    const appliance = own.appliances[peer];
    // The order of asking: peers of one rank are tried by their wait, and a second after the start all waits are over.
    return appliance === undefined
      ? []
      : [{ kind: 'peer', id: appliance.id, baseUrl: appliance.baseUrl, afterSec: Math.min(at, 2) }];
  });
  // Nobody before it in line is there any more: it is the first.
  let silences = peers.length === 0 ? 0 : place;
  const far = (source: Omit<FillPlanSource, 'afterSec'>): void => {
    const waitSec = silences * originWaitSec;
    sources.push(
      silences === 0 ? { ...source, afterSec: 0 } : { ...source, afterSec: waitSec, afterSilenceSec: waitSec },
    );
    silences += 1;
  };
  for (const { site, appliance } of tiers) {
    const other = sites[site]?.appliances[appliance];
    if (other !== undefined) far({ kind: 'tier', id: other.id, baseUrl: other.baseUrl });
  }
  far({ kind: 'origin', id: 'origin', baseUrl: originUrl });
  return sources;
}
