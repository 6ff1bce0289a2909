/**
 * Answers what a wire thread wants and cannot do itself: an object shown, blocks brought from a disk into memory.
 *
 * A wire thread sends what is in memory and never waits. For the rest it asks here, and goes on with other connections.
 * Before a head the answer is an easy one: if the object may be shown and every block of the range is held, the first
 * is loaded and it says 'here'; whatever else there is (a miss, a part, a disk that fails) is 'not-here', and the
 * reference engine, to which the connection then goes, says what is wrong and fills what is missing.
 *
 * After a head there is no way back: the bytes must come, these bytes, or the connection is cut. Two things could take
 * them away. An eviction or a purge forgets the generation, and its file would go; so every want that was answered
 * 'here' keeps a lease of what it found until the thread says that it needs no more, a *grip*. And a block may turn out
 * to be rotten or unreadable; then it is filled again through the lease, as a reader of the reference engine has it
 * filled again, or the object is mended from where it came.
 *
 * A purge is met twice. A want is a passage (purge-barrier.ts): what was found before a purge is not shown after it,
 * although a disk may have taken a second in between. And what is shown already is taken down by the store, which
 * forgets what a purge removes.
 *
 * Limits: a thread has one question per connection, so there are as many grips as connections. Blocks read ahead of a
 * viewer are at most `readAheadBlocks`, and fewer where the grips of all would fill half of the memory. What is lost and
 * cannot be kept (a disk that is full or away) goes from its fill into memory without touching the disk.
 */
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock } from '../../../src/world/world.ts';
import { describePublished } from '../../delivery/describe-published.ts';
import type { Finder } from '../../delivery/find-object.ts';
import type { ObjectLease } from '../../fill/blocks/open-object.ts';
import type { LoadOutcome } from '../../memory/arena.ts';
import type { ToOwner } from '../messages.ts';

export type Want = Extract<ToOwner, { readonly kind: 'want' }>;

export interface WantedBlocksOptions {
  readonly finder: Finder;
  readonly clock: Clock;
  readonly readAheadBlocks: number;
  /** How long a body that has begun may wait for a block. */
  readonly readerTimeoutMs: number;
  /** Blocks that fit into memory. */
  readonly memoryBlocks: number;
  readonly answer: (ticket: number, isHere: boolean) => void;
}

const MAX_LOADS = 3;
/** All slots are in use: somebody will let go of one. */
const REFUSED_AGAIN_MS = 20;
const NO_FIELD = (): undefined => undefined;
const GIVEN_UP = new Error('nobody waits for the block any more');

/** What is held for one ticket. */
class Grip {
  #left: AbortController | undefined;
  isLeft = false;
  lease: ObjectLease | undefined;
  /** The last block that is being read ahead, or was. */
  aheadTo = -1;

  /** Aborts when nobody waits any more. Made when somebody asks: for most blocks nobody does. */
  get signal(): AbortSignal {
    this.#left ??= new AbortController();
    if (this.isLeft) this.#left.abort(GIVEN_UP);
    return this.#left.signal;
  }

  leave(): void {
    this.isLeft = true;
    this.#left?.abort(GIVEN_UP);
    this.lease?.[Symbol.dispose]();
    this.lease = undefined;
  }
}

/** For one wire thread, whose tickets they are. */
export class WantedBlocks {
  readonly #options: WantedBlocksOptions;
  readonly #grips = new Map<number, Grip>();

  constructor(options: WantedBlocksOptions) {
    this.#options = options;
  }

