import type { QualityVerdict } from '../ranking/candidate.ts';
import { type Comparison, compareGroup, type Measured } from './judging/compare-group.ts';
import { type Evidence, judgeQuality, type QualityClass } from './judging/judge-quality.ts';
import { type Judged, type JudgedAppliance, judgedFor } from './quality-view.ts';
import type { QualityStore, ServedGroup } from './sketches/quality-store.ts';

/**
 * One round of judging: neighbourhood after neighbourhood, in slices that hold nobody up, and at the end each appliance
 * as a whole. Comparisons are made within neighbourhoods and added up per site and over all; a part of which too few
 * reporters tell is judged as the next larger one.
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
}

interface PooledAppliance {
  readonly all: Pool;
  readonly bySite: Map<string, Pool>;
  readonly byGroup: Map<string, Judged>;
}

export interface RoundOptions {
  readonly store: QualityStore;
  readonly before: ReadonlyMap<string, JudgedAppliance>;
  readonly minReporters: number;
  /** What is left of everything that was noted before the last round. */
  readonly fading: number;
  readonly isNewEpoch: boolean;
  /** Appliances whose counts begin anew, because what was measured before they were demoted says nothing now. */
  readonly renewed: ReadonlySet<string>;
}

/** What one appliance comes to. */
export interface RoundResult extends JudgedAppliance {
  readonly qualityClass: QualityClass;
  readonly evidence: Evidence;
}

export class QualityRound {
  readonly #options: RoundOptions;
  readonly #pooled = new Map<string, PooledAppliance>();

  constructor(options: RoundOptions) {
    this.#options = options;
  }

  /** @returns how many rows were looked at */
  visit(served: ServedGroup): number {
    const { store, fading, isNewEpoch, renewed } = this.#options;
    const { cells } = store;
    const ids: string[] = [];
    const measured: Measured[] = [];
    for (const [id, row] of served.rows) {
      if (renewed.has(id) || !cells.fade(row, fading, isNewEpoch)) {
        store.forget(served, id);
        continue;
      }
      const rates = cells.measured(row);
      ids.push(id);
      measured.push({ rates, medianRate: rates === 0 ? 0 : cells.median(row, rates), ...cells.counts(row) });
    }
    const comparisons = compareGroup(measured);
    ids.forEach((id, index) => {
      const [one, comparison] = [measured[index], comparisons[index]];
      const row = served.rows.get(id);
      if (one !== undefined && comparison !== undefined && row !== undefined)
        this.#take(id, served, cells.reporterBits(row), one, comparison);
    });
    return ids.length;
  }

  /** To be called when every group was visited. */
  finish(): Map<string, RoundResult> {
    const results = new Map<string, RoundResult>();
    for (const [id, { all, bySite, byGroup }] of this.#pooled) {
      const before = this.#options.before.get(id);
      const whole = this.#judge(all, 0, before?.verdict.qualityClass ?? 0) ?? {
        qualityClass: 0 as const,
        rateGap: 0,
        because: undefined,
      };
      const sites = new Map<string, Judged>();
      for (const [siteId, pool] of bySite) {
        const wasClass = before?.bySite.get(siteId)?.verdict.qualityClass ?? 0;
        const judged = this.#judge(pool, whole.rateGap, wasClass);
        if (judged !== undefined) sites.set(siteId, toJudged(judged, `viewers of ${siteId}`));
      }
      const { qualityClass } = whole;
      results.set(id, { ...toJudged(whole, 'all viewers'), bySite: sites, byGroup, qualityClass, evidence: all });
    }
    return results;
  }

  #take(id: string, served: ServedGroup, reporters: number, one: Measured, comparison: Comparison): void {
    let pooled = this.#pooled.get(id);
    if (pooled === undefined) {
      pooled = { all: newPool(), bySite: new Map(), byGroup: new Map() };
      this.#pooled.set(id, pooled);
    }
    add(pooled.all, reporters, one, comparison);
    const { siteId } = served;
    if (siteId !== undefined) {
      let ofSite = pooled.bySite.get(siteId);
      if (ofSite === undefined) {
        ofSite = newPool();
        pooled.bySite.set(siteId, ofSite);
      }
      add(ofSite, reporters, one, comparison);
    }
    // Most neighbourhoods are small: their own counts are not even added up.
    if (bitCount(reporters) >= this.#options.minReporters) {
      const own = newPool();
      add(own, reporters, one, comparison);
      this.#judgeGroup(id, served, own, pooled.byGroup);
    }
  }

  #judgeGroup(id: string, { group, siteId }: ServedGroup, own: Pool, byGroup: Map<string, Judged>): void {
    const before = this.#options.before.get(id);
    const parent = before === undefined ? undefined : judgedFor(before, '', siteId);
    const wasClass = before === undefined ? 0 : judgedFor(before, group, siteId).verdict.qualityClass;
    const judged = this.#judge(own, parent?.rateGap ?? 0, wasClass);
    // What is as the larger part needs no entry: nearly all are, and there are a hundred thousand.
    if (judged !== undefined && judged.qualityClass !== (parent?.verdict.qualityClass ?? 0))
      byGroup.set(group, toJudged(judged, 'viewers of this neighbourhood'));
  }

  #judge(pool: Pool, parentGap: number, before: QualityClass) {
    if (bitCount(pool.reporters) < this.#options.minReporters) return undefined;
    return judgeQuality(pool, parentGap, before);
  }
}

function toJudged({ qualityClass, rateGap, because }: ReturnType<typeof judgeQuality>, whose: string): Judged {
  const verdict: QualityVerdict = {
    qualityClass,
    probeShare: 1,
    because: because === undefined ? undefined : `${whose}: ${because}`,
  };
  return { verdict, rateGap };
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
});

function add(pool: Pool, reporters: number, one: Measured, comparison: Comparison): void {
  pool.rateGaps += comparison.rateGap * comparison.rateWeight;
  pool.rateWeight += comparison.rateWeight;
  pool.reports += one.reports;
  pool.stalls += one.stalls;
  pool.expectedStalls += comparison.expectedStalls;
  pool.requests += one.requests;
  pool.errors += one.errors;
  pool.expectedErrors += comparison.expectedErrors;
  pool.reporters |= reporters;
}

function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
