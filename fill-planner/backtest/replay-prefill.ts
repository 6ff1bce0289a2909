import { type DensitySample, expectDensity, fitDensity, type TitleFacts } from '../demand/models/cold-start.ts';
import type { CatalogueRow, Period } from './history.ts';
import { factsOfPeriod, releaseFacts } from './title-facts.ts';

export const PREFILL_METHODS = ['raw hours', 'last density', 'this model', 'oracle'] as const;

export interface PrefillScore {
  readonly period: string;
  readonly capacityShare: number;
  /** Share of the period's hours that what is held serves, in the order of `PREFILL_METHODS`. */
  readonly served: readonly number[];
  /** Share of the capacity that was not held before, same order; against the method's own choice of the last period. */
  readonly churn: readonly number[];
}

/** Rolling origin: for each period, densities are fitted on periods before it. Titles, dates and seasons are known ahead. */
export function replayPrefill(periods: readonly Period[], capacityShares: readonly number[]): PrefillScore[] {
  const known = releaseFacts(periods);
  const samples: DensitySample[] = [];
  const scores: PrefillScore[] = [];
  const heldBefore = new Map<string, Set<string>>();
  for (const [index, period] of periods.entries()) {
    const last = periods[index - 1];
    if (last === undefined) continue;
    const facts = factsOfPeriod(period, last, periods[index - 2], known);
    const model = fitDensity(samples);
    const lastHours = new Map(last.titles.map(({ title, hours }) => [title, hours]));
    const worths = [
      (row: CatalogueRow) => lastHours.get(row.title) ?? 0,
      (row: CatalogueRow) => facts.get(row.title)?.lastDensity ?? 0,
      (row: CatalogueRow) => expectDensity(model, facts.get(row.title) ?? missing()),
      (row: CatalogueRow) => row.hours / (facts.get(row.title)?.runtimeHours ?? 1),
    ];
    for (const capacityShare of capacityShares) {
      const outcomes = worths.map((worth, method) => {
        const outcome = hold(period, facts, capacityShare, worth);
        const key = `${method} ${capacityShare}`;
        const churn = churnOf(outcome.held, heldBefore.get(key), facts);
        heldBefore.set(key, outcome.held);
        return { served: outcome.served, churn };
      });
      scores.push({
        period: period.name,
        capacityShare,
        served: outcomes.map(({ served }) => served),
        churn: outcomes.map(({ churn }) => churn),
      });
    }
    for (const row of period.titles) {
      const its = facts.get(row.title);
      if (its !== undefined) samples.push({ facts: its, density: row.hours / its.runtimeHours });
    }
  }
  return scores;
}

function missing(): never {
  throw new Error('every title of a period has facts');
}

function hold(
  period: Period,
  facts: ReadonlyMap<string, TitleFacts>,
  capacityShare: number,
  worth: (row: CatalogueRow) => number,
): { readonly served: number; readonly held: Set<string> } {
  const sizeOf = (row: CatalogueRow): number => facts.get(row.title)?.runtimeHours ?? 0;
  let room = capacityShare * period.titles.reduce((sum, row) => sum + sizeOf(row), 0);
  const held = new Set<string>();
  let served = 0;
  const ranked = period.titles.map((row) => ({ row, worth: worth(row) })).toSorted((a, b) => b.worth - a.worth);
  for (const { row } of ranked) {
    if (sizeOf(row) > room) continue;
    room -= sizeOf(row);
    served += row.hours;
    held.add(row.title);
  }
  return { served: served / period.titles.reduce((sum, { hours }) => sum + hours, 0), held };
}

function churnOf(
  held: ReadonlySet<string>,
  before: ReadonlySet<string> | undefined,
  facts: ReadonlyMap<string, TitleFacts>,
): number {
  let all = 0;
  let fresh = 0;
  for (const title of held) {
    const size = facts.get(title)?.runtimeHours ?? 0;
    all += size;
    if (before?.has(title) !== true) fresh += size;
  }
  return all === 0 ? 0 : fresh / all;
}
