import { rendezvousScore } from '../../src/hashing/weighted-rendezvous.ts';
import type { SiteFacts, SiteKind } from '../ranking/candidate.ts';

/** What the order of places goes by; nothing of it changes from minute to minute. */
export interface Placeable {
  readonly id: string;
  readonly slot: number;
  readonly siteId: string;
  readonly softEgressBitsPerSec: number;
}

/** From where one looks at the fleet. */
export interface Vantage {
  readonly siteId: string | undefined;
  readonly network: string | undefined;
  /** The session's own number in [0, 1): spreads those whose site nobody knows. */
  readonly unit: number;
  /** What each site costs the client's ISP, the lower the nearer. */
  readonly siteCosts: ReadonlyMap<string, number>;
}

/** What there is to know of sites; a table never changes. */
export interface SiteLookup {
  of(siteId: string): SiteFacts;
}

/** Slots of appliances by tiers: the ISP pays the same for all of a tier, and less than for the next. */
export interface PlaceOrder {
  readonly tierCount: number;
  /** In the order in which they should be looked at. */
  tier(index: number): Uint16Array;
}

const BUCKETS = 64;
const MAX_ORDERS = 4096;
const KIND_RANKS: Readonly<Record<SiteKind, number>> = { embedded: 0, peering: 1, transit: 2 };

/**
 * For the clients of each site, in which order the appliances of other sites are looked at.
 *
 * Ranking two thousand appliances for every question costs milliseconds, and all but a few of them are somewhere else
 * and worse than those. So the order among them is settled once for all clients who see the fleet alike (same site,
 * network and costs): tiers of sites by kind and by the ISP's cost, as the ranking compares them, and within a tier the
 * weighted rendezvous hash. Each site spills over to others than its neighbour does, in proportion to what they carry,
 * and an appliance that comes or goes moves nobody else. A decision walks along it until it has enough that serve and
 * hold. Tiers are made when somebody comes to them, which for most is the first two. Clients whose site nobody knows are
 * as many small sites.
 */
export class PlaceOrders {
  readonly #places: readonly Placeable[];
  readonly #bySite: ReadonlyMap<string, readonly Placeable[]>;
  #sites: SiteLookup | undefined;
  #orders = new WeakMap<ReadonlyMap<string, number>, Map<string, PlaceOrder>>();
  #count = 0;

  constructor(places: readonly Placeable[]) {
    this.#places = places.map(({ id, slot, siteId, softEgressBitsPerSec }) => ({
      id,
      slot,
      siteId,
      softEgressBitsPerSec,
    }));
    this.#bySite = Map.groupBy(this.#places, ({ siteId }) => siteId);
  }

  /** The orders of these places: the ones before, where nothing changed that they go by. */
  static of(places: readonly Placeable[], before: PlaceOrders | undefined): PlaceOrders {
    return before !== undefined && before.#arePlaces(places) ? before : new PlaceOrders(places);
  }

  /** All appliances outside the vantage's own site but those of embedded sites that are there for other networks. */
  outside(vantage: Vantage, sites: SiteLookup): PlaceOrder {
    if (this.#sites !== sites || this.#count >= MAX_ORDERS) {
      this.#sites = sites;
      this.#orders = new WeakMap();
      this.#count = 0;
    }
    let orders = this.#orders.get(vantage.siteCosts);
    if (orders === undefined) {
      orders = new Map<string, PlaceOrder>();
      this.#orders.set(vantage.siteCosts, orders);
    }
    const from = vantage.siteId ?? `\n${Math.floor(vantage.unit * BUCKETS)}`;
    const key = `${from}\n${vantage.network ?? ''}`;
    const known = orders.get(key);
    if (known !== undefined) return known;
    const order = this.#orderFor(vantage, from, sites);
    orders.set(key, order);
    this.#count += 1;
    return order;
  }

  #orderFor({ siteId, network, siteCosts }: Vantage, from: string, sites: SiteLookup): PlaceOrder {
    const tiers = new Map<string, { readonly kind: number; readonly cost: number; readonly siteIds: string[] }>();
    for (const id of this.#bySite.keys()) {
      const { kind, network: owner } = sites.of(id);
      if (id === siteId || (kind === 'embedded' && owner !== undefined && owner !== network)) continue;
      const cost = siteCosts.get(id) ?? Number.MAX_VALUE;
      const name = `${kind} ${cost}`;
      const tier = tiers.get(name);
      if (tier === undefined) tiers.set(name, { kind: KIND_RANKS[kind], cost, siteIds: [id] });
      else tier.siteIds.push(id);
    }
    const sorted = [...tiers.values()].sort((a, b) => a.kind - b.kind || (a.cost < b.cost ? -1 : 1));
    const made: Uint16Array[] = [];
    return {
      tierCount: sorted.length,
      tier: (index) => (made[index] ??= this.#slotsOf(sorted[index]?.siteIds ?? [], from)),
    };
  }

  #slotsOf(siteIds: readonly string[], from: string): Uint16Array {
    return Uint16Array.from(
      siteIds
        .flatMap((siteId) => this.#bySite.get(siteId) ?? [])
        .map(({ id, slot, softEgressBitsPerSec }) => ({
          slot,
          id,
          score: rendezvousScore(from, { id, weight: softEgressBitsPerSec }),
        }))
        .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1)),
      ({ slot }) => slot,
    );
  }

  #arePlaces(places: readonly Placeable[]): boolean {
    return (
      places.length === this.#places.length &&
      places.every(({ id, slot, siteId, softEgressBitsPerSec }, index) => {
        const mine = this.#places[index];
        return (
          mine?.id === id &&
          mine.slot === slot &&
          mine.siteId === siteId &&
          mine.softEgressBitsPerSec === softEgressBitsPerSec
        );
      })
    );
  }
}
