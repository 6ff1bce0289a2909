import { atOnce } from '../../src/resilience/in-slices.ts';
import type { Clock } from '../../src/world/world.ts';
import type { GroupDemand } from './plan/build-flow-problem.ts';
import type { FlowPlace } from './site-cost.ts';
import type { FlowClient } from './site-shares.ts';

/**
 * What the viewers of each neighbourhood take, in bits per second, from nothing but the decisions made for them.
 *
 * A session asks once per TTL, so a decision that counts its bitrate and is forgotten with the TTL as time constant
 * makes a sum that is the bitrate of all sessions in the mean. A session that begins counts at once in full, so a rush
 * shows while it happens; one that ends is forgotten within a TTL or two.
 *
 * There may be a million neighbourhoods. Only the large ones are worth numbers of their own: the others count together
 * by site and network. Who has a number of its own keeps it until it is clearly too small, because a change of sides
 * would move its viewers.
 */
interface Entry {
  readonly place: FlowPlace;
  bitsPerSec: number;
  atMs: number;
}

/** More would cost a round more milliseconds than an answer may wait. */
const MAX_TRACKED = 8000;
const MAX_GROUPS = 4000;
/** Those that have a number of their own keep it while they are among so many. */
const MAX_GROUPS_KEPT = 5000;
/** Less is nobody. */
const NEGLIGIBLE_BITS_PER_SEC = 1000;

export class DemandLedger {
  readonly #clock: Clock;
  readonly #forgetMs: number;
  readonly #entries = new Map<string, Entry>();
  #own: ReadonlySet<string> = new Set();

  /** @param options.forgetMs how long a session counts after its last decision: the time between two of them */
  constructor(options: { readonly clock: Clock; readonly forgetMs: number }) {
    this.#clock = options.clock;
    this.#forgetMs = options.forgetMs;
  }

  /** Counts a decision. @param bitsPerSec what the session takes */
  note(place: FlowPlace, bitsPerSec: number): void {
    const nowMs = this.#clock.monotonicMs();
    const entry = this.#entryOf(place);
    entry.bitsPerSec = this.#faded(entry, nowMs) + bitsPerSec;
    entry.atMs = nowMs;
  }

  /** All neighbourhoods that anybody asks from, at most 5,000 and one more per site and network. */
  groups(): GroupDemand[] {
    return atOnce(this.groupsInSteps());
  }

  /** The same in steps. @yields how many neighbourhoods were done */
  *groupsInSteps(): Generator<number, GroupDemand[]> {
    const nowMs = this.#clock.monotonicMs();
    const rows: GroupDemand[] = [];
    for (const [key, entry] of this.#entries) {
      const bitsPerSec = this.#faded(entry, nowMs);
      if (bitsPerSec < NEGLIGIBLE_BITS_PER_SEC) this.#entries.delete(key);
      else rows.push({ place: entry.place, bitsPerSec });
      yield 1;
    }
    const isLarge = largest(rows, MAX_GROUPS);
    const isLargeEnough = largest(rows, MAX_GROUPS_KEPT);
    const own: GroupDemand[] = [];
    const rest = new Map<string, GroupDemand>();
    for (const row of rows) {
      const { group } = row.place;
      const key = restKey(row.place);
      const [large, largeEnough] = [isLarge(row), isLargeEnough(row)];
      if (group !== key && (large || (largeEnough && this.#own.has(group)))) own.push(row);
      else {
        const bitsPerSec = row.bitsPerSec + (rest.get(key)?.bitsPerSec ?? 0);
        rest.set(key, { place: { ...row.place, group: key }, bitsPerSec });
      }
      yield 1;
    }
    this.#own = new Set(own.map(({ place }) => place.group));
    return [...own, ...rest.values()];
  }

  #entryOf(place: FlowPlace): Entry {
    const known = this.#entries.get(place.group);
    if (known !== undefined) return known;
    const isFull = this.#entries.size >= MAX_TRACKED;
    const key = isFull ? restKey(place) : place.group;
    const rest = isFull ? this.#entries.get(key) : undefined;
    if (rest !== undefined) return rest;
    const entry = { place: { ...place, group: key }, bitsPerSec: 0, atMs: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  #faded({ bitsPerSec, atMs }: Entry, nowMs: number): number {
    return bitsPerSec === 0 ? 0 : bitsPerSec * Math.exp((atMs - nowMs) / this.#forgetMs);
  }
}

/** Under which the small neighbourhoods of a site and network count together. */
export const restKey = ({ siteId, network }: FlowClient): string => `others of ${siteId ?? '-'} ${network ?? '-'}`;

/** To be asked for each row in order: whether it is among the `most` largest; of equals the first ones are. */
function largest(rows: readonly GroupDemand[], most: number): (row: GroupDemand) => boolean {
  const border = Float64Array.from(rows, ({ bitsPerSec }) => bitsPerSec).sort()[rows.length - most];
  if (border === undefined) return () => true;
  let room = most;
  for (const { bitsPerSec } of rows) if (bitsPerSec > border) room -= 1;
  return ({ bitsPerSec }) => {
    if (bitsPerSec !== border) return bitsPerSec > border;
    room -= 1;
    return room >= 0;
  };
}
