import { type FillPlan, plannedBytes } from '../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../src/contracts/fill-report.ts';
import { hashOfText } from '../../src/hashing/pair-hash.ts';
import type { Clock } from '../../src/world/world.ts';
import { GhostList } from './ghost-list.ts';

/**
 * What the border between planned space and demand space earns, so that the planner can move it.
 *
 * The obvious measure is wrong: what viewers asked of the last planned files, against what they asked of files that the
 * cache has just dropped. Without the plan the cache would serve much of what the last planned files serve, all but the
 * first time; counted so, planning always wins (on a small ISP's trace it went to the limit where 60 % was best).
 *
 * So the question is asked in whole: if the least urgent part of the plan were given up, and its space were cache, what
 * would the cache serve more, those files included? Two lists without content answer it (a miniature simulation, as
 * Waldspurger et al., ATC 2017): one as large as the demand space for what is not planned, one with the part's space for
 * that and the part's files. What the second serves more than the first is to be held against what the part serves as it
 * is. A sample of the paths by hash bounds the memory (SHARDS, FAST 2015).
 *
 * Limits: the lists are in the order of use, and the real cache chooses better by a few percent. Files are counted from
 * their beginning, whatever ranges are read. Counts of the last day are lost by a restart, and told only from half a day on.
 */
export type SpaceReport = NonNullable<FillReport['space']>;

export interface SpaceEarningsOptions {
  readonly plan: () => FillPlan | undefined;
  /** Of all volumes together. */
  readonly capacityBytes: () => number;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Paths in a list; about 200 bytes each. */
  readonly maxEntries?: number;
}

/** Of the planned space: so much is asked about. */
const TAIL_SHARE = 0.05;
const HOUR_MS = 3_600_000;
const HOURS = 24;
const MIN_OVER_MS = 12 * HOUR_MS;
const MAX_ENTRIES = 32_768;
/** Asking every volume at every request would cost more than the counting. */
const CAPACITY_HOLDS_MS = 60_000;

interface Hour {
  readonly startMs: number;
  /** By the part as it is, and more by a cache that has its space. */
  plannedServed: number;
  demandServed: number;
  demandFilled: number;
}

export class SpaceEarnings {
  readonly #options: SpaceEarningsOptions;
  readonly #startedAtMs: number;
  readonly #asItIs = new GhostList();
  readonly #withTail = new GhostList();
  /** One in this many paths, plus one, is looked at. */
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
    const sizeBytes = border.tail.get(path);
    if (sizeBytes === undefined && border.planned.has(path)) return;
    if (sizeBytes === undefined) this.#hour().demandFilled += fetchedBytes;
    if (!this.#isSampled(path)) return;
    const scale = this.#sampleMask + 1;
    const demandBytes = this.#demandBytes(border);
    const withTailBytes = (demandBytes + border.tailBytes) / scale;
    const hour = this.#hour();
    if (sizeBytes === undefined) {
      const before = serve(this.#asItIs, path, demandBytes / scale, servedBytes, () => fetchedBytes);
      const isHere = before > 0 || fetchedBytes < servedBytes;
      const after = serve(this.#withTail, path, withTailBytes, servedBytes, (held) =>
        isHere ? fetchedBytes : servedBytes - held,
      );
      hour.demandServed += (after - before) * scale;
    } else {
      hour.plannedServed += servedBytes * scale;
      hour.demandServed += scale * serve(this.#withTail, path, withTailBytes, servedBytes, (held) => sizeBytes - held);
    }
    if (this.#withTail.size > (this.#options.maxEntries ?? MAX_ENTRIES)) this.#sampleLess();
  }

  /** Of the last day; undefined before half a day was watched. */
  report(): SpaceReport | undefined {
    const plan = this.#options.plan();
    const nowMs = this.#options.clock.nowMs();
    const overMs = Math.min(nowMs - this.#startedAtMs, HOURS * HOUR_MS);
    if (plan === undefined || overMs < MIN_OVER_MS) return undefined;
    const spaceBytes = this.#borderOf(plan).tailBytes;
    let plannedServed = 0;
    let demandServed = 0;
    let demandFilledBytes = 0;
    for (const hour of this.#lastDay(nowMs)) {
      plannedServed += hour.plannedServed;
      demandServed += hour.demandServed;
      demandFilledBytes += hour.demandFilled;
    }
    return {
      overMs,
      plannedTail: { spaceBytes, servedBytes: plannedServed },
      demandTail: { spaceBytes, servedBytes: Math.max(0, Math.round(demandServed)) },
      demandFilledBytes,
    };
  }

  #demandBytes({ planBytes }: PlanBorder): number {
    const nowMs = this.#options.clock.nowMs();
    if (this.#capacity === undefined || nowMs - this.#capacity.askedAtMs > CAPACITY_HOLDS_MS)
      this.#capacity = { askedAtMs: nowMs, bytes: this.#options.capacityBytes() };
    return Math.max(0, this.#capacity.bytes - planBytes);
  }

  #isSampled(path: string): boolean {
    return this.#sampleMask === 0 || (hashOfText(path) & this.#sampleMask) === 0;
  }

  #sampleLess(): void {
    this.#sampleMask = this.#sampleMask * 2 + 1;
    for (const list of [this.#asItIs, this.#withTail]) list.keepOnly((path) => this.#isSampled(path));
  }

  #hour(): Hour {
    const nowMs = this.#options.clock.nowMs();
    const startMs = nowMs - (nowMs % HOUR_MS);
    const last = this.#hours.at(-1);
    if (last?.startMs === startMs) return last;
    const hour = { startMs, plannedServed: 0, demandServed: 0, demandFilled: 0 };
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

/**
 * One request to a list. @param missing bytes that a path lacks of which so much is held
 * @returns bytes that the list would have served
 */
function serve(
  list: GhostList,
  path: string,
  capacityBytes: number,
  servedBytes: number,
  missing: (heldBytes: number) => number,
): number {
  const held = list.heldOf(path);
  const lacks = held === undefined ? servedBytes : Math.min(servedBytes, Math.max(0, missing(held)));
  list.hold(path, (held ?? 0) + lacks, capacityBytes);
  return servedBytes - lacks;
}

interface PlanBorder {
  readonly plan: FillPlan;
  readonly planned: ReadonlySet<string>;
  /** The least urgent files with their sizes. Heads are left out: they are small, and here for another reason. */
  readonly tail: ReadonlyMap<string, number>;
  readonly tailBytes: number;
  readonly planBytes: number;
}

function borderOf(plan: FillPlan): PlanBorder {
  const planBytes = plan.files.reduce((sum, file) => sum + plannedBytes(file), 0);
  const tail = new Map<string, number>();
  let tailBytes = 0;
  for (const file of plan.files.toSorted((a, b) => b.priority - a.priority)) {
    if (tailBytes >= planBytes * TAIL_SHARE) break;
    if (file.headBytes !== undefined || tail.has(file.path)) continue;
    tail.set(file.path, file.sizeBytes);
    tailBytes += file.sizeBytes;
  }
  return { plan, planned: new Set(plan.files.map(({ path }) => path)), tail, tailBytes, planBytes };
}
