import { fitLinear, scoreOf } from './fit-linear.ts';

/**
 * Demand per stored byte (density) of every title of the coming period, also of those that nobody has watched yet.
 *
 * Problem: three tenths of a half-year's hours go to titles that were not there before. The last density knows nothing
 * of them, and a mean over all new titles ranks the sequel of a hit beside a licensed documentary.
 * Idea: two fits of the mean. Old titles: last density, time on offer in the last period, age, whether a new season of
 * the show comes. New titles: launch date, region, kind, runtime and what the show's earlier seasons reached. The mean,
 * not the median, because what is saved adds up. Limits: the first period has nothing to learn from: last density and
 * nothing for new titles.
 */
export interface TitleFacts {
  /** Hours per hour of runtime in the last period; absent for a new title. */
  readonly lastDensity?: number | undefined;
  readonly earlierDensity?: number | undefined;
  /** Years from launch to the period's start, negative when it launches within; absent when not known. */
  readonly ageYears?: number | undefined;
  readonly isSeries: boolean;
  readonly isGlobal: boolean;
  readonly season: number;
  /** Best density of other seasons of the show in the last period. */
  readonly showDensity?: number | undefined;
  /** Another season of the show launches within the period. */
  readonly hasNewSeason: boolean;
  readonly runtimeHours: number;
}

export interface DensitySample {
  readonly facts: TitleFacts;
  readonly density: number;
}

export interface DensityModel {
  readonly old: readonly number[];
  readonly fresh: readonly number[];
  /** Densities are measured in this: their mean while learning. */
  readonly unit: number;
}

const PERIOD_YEARS = 0.5;
const RIDGE = 1;
const ROUNDS = 40;

export function fitDensity(samples: readonly DensitySample[]): DensityModel {
  const size = samples.reduce((sum, { facts }) => sum + facts.runtimeHours, 0);
  const served = samples.reduce((sum, { facts, density }) => sum + density * facts.runtimeHours, 0);
  const unit = served > 0 && size > 0 ? served / size : 1;
  const fit = (isFresh: boolean): number[] => {
    const rows = samples
      .filter(({ facts }) => (facts.lastDensity === undefined) === isFresh)
      .map(({ facts, density }) => ({
        facts: isFresh ? freshFacts(facts, unit) : oldFacts(facts, unit),
        target: density / unit,
        weight: facts.runtimeHours,
      }));
    return fitLinear(rows, rows[0]?.facts.length ?? 0, { loss: 'mean', ridge: RIDGE, rounds: ROUNDS });
  };
  return { old: fit(false), fresh: fit(true), unit };
}

/** @returns expected demand per runtime, for the whole period */
export function expectDensity(model: DensityModel, facts: TitleFacts): number {
  const isFresh = facts.lastDensity === undefined;
  const coefficients = isFresh ? model.fresh : model.old;
  if (coefficients.length === 0) return facts.lastDensity ?? 0;
  return model.unit * Math.exp(scoreOf(coefficients, (isFresh ? freshFacts : oldFacts)(facts, model.unit)));
}

const flag = (is: boolean): number => (is ? 1 : 0);
const logOf = (density: number, unit: number): number => Math.log(density / unit + 0.01);

function oldFacts(facts: TitleFacts, unit: number): number[] {
  const { lastDensity = 0, earlierDensity, ageYears, showDensity } = facts;
  const last = logOf(lastDensity, unit);
  const age = ageYears === undefined ? 0 : Math.max(0, ageYears);
  const isYoung = flag(ageYears !== undefined && age < PERIOD_YEARS);
  const dated = flag(ageYears !== undefined);
  const coming = flag(facts.hasNewSeason);
  return [
    1,
    last,
    isYoung,
    isYoung * last,
    isYoung * Math.log(age / PERIOD_YEARS + 0.05),
    dated,
    dated * Math.log(age + 0.5),
    flag(facts.isSeries),
    flag(facts.isGlobal),
    isYoung * flag(facts.isSeries),
    coming,
    coming * last,
    earlierDensity === undefined ? 0 : last - logOf(earlierDensity, unit),
    flag(earlierDensity === undefined),
    showDensity === undefined ? 0 : logOf(showDensity, unit) - last,
    Math.log(facts.runtimeHours),
  ];
}

function freshFacts(facts: TitleFacts, unit: number): number[] {
  const { ageYears, showDensity } = facts;
  const launches = flag(ageYears !== undefined && ageYears <= 0);
  const offered = launches === 1 ? Math.min(1, Math.max(0.01, 1 + (ageYears ?? 0) / PERIOD_YEARS)) : 1;
  const global = flag(facts.isGlobal);
  const series = flag(facts.isSeries);
  const show = showDensity === undefined ? 0 : logOf(showDensity, unit);
  const known = flag(showDensity !== undefined);
  return [
    1,
    launches,
    launches * Math.log(offered),
    launches * global,
    global,
    series,
    series * launches,
    known,
    show,
    launches * known,
    launches * show,
    flag(facts.season > 1),
    Math.log(facts.runtimeHours),
    launches * Math.log(facts.runtimeHours) * series,
    flag(ageYears !== undefined),
  ];
}
