import type { FillPlan } from '../../src/contracts/fill-plan.ts';
import { plannedBytes } from '../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../src/contracts/fill-report.ts';
import { hashOfText } from '../../src/hashing/pair-hash.ts';
import type { Clock } from '../../src/world/world.ts';

/**
 * What the border between planned space and demand space earns, so that the planner can move it.
 *
 * Of planned space: what viewers asked of the least urgent files of the plan, up to a share of its bytes. Whether they
 * are here yet does not matter: it is what they serve when they are.
 *
 * Of demand space: what they asked of files that would still be here if there were a little more of it. That cannot be
 * seen in the store, so a list of unplanned files in the order of use is kept without content (a ghost list, as in ARC,
 * Megiddo and Modha, FAST 2003): the first ones up to the size of the demand space, and behind them those that have just
 * fallen out. Use of the latter is what is counted. A sample of the files by hash bounds the memory (SHARDS, Waldspurger et
 * al., FAST 2015).
 *
 * Limits: the list is in order of use, and the real cache chooses better by a few percent. Of a file that is read in
 * ranges as much counts as was fetched of it. Counts of the last day are lost by a restart, and told only from half a
 * day on.
 */
export type SpaceReport = NonNullable<FillReport['space']>;

export interface SpaceEarningsOptions {
  readonly plan: () => FillPlan | undefined;
  /** Of all volumes together. */
  readonly capacityBytes: () => number;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Files of the list, sampled or not; about 200 bytes each. */
  readonly maxEntries?: number;
}

/** Of each side: so much is its border. */
const TAIL_SHARE = 0.05;
const HOUR_MS = 3_600_000;
const HOURS = 24;
const MIN_OVER_MS = 12 * HOUR_MS;
const MAX_ENTRIES = 32_768;
/** Asking every volume at every request would cost more than the counting. */
const CAPACITY_HOLDS_MS = 60_000;

interface Hour {
  readonly startMs: number;
  plannedServed: number;
  demandServed: number;
}

export class SpaceEarnings {
  readonly #options: SpaceEarningsOptions;
  readonly #startedAtMs: number;
  /** Bytes by path, the least recently used first. */
  readonly #inside = new Map<string, number>();
  readonly #outside = new Map<string, number>();
  #insideBytes = 0;
  #outsideBytes = 0;
  /** One in this many files is in the lists, plus one. */
  #sampleMask = 0;
  #hours: Hour[] = [];
  #border: PlanBorder | undefined;
  #capacity: { readonly askedAtMs: number; readonly bytes: number } | undefined;

  constructor(options: SpaceEarningsOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.nowMs();
  }

