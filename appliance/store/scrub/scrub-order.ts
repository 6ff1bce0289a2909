/**
 * Which block of a volume is checked next.
 *
 * Problem: blocks rot unread, and a block that is found rotten while the peers that hold it are gone is lost. Errors do
 * not come one by one: in 41 months of 1.5 million drives they were local in place and in time (Bairavasundaram et al.,
 * FAST 2008), so where one is, there are more.
 *
 * The obvious, from the first block to the last, finds a burst when it comes by: after half a period on the average,
 * and the last block of it no sooner than the first.
 *
 * Idea: staggered (Oprea and Juels, FAST 2010), then widened.
 * - A pass goes over the volume in ROUNDS rounds, and each round takes one block of every ROUNDS that lie together. The
 *   offsets come in bit-reversed order, so that after few rounds no gap is large: a burst of n blocks in one such
 *   stretch is met after about 1/n of a pass. Every object begins at an offset of its own, so that small files that
 *   lie together are spread over the rounds, too.
 * - A hit is followed at once in both directions, block by block through the object and on into the files that were
 *   made before and after it (a disk gives out its places roughly in that order), until so many in a row are good.
 *
 * Where a pass stands is three numbers, so that a restart goes on. Every block that is held all the while is taken
 * exactly once per pass; what a search has taken comes again with its round.
 *
 * Limits: a single bad block is met after half a period like everywhere. What is written behind the pass waits for the
 * next one; it was checked when it came.
 */
const ROUNDS = 128;

/** A generation of an object, as far as the order needs it. Its id tells when it was made. */
export interface ScrubItem {
  readonly id: number;
  readonly forgotten: boolean;
  readonly blocks: {
    readonly blockCount: number;
    has(block: number): boolean;
    held(from?: number): Iterable<number>;
  };
}

/** All that a volume holds, in the order of ids. */
export interface ScrubRoster<Item extends ScrubItem> {
  readonly length: number;
  at(index: number): Item | undefined;
  /** The index of the first item whose id is not below this one. */
  indexOf(id: number): number;
}

/** Where a pass goes on: from this block of this generation on, in this round. */
export interface ScrubCursor {
  readonly round: number;
  readonly id: number;
  readonly block: number;
}

export interface ScrubPick<Item> {
  readonly item: Item;
  readonly block: number;
}

/** Nothing found within the steps that one call may take. */
type Unfinished = 'unfinished' | 'pass-ended';

export class ScrubOrder<Item extends ScrubItem> {
  readonly #roster: ScrubRoster<Item>;
  readonly #searches: Search[] = [];
  #cursor: ScrubCursor;

  constructor(roster: ScrubRoster<Item>, cursor: ScrubCursor = START) {
    this.#roster = roster;
    this.#cursor = cursor;
  }

  get cursor(): ScrubCursor {
    return this.#cursor;
  }

  /** How much of the pass is done, 0 to 1. */
  get progress(): number {
    const { round, id } = this.#cursor;
    const ofRound = this.#roster.length === 0 ? 0 : this.#roster.indexOf(id) / this.#roster.length;
    return Math.min(1, (round + ofRound) / ROUNDS);
  }

  /** Whether the neighbourhood of a hit is being checked. */
  get isSearching(): boolean {
    return this.#searches.length > 0;
  }

  /** The next block to check; looks at a bounded number of places, and says so when that was not enough. */
  next(): ScrubPick<Item> | Unfinished {
    return this.#nextOfSearch() ?? this.#nextOfPass();
  }

