import type { FleetMember, FleetView } from '../fleet/fleet-registry.ts';
import { HOLDS_NOTHING, type Holders } from '../fleet/held-titles.ts';
import { hasRoom } from '../ranking/exclude.ts';
import { WHOLE_CLASS } from '../ranking/held-class.ts';
import type { SessionFacts } from '../ranking/session-facts.ts';
import type { SiteTable } from '../sites/site-table.ts';

/**
 * Which appliances a decision ranks: those that can matter.
 *
 * All of the client's own site, of other sites that announce it and of the site where the flow puts the session,
 * whatever state they are in, those from which it plays and those that its manifest declared. Of all others the first few by the order in which the
 * ranking compares them: tier by tier of what the ISP pays (`place-orders.ts`), and in a tier those that hold most of
 * the title. Of one failure domain there are at most as many as a home takes by its order, so that two more domains are
 * always among them. So the first places are as good in every rule as if all had been ranked; which of equals they are
 * may differ, for the hash decides among fewer.
 *
 * What is passed over is passed over for lasting reasons, so a session goes on being ranked among the same. When one of
 * the outer ones leaves, the next of the order steps in, and some sessions of its tier that have no better may go to it.
 * A small fleet is ranked whole.
 */
const ENOUGH_OUTSIDE = 12;
const MOST_OF_ONE_DOMAIN = 5;
/** A fleet of so many is ranked whole: it costs no more than a large site. */
const SMALL_FLEET = 32;
/** Sites that announce the same prefix are two or three. */
const MOST_NEAR_SITES = 6;

interface Around {
  readonly fleet: FleetView;
  readonly sites: SiteTable;
}

interface Asked {
  readonly siteCosts: ReadonlyMap<string, number>;
  /** Appliances that the session's manifest declared, which an answer may name again: they are judged like all others. */
  readonly declared?: readonly string[] | undefined;
}

export function selectCandidates(
  { fleet, sites }: Around,
  holders: Holders,
  session: SessionFacts,
  { siteCosts, declared = [] }: Asked,
): readonly FleetMember[] {
  if (fleet.members.length <= SMALL_FLEET) return fleet.members;
  const nearSites = nearSitesOf(session);
  const selected: FleetMember[] = [];
  for (const siteId of nearSites) for (const member of fleet.membersBySite.get(siteId) ?? []) selected.push(member);
  const named = [...session.playing, ...declared];
  for (const id of named) {
    const member = fleet.byId.get(id);
    if (member !== undefined && !nearSites.includes(member.siteId) && !selected.includes(member)) selected.push(member);
  }
  const { siteId, network, unit } = session;
  const order = fleet.orders.outside({ siteId, network, unit, siteCosts }, sites);
  const walk = new Walk({ fleet, sites }, holders, session, { nearSites, named, selected });
  for (let tier = 0; tier < order.tierCount && !walk.hasEnough; tier += 1) walk.take(order.tier(tier));
  return selected;
}

function nearSitesOf({ siteId, otherSites, preferredSiteId }: SessionFacts): string[] {
  const near = siteId === undefined ? [] : [siteId];
  for (const other of otherSites) if (near.length < MOST_NEAR_SITES && !near.includes(other)) near.push(other);
  if (preferredSiteId !== undefined && !near.includes(preferredSiteId)) near.push(preferredSiteId);
  return near;
}

/** Whoever fits the policy's software and holds the whole title; the others of a tier are asked once it is through. */
const BEST_GRADE = 2 * WHOLE_CLASS + 1;

/** Members with the failure domain of each: looked up once, and not for each comparison of two. */
interface Few {
  readonly members: FleetMember[];
  readonly domains: string[];
}

class Walk {
  readonly #around: Around;
  readonly #holders: Holders;
  readonly #session: SessionFacts;
  readonly #nearSites: readonly string[];
  readonly #named: readonly string[];
  readonly #selected: FleetMember[];
  readonly #outside: Few = { members: [], domains: [] };

  constructor(
    around: Around,
    holders: Holders,
    session: SessionFacts,
    {
      nearSites,
      named,
      selected,
    }: { readonly nearSites: readonly string[]; readonly named: readonly string[]; readonly selected: FleetMember[] },
  ) {
    this.#around = around;
    this.#holders = holders;
    this.#session = session;
    this.#nearSites = nearSites;
    this.#named = named;
    this.#selected = selected;
  }

  get hasEnough(): boolean {
    return this.#outside.members.length >= ENOUGH_OUTSIDE;
  }

  /** Takes of one tier until there is enough. */
  take(slots: Uint16Array): void {
    const { canServe, bySlot } = this.#around.fleet;
    const { marks, unknown } = this.#holders;
    const lesser: Few[] = [];
    // By index: an iterator makes this walk over thousands of numbers five times as long.
    for (let at = 0; at < slots.length; at += 1) {
      const slot = slots[at] ?? 0;
      if (canServe[slot] !== 1) continue;
      const mark = marks?.[slot] ?? HOLDS_NOTHING;
      if (mark === HOLDS_NOTHING && unknown[slot] !== 1) continue;
      const member = bySlot[slot];
      if (member === undefined || !this.#mayServe(member, slot)) continue;
      const grade = this.#gradeOf(member, mark);
      if (grade === BEST_GRADE) {
        this.#select(member);
        if (this.hasEnough) return;
        continue;
      }
      const alike = (lesser[grade] ??= { members: [], domains: [] });
      if (alike.members.length < ENOUGH_OUTSIDE) this.#addTo(alike, member);
    }
    this.#takeLesser(lesser);
  }

  #takeLesser(lesser: readonly Few[]): void {
    for (let grade = lesser.length - 1; grade >= 0; grade -= 1)
      for (const member of lesser[grade]?.members ?? []) {
        if (this.hasEnough) return;
        this.#select(member);
      }
  }

  #select(member: FleetMember): void {
    if (this.#addTo(this.#outside, member)) this.#selected.push(member);
  }

  /** Unless there are as many of its failure domain as there may be. @returns whether it was added */
  #addTo({ members, domains }: Few, member: FleetMember): boolean {
    const domain = this.#around.sites.of(member.siteId).failureDomain;
    let count = 0;
    for (const other of domains) if (other === domain) count += 1;
    if (count >= MOST_OF_ONE_DOMAIN) return false;
    members.push(member);
    domains.push(domain);
    return true;
  }

  #mayServe(member: FleetMember, slot: number): boolean {
    const { refusingSites } = this.#session;
    const pendingBitsPerSec = this.#around.fleet.pendingBitsPerSec[slot] ?? 0;
    return (
      !this.#nearSites.includes(member.siteId) &&
      (pendingBitsPerSec === 0 || hasRoom(member, pendingBitsPerSec)) &&
      (refusingSites.length === 0 || !refusingSites.includes(member.siteId)) &&
      (this.#named.length === 0 || !this.#named.includes(member.id))
    );
  }

  /** As the ranking compares: software before holdings. */
  #gradeOf({ softwareVersion }: FleetMember, mark: number): number {
    const heldClass = Math.max(0, mark - 1);
    const { software } = this.#session.policy;
    const fits = software === undefined || (softwareVersion === software.version) === (software.rule !== 'avoid');
    return fits ? WHOLE_CLASS + 1 + heldClass : heldClass;
  }
}