  /** Never rejects but for a bug; the answer goes to `answer`, or nowhere when nobody waits any more. */
  async want(want: Want): Promise<void> {
    const { ticket } = want;
    if (want.isBegun) {
      const grip = this.#grips.get(ticket);
      const isHere = grip !== undefined && (await this.#until(grip, () => this.#bringBegun(grip, want)));
      if (grip?.isLeft !== true) this.#options.answer(ticket, isHere);
      return;
    }
    if (this.#grips.has(ticket)) throw new Error(`ticket ${ticket} has a grip already`);
    const grip = new Grip();
    this.#grips.set(ticket, grip);
    const isHere = await this.#until(grip, () => this.#bringFirst(grip, want));
    if (grip.isLeft) return;
    if (!isHere) this.noMore(ticket);
    this.#options.answer(ticket, isHere);
  }

  /** Shows an object, with whatever is held of it. */
  wantObject(ticket: number, key: string): void {
    using lease = this.#find(key);
    this.#options.answer(ticket, lease !== undefined && this.#show(lease));
  }

  /** Nobody waits, or the body is out: what was held for it is let go. */
  noMore(ticket: number): void {
    const grip = this.#grips.get(ticket);
    if (grip === undefined) return;
    this.#grips.delete(ticket);
    grip.leave();
  }

  /** The thread is gone. */
  stop(): void {
    for (const ticket of this.#grips.keys()) this.noMore(ticket);
  }

  /** Bodies, and questions before a head, for which something is held. */
  get gripCount(): number {
    return this.#grips.size;
  }

  /** What `bring` finds, or false when it fails; a failure is the reference engine's to tell, or the end of the body. */
  async #until(grip: Grip, bring: () => Promise<boolean>): Promise<boolean> {
    try {
      return await bring();
    } catch (error) {
      if (grip.isLeft || isOperational(error)) return false;
      throw error;
    }
  }

  #find(key: string): ObjectLease | undefined {
    const { lease, variants } = this.#options.finder.discovery.find({ key, field: NO_FIELD });
    if (variants.length === 0) return lease;
    lease?.[Symbol.dispose]();
    return undefined;
  }

  #show({ description, object }: ObjectLease): boolean {
    if (object.condemned !== undefined || this.#options.finder.fills.isOverruled(description)) return false;
    // A new description takes it off the board, and what is not fresh any more the threads see for themselves.
    if (object.stored.isShown) return true;
    const published = describePublished(description, this.#options.finder.nowMs());
    return published !== undefined && object.stored.show(published);
  }

  async #bringFirst(grip: Grip, { key, firstBlock, lastBlock }: Want): Promise<boolean> {
    using passage = this.#options.finder.fills.purges.enter();
    const lease = this.#find(key);
    if (lease === undefined) return false;
    grip.lease = lease;
    const { description, object } = lease;
    if (lastBlock > object.lastBlock || !holdsAll(lease, firstBlock, lastBlock)) return false;
    const isShowable =
      object.stored.isShown || describePublished(description, this.#options.finder.nowMs()) !== undefined;
    if (!isShowable || (await object.stored.bringIn(firstBlock)) !== 'here') return false;
    if (grip.isLeft || passage.isOutdated(lease.description)) return false;
    this.#readAhead(grip, firstBlock, lastBlock);
    return this.#show(lease);
  }

  async #bringBegun(grip: Grip, { firstBlock, lastBlock }: Want): Promise<boolean> {
    const { clock, readerTimeoutMs } = this.#options;
    const endMs = clock.monotonicMs() + readerTimeoutMs;
    for (let loads = 1; loads <= MAX_LOADS; ) {
      const { lease } = grip;
      // Wrong as a whole: nobody gets more of it (the reference engine's readers neither).
      if (lease === undefined || lease.object.condemned !== undefined) return false;
      const outcome = await lease.object.stored.bringIn(firstBlock);
      if (grip.isLeft) return false;
      if (outcome === 'here') {
        this.#readAhead(grip, firstBlock, lastBlock);
        return true;
      }
      if (clock.monotonicMs() >= endMs) return false;
      if (outcome === 'refused') await clock.delay(REFUSED_AGAIN_MS, grip.signal);
      else {
        loads += 1;
        if ((await this.#fillAgain(grip, lease, firstBlock)) === 'here') return true;
      }
    }
    return false;
  }

  /** As a reader of the reference engine would; what comes is put into memory as it is, whether the disk takes it or not. */
  async #fillAgain(grip: Grip, lease: ObjectLease, block: number): Promise<LoadOutcome> {
    const first = block * BLOCK_BYTES;
    const bytes = Buffer.allocUnsafeSlow(lease.object.blockLengthBytes(block));
    let at = 0;
    for await (const piece of lease.read({ first, last: first + bytes.length - 1 }, grip.signal)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    if (at !== bytes.length)
      throw new OperationalError('BLOCK_ROTTEN', `block ${block} of ${lease.object.key} is short`);
    return lease.object.stored.putIn(block, bytes);
  }

  /** Starts to load what comes next, for as many as there is room for. */
  #readAhead(grip: Grip, block: number, lastBlock: number): void {
    const { readAheadBlocks, memoryBlocks } = this.#options;
    const fairShare = Math.floor(memoryBlocks / 2 / this.#grips.size) - 1;
    const until = Math.min(lastBlock, block + Math.max(0, Math.min(readAheadBlocks, fairShare)));
    for (let next = Math.max(block, grip.aheadTo) + 1; next <= until; next += 1) {
      grip.aheadTo = next;
      // What does not come is asked for again when it is needed.
      grip.lease?.object.stored.bringIn(next).catch((error: unknown) => {
        if (!isOperational(error)) throw error;
      });
    }
  }
}

function holdsAll({ object }: ObjectLease, firstBlock: number, lastBlock: number): boolean {
  for (let block = firstBlock; block <= lastBlock; block += 1) {
    if (!object.stored.holds(block)) return false;
  }
  return true;
}
