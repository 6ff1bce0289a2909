import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import { buildFlowProblem, type NamedProblem } from '../../steering/flow/plan/build-flow-problem.ts';
import { type FlowProblem, loadOf, sumOf } from '../../steering/flow/plan/flow-problem.ts';
import { solveMinCostFlow } from '../../steering/flow/plan/min-cost-flow.ts';
import { nearestShares, toFlow } from '../../steering/flow/plan/plan-flow.ts';
import type { Landscape } from './demand.ts';
import { costOfShares, leastMoved, type Method } from './methods.ts';

/** One method through one evening: a quiet hour, a tenfold surge in one region, its end, the largest site lost and back. */
export interface EveningResult {
  readonly method: string;
  /** Cost over the optimum of the same round, in the mean of all rounds, and the worst of those before the next event. */
  readonly meanCostRatio: number;
  readonly settledCostRatio: number;
  /** Load over capacity of the fullest site in any round, and in how many pairs of round and site it was above 1. */
  readonly worstLoad: number;
  readonly overloads: number;
  /** Sums of shares of all traffic: moved in the rounds of the four events, what had to move there, and in all others. */
  readonly movedAtEvents: number;
  readonly neededAtEvents: number;
  readonly movedBetween: number;
  /** Moved beyond what had to in the round in which the site was lost. */
  readonly extraAtLoss: number;
  readonly slowestMs: number;
}

type Phase = 'quiet' | 'surge' | 'loss';
const PHASES: readonly Phase[] = ['quiet', 'surge', 'quiet', 'loss', 'quiet'];
const ROUNDS_PER_PHASE = 15;
const TREMBLE = 0.02;
const OVER = 1 + 1e-6;

export function playEvening(landscape: Landscape, method: Method): EveningResult {
  const rounds = roundsOf(landscape);
  let shares = new Map<string, Map<string, number>>();
  const seen = { ratios: [] as number[], settled: [] as number[], worst: 0, overloads: 0, slowestMs: 0 };
  const moved = { atEvents: 0, needed: 0, between: 0, total: 0, atLoss: 0 };
  for (const { named, optimum, phase, isEvent, isSettled } of rounds) {
    const { problem } = named;
    const present = presentOf(named, shares);
    const beganMs = performance.now();
    const planned = method.plan(problem, present);
    const tookMs = performance.now() - beganMs;
    const total = sumOf(problem.demand);
    const loads = loadOf(problem, toFlow(problem, planned)).map((bits, site) => bits / (problem.capacity[site] ?? 1));
    const ratio = costOfShares(problem, planned) / optimum;
    seen.ratios.push(ratio);
    if (isSettled) seen.settled.push(ratio);
    seen.worst = Math.max(seen.worst, ...loads);
    seen.overloads += loads.filter((load) => load > OVER).length;
    seen.slowestMs = Math.max(seen.slowestMs, tookMs);
    if (shares.size > 0) {
      const moves = movedShareOf(problem, present, planned);
      moved.total += moves;
      if (!isEvent) moved.between += moves;
      else {
        const needed = method.keepsCaps ? leastMoved(problem, present) / total : Number.NaN;
        moved.atEvents += moves;
        moved.needed += needed;
        if (phase === 'loss') moved.atLoss = moves - needed;
      }
    }
    shares = remember(named, planned);
  }
  return {
    method: method.name,
    meanCostRatio: mean(seen.ratios),
    settledCostRatio: Math.max(...seen.settled),
    worstLoad: seen.worst,
    overloads: seen.overloads,
    movedAtEvents: moved.atEvents,
    neededAtEvents: moved.needed,
    extraAtLoss: moved.atLoss,
    movedBetween: moved.between,
    slowestMs: Math.round(seen.slowestMs),
  };
}

interface Round {
  readonly named: NamedProblem;
  readonly optimum: number;
  readonly phase: Phase;
  /** Something changed just now. */
  readonly isEvent: boolean;
  /** The last round before something changes. */
  readonly isSettled: boolean;
}

/** All methods play the same evening: its problems and their optima are found once. */
const known = new WeakMap<Landscape, readonly Round[]>();

function roundsOf(landscape: Landscape): readonly Round[] {
  const before = known.get(landscape);
  if (before !== undefined) return before;
  const lost = landscape.sites.reduce((most, site) =>
    site.capacityBitsPerSec > most.capacityBitsPerSec ? site : most,
  );
  const rounds = PHASES.flatMap((phase, part) =>
    Array.from({ length: ROUNDS_PER_PHASE }, (_, at): Round => {
      const named = problemAt(landscape, { round: part * ROUNDS_PER_PHASE + at, phase, lostId: lost.id });
      return {
        named,
        optimum: solveMinCostFlow(named.problem).cost,
        phase,
        isEvent: part > 0 && at === 0,
        isSettled: at === ROUNDS_PER_PHASE - 1,
      };
    }),
  );
  known.set(landscape, rounds);
  return rounds;
}

function movedShareOf(problem: FlowProblem, present: Float64Array, planned: Float64Array): number {
  const kept = toFlow(problem, present);
  const stays = toFlow(problem, planned).reduce((sum, bits, arc) => sum + Math.min(bits, kept[arc] ?? 0), 0);
  return 1 - stays / sumOf(problem.demand);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The problem of one round. */
export function problemAt(
  { groups, sites }: Landscape,
  moment: { readonly round: number; readonly phase: Phase; readonly lostId: string },
): NamedProblem {
  const { round, phase, lostId } = moment;
  const surges = (siteId: string | undefined): boolean =>
    phase === 'surge' && unitHash(`region ${siteId ?? ''}`) < 0.03;
  return buildFlowProblem(
    groups.map(({ place, bitsPerSec }) => ({
      place,
      bitsPerSec:
        bitsPerSec * (1 + TREMBLE * (2 * unitHash(`${place.group} ${round}`) - 1)) * (surges(place.siteId) ? 10 : 1),
    })),
    sites.filter(({ id }) => phase !== 'loss' || id !== lostId),
  );
}

function presentOf(named: NamedProblem, shares: ReadonlyMap<string, ReadonlyMap<string, number>>): Float64Array {
  const { problem, groups, siteIds } = named;
  const present = nearestShares(problem);
  for (const [group, { place }] of groups.entries()) {
    const known = shares.get(place.group);
    if (known === undefined) continue;
    for (let arc = problem.arcStart[group] ?? 0; arc < (problem.arcStart[group + 1] ?? 0); arc += 1)
      present[arc] = known.get(siteIds[problem.arcSite[arc] ?? 0] ?? '') ?? 0;
  }
  return present;
}

function remember({ problem, groups, siteIds }: NamedProblem, planned: Float64Array): Map<string, Map<string, number>> {
  return new Map(
    groups.map(({ place }, group) => {
      const of = new Map<string, number>();
      for (let arc = problem.arcStart[group] ?? 0; arc < (problem.arcStart[group + 1] ?? 0); arc += 1)
        if ((planned[arc] ?? 0) > 0) of.set(siteIds[problem.arcSite[arc] ?? 0] ?? '', planned[arc] ?? 0);
      return [place.group, of];
    }),
  );
}
