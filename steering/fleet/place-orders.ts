import { rendezvousScore, unitHash } from '../../src/hashing/weighted-rendezvous.ts';

/** What the order of places goes by; nothing of it changes from minute to minute. */
export interface Placeable {
  readonly id: string;
  readonly slot: number;
  readonly siteId: string;
  readonly softEgressBitsPerSec: number;
}

const BUCKETS = 64;

/**
 * For the clients of each site, in which order the appliances of other sites are looked at.
 *
 * Ranking two thousand appliances for every question costs milliseconds, and all but a few of them are somewhere else
 * and no better than one another. So the order among those is settled beforehand, per site of clients, by the weighted
 * rendezvous hash: each site spills over to others than its neighbour does, in proportion to what they carry, and an
 * appliance that comes or goes moves nobody else. A decision walks along it until it has enough that serve and hold.
 * Clients whose site nobody knows are as many small sites.
 */
export class PlaceOrders {
  readonly #places: readonly Placeable[];
  readonly #orders = new Map<string, Uint16Array>();

  constructor(places: readonly Placeable[]) {
    this.#places = places;
  }

  /** Slots of all appliances outside a site, the first to be looked at first. */
  outside(siteId: string | undefined, sessionId: string): Uint16Array {
    const key = siteId ?? `\n${Math.floor(unitHash(sessionId) * BUCKETS)}`;
    const known = this.#orders.get(key);
    if (known !== undefined) return known;
    const order = Uint16Array.from(
      this.#places
        .filter((place) => place.siteId !== siteId)
        .map((place) => ({
          slot: place.slot,
          id: place.id,
          score: rendezvousScore(key, { id: place.id, weight: place.softEgressBitsPerSec }),
        }))
        .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1)),
      ({ slot }) => slot,
    );
    this.#orders.set(key, order);
    return order;
  }
}
