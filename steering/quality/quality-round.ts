import { type Comparison, compareGroup, type Measured } from './judging/compare-group.ts';
import { type Evidence, type Judgement, judgeQuality } from './judging/judge-quality.ts';
import { type SettledClass, settleClass } from './judging/settle-class.ts';
import { type Judged, type JudgedAppliance, judgedFor } from './quality-view.ts';
import type { QualityStore, ServedGroup } from './sketches/quality-store.ts';

/**
 * One round of judging: neighbourhood after neighbourhood, in slices that hold nobody up, and at the end each appliance
 * as a whole. Comparisons are made within neighbourhoods and added up per site and over all; a part of which too few
 * reporters tell is judged as the next larger one. What was judged worse before and is not heard of now is carried on,
 * because nobody hears of whom nobody is sent to.
 */
interface Pool {
  rateGaps: number;
  rateWeight: number;
  reports: number;
  stalls: number;
  expectedStalls: number;
  requests: number;
  errors: number;
  expectedErrors: number;
  reporters: number;
  complainers: number;
}

interface PooledAppliance {
  readonly all: Pool;
  readonly bySite: Map<string, Pool>;
  readonly byGroup: Map<string, Judged>;
}

export interface RoundOptions {
  readonly store: QualityStore;
  readonly before: ReadonlyMap<string, RoundResult>;
  readonly minReporters: number;
  readonly nowMs: number;
  /** What is left of everything that was noted before the last round. */
  readonly fading: number;
  readonly isNewEpoch: boolean;
  /** Appliances whose counts begin anew, because what was measured before they were demoted says nothing now. */
  readonly renewed: ReadonlySet<string>;
}

/** What one appliance comes to. */
export interface RoundResult extends JudgedAppliance {
  readonly evidence: Evidence | undefined;
  /** The judgement of this moment, before it is settled; undefined when too few are heard. */
  readonly judged: Judgement | undefined;
}

const ROWS_PER_STEP = 50;
/** Neighbourhoods of one appliance that are carried on without being heard of. */
const MAX_CARRIED = 1000;

export class QualityRound {
  readonly #options: RoundOptions;
  readonly #pooled = new Map<string, PooledAppliance>();

  constructor(options: RoundOptions) {
    this.#options = options;
  }

  /** A group may have a row of every appliance there is, so it is done in steps too. @yields how many rows were done */
  *visit(served: ServedGroup): Generator<number, void> {
    const { store, fading, isNewEpoch, renewed } = this.#options;
    const { cells } = store;
    const ids: string[] = [];
    const rows: number[] = [];
    const measured: Measured[] = [];
    for (const [id, row] of served.rows) {
      if (renewed.has(id) || !cells.fade(row, fading, isNewEpoch)) {
        store.forget(served, id);
        continue;
      }
      const rates = cells.measured(row);
      ids.push(id);
      rows.push(row);
      measured.push({ rates, medianRate: rates === 0 ? 0 : cells.median(row, rates), ...cells.counts(row) });
      if (ids.length % ROWS_PER_STEP === 0) yield ROWS_PER_STEP;
    }
    const comparisons = compareGroup(measured);
    for (const [index, id] of ids.entries()) {
      const [one, comparison, row] = [measured[index], comparisons[index], rows[index]];
      if (one !== undefined && comparison !== undefined && row !== undefined)
        this.#take(id, served, row, one, comparison);
      if ((index + 1) % ROWS_PER_STEP === 0) yield ROWS_PER_STEP / 2;
    }
    yield ids.length % ROWS_PER_STEP;
  }

