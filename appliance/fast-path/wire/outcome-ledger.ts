import type { RefusalReason } from '../../delivery/check-head.ts';
import { type AbandonReason, FIRST_BYTE_BUCKETS_SEC } from '../../metrics.ts';
import type { ObjectOutcome, OutcomeBatch, WireView } from '../messages.ts';

/**
 * What a wire thread has done, until it is told: counts, and a sample of views. A message per request would cost as much
 * as the request, so everything is added up here and told once a second; an object that a thousand viewers watch is one
 * line. Views, of which the owner reads what players report, are a fair sample when there are more than it could read:
 * each of a second's views is as likely to be in it as any other (Vitter, 1985: algorithm R).
 */
const MAX_OBJECTS = 8192;
const MAX_VIEWS = 512;
const FIRST_BYTE_BOUNDS_MS: readonly number[] = FIRST_BYTE_BUCKETS_SEC.map((sec) => sec * 1000);

type Counts = Record<string, number>;
type OpenOutcome = { -readonly [F in keyof ObjectOutcome]: ObjectOutcome[F] };

/** One answer that has ended. */
export interface EndedAnswer {
  readonly key: string;
  readonly path: string;
  readonly bytes: number;
  readonly blocks: number;
  /** From the complete head of the request. */
  readonly firstByteMs: number;
  readonly tokenOutcome: string | undefined;
  /** undefined: it is whole. */
  readonly abandoned: AbandonReason | undefined;
}

export class OutcomeLedger {
  #objects = new Map<string, OpenOutcome>();
  #firstByteMs: number[] = noTimes();
  #firstByteSumMs = 0;
  #views: WireView[] = [];
  #viewsSeen = 0;
  #refused: Counts = {};
  #abandoned: Counts = {};
  #tokens: Counts = {};
  #shed = 0;
  #isEmpty = true;
  #chance: number;

  /** @param seed for the choice of views; not 0 */
  constructor(seed: number) {
    this.#chance = seed;
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** No more objects fit: tell now. */
  get isFull(): boolean {
    return this.#objects.size >= MAX_OBJECTS;
  }

  answered(answer: EndedAnswer): void {
    this.#isEmpty = false;
    const outcome = this.#outcomeOf(answer.key, answer.path);
    outcome.requests += 1;
    outcome.bytes += answer.bytes;
    outcome.blocksServed += answer.blocks;
    let bucket = 0;
    while (answer.firstByteMs > (FIRST_BYTE_BOUNDS_MS[bucket] ?? Infinity)) bucket += 1;
    this.#firstByteMs[bucket] = (this.#firstByteMs[bucket] ?? 0) + 1;
    this.#firstByteSumMs += answer.firstByteMs;
    if (answer.tokenOutcome !== undefined) count(this.#tokens, answer.tokenOutcome);
    if (answer.abandoned !== undefined) count(this.#abandoned, answer.abandoned);
  }

  /** Whether the view that ended just now is wanted for the sample: only then is it worth making. Asked once for each. */
  wantsView(): boolean {
    this.#viewsSeen += 1;
    return this.#viewsSeen <= MAX_VIEWS || this.#random(this.#viewsSeen) < MAX_VIEWS;
  }

  /** After `wantsView`. */
  view(view: WireView): void {
    if (this.#views.length < MAX_VIEWS) this.#views.push(view);
    else this.#views[this.#random(MAX_VIEWS)] = view;
  }

  refused(reason: RefusalReason): void {
    this.#isEmpty = false;
    count(this.#refused, reason);
  }

  /** Of a client that had no head yet. */
  abandoned(reason: AbandonReason): void {
    this.#isEmpty = false;
    count(this.#abandoned, reason);
  }

  shed(): void {
    this.#isEmpty = false;
    this.#shed += 1;
  }

  /** What there is to tell; begins anew. */
  take(): OutcomeBatch {
    const batch: OutcomeBatch = {
      objects: [...this.#objects.values()],
      firstByteMs: this.#firstByteMs,
      firstByteSumMs: this.#firstByteSumMs,
      views: this.#views,
      viewsLeftOut: this.#viewsSeen - this.#views.length,
      refused: this.#refused,
      abandoned: this.#abandoned,
      shed: this.#shed,
      tokens: this.#tokens,
    };
    this.#objects = new Map();
    this.#firstByteMs = noTimes();
    this.#firstByteSumMs = 0;
    this.#views = [];
    this.#viewsSeen = 0;
    this.#refused = {};
    this.#abandoned = {};
    this.#tokens = {};
    this.#shed = 0;
    this.#isEmpty = true;
    return batch;
  }

  #outcomeOf(key: string, path: string): OpenOutcome {
    let outcome = this.#objects.get(key);
    if (outcome === undefined) {
      outcome = { key, path, requests: 0, bytes: 0, blocksServed: 0 };
      this.#objects.set(key, outcome);
    }
    return outcome;
  }

  /** Below `limit`: xorshift32, since a sample needs no better one. */
  #random(limit: number): number {
    let chance = this.#chance;
    chance ^= chance << 13;
    chance ^= chance >>> 17;
    chance ^= chance << 5;
    this.#chance = chance;
    return (chance >>> 0) % limit;
  }
}

const noTimes = (): number[] => Array.from({ length: FIRST_BYTE_BOUNDS_MS.length + 1 }, () => 0);

function count(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