  /**
   * One answered request.
   * @param path without query
   * @param fetchedBytes of the served ones, those that were not here
   */
  count(path: string, servedBytes: number, fetchedBytes: number): void {
    const plan = this.#options.plan();
    if (plan === undefined || servedBytes === 0) return;
    const border = this.#borderOf(plan);
    if (border.tail.has(path)) this.#hour().plannedServed += servedBytes;
    if (border.planned.has(path) || (hashOfText(path) & this.#sampleMask) !== 0) return;
    const demandBytes = this.#demandBytes(border);
    this.#use(path, servedBytes, fetchedBytes, demandBytes / (this.#sampleMask + 1));
    if (this.#inside.size + this.#outside.size > (this.#options.maxEntries ?? MAX_ENTRIES)) this.#sampleLess();
  }

  /** Of the last day; undefined before half a day was watched. */
  report(): SpaceReport | undefined {
    const plan = this.#options.plan();
    const nowMs = this.#options.clock.nowMs();
    const overMs = Math.min(nowMs - this.#startedAtMs, HOURS * HOUR_MS);
    if (plan === undefined || overMs < MIN_OVER_MS) return undefined;
    const border = this.#borderOf(plan);
    const sum = (of: (hour: Hour) => number): number => this.#lastDay(nowMs).reduce((all, hour) => all + of(hour), 0);
    return {
      overMs,
      plannedTail: { spaceBytes: border.tailBytes, servedBytes: sum(({ plannedServed }) => plannedServed) },
      demandTail: {
        spaceBytes: Math.floor(this.#demandBytes(border) * TAIL_SHARE),
        servedBytes: sum(({ demandServed }) => demandServed),
      },
    };
  }

  #demandBytes({ planBytes }: PlanBorder): number {
    const nowMs = this.#options.clock.nowMs();
    if (this.#capacity === undefined || nowMs - this.#capacity.askedAtMs > CAPACITY_HOLDS_MS)
      this.#capacity = { askedAtMs: nowMs, bytes: this.#options.capacityBytes() };
    return Math.max(0, this.#capacity.bytes - planBytes);
  }

  #use(path: string, servedBytes: number, fetchedBytes: number, insideBytes: number): void {
    const inside = this.#inside.get(path);
    const outside = this.#outside.get(path);
    if (outside !== undefined) this.#hour().demandServed += Math.min(servedBytes, outside) * (this.#sampleMask + 1);
    const known = inside ?? outside;
    this.#forget(path);
    // What is asked for again and was not here has been fetched: there is more of it now than there was.
    const bytes = known === undefined ? Math.max(servedBytes, fetchedBytes) : Math.max(known, servedBytes);
    this.#inside.set(path, inside === undefined ? bytes : Math.max(bytes, inside + fetchedBytes));
    this.#insideBytes += this.#inside.get(path) ?? 0;
    this.#settle(insideBytes);
  }

  /** What does not fit falls out, and then out of sight. */
  #settle(insideBytes: number): void {
    for (const [path, bytes] of this.#inside) {
      if (this.#insideBytes <= insideBytes) break;
      this.#inside.delete(path);
      this.#insideBytes -= bytes;
      this.#outside.set(path, bytes);
      this.#outsideBytes += bytes;
    }
    for (const [path, bytes] of this.#outside) {
      if (this.#outsideBytes <= insideBytes * TAIL_SHARE) break;
      this.#outside.delete(path);
      this.#outsideBytes -= bytes;
    }
  }

  #forget(path: string): void {
    this.#insideBytes -= this.#inside.get(path) ?? 0;
    this.#outsideBytes -= this.#outside.get(path) ?? 0;
    this.#inside.delete(path);
    this.#outside.delete(path);
  }

  #sampleLess(): void {
    this.#sampleMask = this.#sampleMask * 2 + 1;
    for (const path of [...this.#inside.keys(), ...this.#outside.keys()])
      if ((hashOfText(path) & this.#sampleMask) !== 0) this.#forget(path);
  }

  #hour(): Hour {
    const nowMs = this.#options.clock.nowMs();
    const startMs = nowMs - (nowMs % HOUR_MS);
    const last = this.#hours.at(-1);
    if (last?.startMs === startMs) return last;
    const hour = { startMs, plannedServed: 0, demandServed: 0 };
    this.#hours = [...this.#lastDay(nowMs), hour];
    return hour;
  }

  #lastDay(nowMs: number): Hour[] {
    return this.#hours.filter(({ startMs }) => startMs > nowMs - HOURS * HOUR_MS);
  }

  #borderOf(plan: FillPlan): PlanBorder {
    if (this.#border?.plan !== plan) this.#border = borderOf(plan);
    return this.#border;
  }
}

interface PlanBorder {
  readonly plan: FillPlan;
  readonly planned: ReadonlySet<string>;
  /** The least urgent files, heads left out: they are small, and here for another reason. */
  readonly tail: ReadonlySet<string>;
  readonly tailBytes: number;
  readonly planBytes: number;
}

function borderOf(plan: FillPlan): PlanBorder {
  const planBytes = plan.files.reduce((sum, file) => sum + plannedBytes(file), 0);
  const tail = new Set<string>();
  let tailBytes = 0;
  for (const file of plan.files.toSorted((a, b) => b.priority - a.priority)) {
    if (tailBytes >= planBytes * TAIL_SHARE) break;
    if (file.headBytes !== undefined || tail.has(file.path)) continue;
    tail.add(file.path);
    tailBytes += file.sizeBytes;
  }
  return { plan, planned: new Set(plan.files.map(({ path }) => path)), tail, tailBytes, planBytes };
}