  /** To be called when every group was visited; one appliance after the other, so that it can be done in slices. */
  *results(): Generator<readonly [applianceId: string, result: RoundResult]> {
    for (const [id, pooled] of this.#pooled) yield [id, this.#result(id, pooled)];
    for (const [id, before] of this.#options.before) {
      if (this.#pooled.has(id) || this.#options.renewed.has(id)) continue;
      const carried = this.#result(id, undefined);
      if (isNotable(before) && isNotable(carried)) yield [id, carried];
    }
  }

  #result(id: string, pooled: PooledAppliance | undefined): RoundResult {
    const before = this.#before(id);
    const { judged, whole } = this.#judge(pooled?.all, 0, before, 'every site');
    const bySite = new Map<string, Judged>();
    for (const [siteId, pool] of pooled?.bySite ?? [])
      bySite.set(siteId, this.#judge(pool, whole.settled.rateGap, before?.bySite.get(siteId), siteId).whole);
    const byGroup = pooled?.byGroup ?? new Map<string, Judged>();
    for (const [siteId, kept] of before?.bySite ?? []) this.#carry(bySite, siteId, kept);
    for (const [group, kept] of before?.byGroup ?? []) {
      if (byGroup.size >= MAX_CARRIED) break;
      this.#carry(byGroup, group, kept);
    }
    return { ...whole, bySite, byGroup, judged, evidence: pooled && this.#evidence(pooled.all) };
  }

  #carry(judged: Map<string, Judged>, name: string, before: Judged): void {
    if (judged.has(name) || before.settled.qualityClass === 0) return;
    const carried = this.#judge(undefined, 0, before, name).whole;
    if (carried.settled.qualityClass > 0) judged.set(name, carried);
  }

  #take(id: string, served: ServedGroup, row: number, one: Measured, comparison: Comparison): void {
    let pooled = this.#pooled.get(id);
    if (pooled === undefined) {
      pooled = { all: newPool(), bySite: new Map(), byGroup: new Map() };
      this.#pooled.set(id, pooled);
    }
    const { cells } = this.#options.store;
    const bits = { reporters: cells.reporterBits(row), complainers: cells.complainerBits(row) };
    add(pooled.all, bits, one, comparison);
    const { siteId } = served;
    if (siteId !== undefined) {
      let ofSite = pooled.bySite.get(siteId);
      if (ofSite === undefined) {
        ofSite = newPool();
        pooled.bySite.set(siteId, ofSite);
      }
      add(ofSite, bits, one, comparison);
    }
    // Most neighbourhoods are small: their own counts are not even added up.
    if (bitCount(bits.reporters) < this.#options.minReporters) return;
    const own = newPool();
    add(own, bits, one, comparison);
    this.#judgeGroup(id, served, own, pooled.byGroup);
  }

  #judgeGroup(id: string, { group, siteId }: ServedGroup, own: Pool, byGroup: Map<string, Judged>): void {
    const before = this.#before(id);
    const parent = before && judgedFor(before, '', siteId).settled;
    const { whole } = this.#judge(own, parent?.rateGap ?? 0, before?.byGroup.get(group), 'this neighbourhood');
    const { settled } = whole;
    // What is as the larger part needs no entry: nearly all are, and there are a hundred thousand.
    const isAsParent = settled.qualityClass === (parent?.qualityClass ?? 0) && settled.worseSinceMs === undefined;
    if (!isAsParent) byGroup.set(group, whole);
  }

  #judge(
    pool: Pool | undefined,
    parentGap: number,
    before: Judged | undefined,
    whose: string,
  ): { readonly judged: Judgement | undefined; readonly whole: Judged } {
    const { minReporters, nowMs } = this.#options;
    const isHeard = pool !== undefined && bitCount(pool.reporters) >= minReporters;
    const wasClass = before?.settled.qualityClass ?? 0;
    const judged = isHeard ? judgeQuality(this.#evidence(pool), parentGap, wasClass) : undefined;
    const weight = pool === undefined ? 0 : Math.max(pool.rateWeight, pool.requests);
    const settled = settleClass(before?.settled, judged, weight, nowMs);
    return {
      judged,
      whole: before !== undefined && isSame(before.settled, settled) ? before : toJudged(settled, whose),
    };
  }

  #before(id: string): RoundResult | undefined {
    return this.#options.renewed.has(id) ? undefined : this.#options.before.get(id);
  }

  #evidence(pool: Pool): Evidence {
    return { ...pool, hasComplainers: bitCount(pool.complainers) >= this.#options.minReporters };
  }
}

/** Everything else is as if nothing was known. */
export const isNotable = ({ settled, bySite, byGroup }: JudgedAppliance): boolean =>
  settled.qualityClass > 0 ||
  byGroup.size > 0 ||
  [...bySite.values()].some((judged) => judged.settled.qualityClass > 0);

const isSame = (one: SettledClass, other: SettledClass): boolean =>
  one.qualityClass === other.qualityClass &&
  one.rateGap === other.rateGap &&
  one.because === other.because &&
  one.worseSinceMs === other.worseSinceMs &&
  one.measuredAtMs === other.measuredAtMs;

function toJudged(settled: SettledClass, whose: string): Judged {
  const { qualityClass } = settled;
  const because = settled.because === undefined ? undefined : `by viewers of ${whose}: ${settled.because}`;
  return { verdict: { qualityClass, probeShare: 1, because }, settled };
}

const newPool = (): Pool => ({
  rateGaps: 0,
  rateWeight: 0,
  reports: 0,
  stalls: 0,
  expectedStalls: 0,
  requests: 0,
  errors: 0,
  expectedErrors: 0,
  reporters: 0,
  complainers: 0,
});

function add(
  pool: Pool,
  { reporters, complainers }: { readonly reporters: number; readonly complainers: number },
  one: Measured,
  comparison: Comparison,
): void {
  pool.rateGaps += comparison.rateGap * comparison.rateWeight;
  pool.rateWeight += comparison.rateWeight;
  pool.reports += one.reports;
  pool.stalls += one.stalls;
  pool.expectedStalls += comparison.expectedStalls;
  pool.requests += one.requests;
  pool.errors += one.errors;
  pool.expectedErrors += comparison.expectedErrors;
  pool.reporters |= reporters;
  pool.complainers |= complainers;
}

function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