  /** What a check, or a viewer's read, has found. A hit that no search covers begins one. */
  found(id: number, block: number, isGood: boolean): void {
    for (const search of this.#searches) {
      for (const front of search.fronts) {
        if (front.isOver || front.id !== id || front.block !== block) continue;
        front.quiet = isGood ? front.quiet + 1 : 0;
        return;
      }
    }
    if (isGood || this.#searches.some((search) => covers(search, id, block))) return;
    // Hits everywhere are no burst: the disk is bad, and the pass goes on.
    if (this.#searches.length >= MAX_SEARCHES) return;
    const front = (step: 1 | -1): Front => ({ step, id, block, quiet: 0, isOver: false });
    this.#searches.push({ fronts: [front(1), front(-1)] });
  }

  #nextOfSearch(): ScrubPick<Item> | undefined {
    for (let search = this.#searches[0]; search !== undefined; search = this.#searches[0]) {
      const front = search.fronts.find(({ isOver }) => !isOver);
      if (front === undefined) {
        this.#searches.shift();
        continue;
      }
      const pick = front.quiet < QUIET_BLOCKS ? this.#neighbour(front) : undefined;
      if (pick === undefined) {
        front.isOver = true;
        continue;
      }
      front.id = pick.item.id;
      front.block = pick.block;
      // The other direction is next.
      search.fronts.reverse();
      return pick;
    }
    return undefined;
  }

  /** The held block beside a front, in its direction; undefined at the end of the volume, or of a long gap. */
  #neighbour({ id, block, step }: Front): ScrubPick<Item> | undefined {
    let index = this.#roster.indexOf(id);
    for (let steps = 0; steps < MAX_STEPS; steps += 1, index += step) {
      const item = this.#roster.at(index);
      if (item === undefined) return undefined;
      if (item.forgotten) continue;
      const from = item.id === id ? block + step : step === 1 ? 0 : item.blocks.blockCount - 1;
      const found = step === 1 ? firstHeld(item, from) : lastHeld(item, from);
      if (found !== undefined) return { item, block: found };
    }
    return undefined;
  }

  #nextOfPass(): ScrubPick<Item> | Unfinished {
    const { round } = this.#cursor;
    const offset = reversedBits(round);
    let index = this.#roster.indexOf(this.#cursor.id);
    for (let steps = 0; steps < MAX_STEPS; index += 1) {
      const item = this.#roster.at(index);
      if (item === undefined) return this.#nextRound();
      steps += 1;
      const from = item.id === this.#cursor.id ? this.#cursor.block : 0;
      if (!item.forgotten) {
        const { blockCount } = item.blocks;
        for (let at = atOffset(item.id, from, offset); at < blockCount; at += ROUNDS, steps += 1) {
          if (!item.blocks.has(at)) continue;
          this.#cursor = { round, id: item.id, block: at + 1 };
          return { item, block: at };
        }
      }
      this.#cursor = { round, id: item.id + 1, block: 0 };
    }
    return 'unfinished';
  }

  #nextRound(): Unfinished {
    const round = this.#cursor.round + 1;
    this.#cursor = round === ROUNDS ? START : { ...START, round };
    return round === ROUNDS ? 'pass-ended' : 'unfinished';
  }
}

const START: ScrubCursor = { round: 0, id: 0, block: 0 };
/** Good blocks in a row that end a search in one direction: as many MiB. */
const QUIET_BLOCKS = 32;
const MAX_SEARCHES = 8;
/** Places looked at in one call: a fraction of a ms. */
const MAX_STEPS = 10_000;

interface Front {
  readonly step: 1 | -1;
  id: number;
  block: number;
  quiet: number;
  isOver: boolean;
}

interface Search {
  readonly fronts: Front[];
}

/** Whether a place lies between the fronts. */
function covers({ fronts }: Search, id: number, block: number): boolean {
  return fronts.every((front) => {
    const distance = id === front.id ? block - front.block : id - front.id;
    return distance * front.step <= 0;
  });
}

/** The first block from `from` on that has its turn in the round of this offset. */
function atOffset(id: number, from: number, offset: number): number {
  const first = (offset + phaseOf(id)) % ROUNDS;
  return from + ((((first - from) % ROUNDS) + ROUNDS) % ROUNDS);
}

/** Where in the rounds an object begins: any number that neighbours do not share (Knuth's multiplicative hash). */
const phaseOf = (id: number): number => Math.imul(id % 2 ** 32, 2_654_435_761) >>> 25;

function reversedBits(round: number): number {
  let reversed = 0;
  for (let bit = 1; bit < ROUNDS; bit *= 2) if ((round & bit) !== 0) reversed += ROUNDS / (2 * bit);
  return reversed;
}

function firstHeld({ blocks }: ScrubItem, from: number): number | undefined {
  for (const block of blocks.held(from)) return block;
  return undefined;
}

function lastHeld({ blocks }: ScrubItem, from: number): number | undefined {
  for (let block = from; block >= 0; block -= 1) if (blocks.has(block)) return block;
  return undefined;
}
