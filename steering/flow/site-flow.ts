import { messageOf } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { inSlices } from '../../src/resilience/in-slices.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { type DemandLedger, restKey } from './demand-ledger.ts';
import type { FlowSolver } from './flow-solver.ts';
import { ArcFinder, flowProblemSteps, type NamedProblem } from './plan/build-flow-problem.ts';
import { loadOf, sumOf } from './plan/flow-problem.ts';
import { fits, nearestShares, type PlannedFlow, toFlow } from './plan/plan-flow.ts';
import { changeLayout, type ShareLayout, sharesOf, siteAt } from './share-layout.ts';
import type { FlowSite } from './site-cost.ts';
import { type FlowClient, NO_SHARES, type SiteShares } from './site-shares.ts';

/**
 * Every few seconds: what do the viewers of each neighbourhood take, what can each site give, and where shall they go?
 *
 * While the nearest site of everybody has room the answer is nothing, and nothing is solved. When one would be asked
 * for more than it has, the flow of all groups over all sites is planned (plan-flow.ts) in a thread of its own, and the
 * groups that do not go wholly to their nearest site get a layout (share-layout.ts) by which each session finds its
 * site. A round that fails or is late leaves the shares as they are, for `keepMs` at the longest: viewers spread by an
 * old plan are better off than all at one site, until the plan has nothing to do with who watches.
 */
export interface SiteFlowOptions {
  readonly world: World;
  readonly logger: Logger;
  readonly solver: FlowSolver;
  readonly demand: DemandLedger;
  /** Sites with what they can give now. */
  readonly sites: () => readonly FlowSite[];
  readonly roundMs: number;
  readonly keepMs: number;
  /** By how much the demand seen here is multiplied: replicas of steering each see a part of the viewers. */
  readonly replicas: number;
  readonly onRound: (outcome: FlowOutcome) => void;
}

/** `quiet`: nearness decided; `planned`: shares as they are or new; `failed`: the last ones stay, for a while. */
export type FlowOutcome = 'quiet' | 'planned' | 'failed';

/** The last round, for the operator. */
export interface FlowReport {
  readonly outcome: FlowOutcome | 'none';
  readonly atMs: number | undefined;
  readonly version: string;
  readonly groups: number;
  readonly displacedGroups: number;
  readonly demandBitsPerSec: number;
  readonly originBitsPerSec: number;
  readonly cost: number | undefined;
  readonly bound: number | undefined;
  readonly movedBitsPerSec: PlannedFlow['movedBitsPerSec'];
  readonly sites: readonly {
    readonly siteId: string;
    readonly capacityBitsPerSec: number;
    readonly loadBitsPerSec: number;
  }[];
  readonly failure: string | undefined;
}

const NOBODY_MOVED = { needed: 0, voluntary: 0 };
const NO_REPORT: FlowReport = {
  outcome: 'none',
  atMs: undefined,
  version: NO_SHARES.version,
  groups: 0,
  displacedGroups: 0,
  demandBitsPerSec: 0,
  originBitsPerSec: 0,
  cost: undefined,
  bound: undefined,
  movedBitsPerSec: NOBODY_MOVED,
  sites: [],
  failure: undefined,
};

/** Of its capacity a site is planned to give so much; the rest is for what the demand trembles. */
const PLANNED_SHARE = 0.95;
const SLACK = 1 / PLANNED_SHARE - 1;
/** Half a microsecond to five each: a slice of the event loop is a millisecond or two. */
const GROUPS_PER_SLICE = 500;

export class SiteFlow implements Service {
  readonly #options: SiteFlowOptions;
  readonly #rounds: PeriodicTask;
  readonly #finder = new ArcFinder();
  /** Where the sessions of each group go, also of those that go to their nearest site. */
  #layouts: ReadonlyMap<string, ShareLayout> = new Map();
  /** The last round, if it was quiet: everybody was with the nearest site. */
  #quiet: { readonly named: NamedProblem; readonly nearest: Float64Array } | undefined;
  #shares: SiteShares = NO_SHARES;
  #report: FlowReport = NO_REPORT;
  #improving = false;
  #version = 0;
  #goodMs = 0;

  constructor(options: SiteFlowOptions) {
    this.#options = options;
    this.#rounds = new PeriodicTask(options.world, options.roundMs, (signal) => this.#round(signal));
  }

  async start(): Promise<void> {
    await this.#rounds.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#rounds.stop(deadlineMs);
    await this.#options.solver.stop();
  }

  /** The shares now; the same object while they stay as they are. */
  shares(): SiteShares {
    return this.#shares;
  }

  report(): FlowReport {
    return this.#report;
  }

  /** A round now, when something has changed that cannot wait. */
  nudge(): void {
    this.#rounds.nudge();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { onRound } = this.#options;
    const named = await this.#inSlices(this.#buildProblem(), signal);
    const nearest = nearestShares(named.problem);
    const isQuiet = this.#shares === NO_SHARES && fits(named.problem, toFlow(named.problem, nearest), SLACK);
    try {
      if (isQuiet) this.#useNearest(named, nearest);
      else {
        const planned = await this.#plan(named, nearest, signal);
        await this.#inSlices(this.#use(named, nearest, planned), signal);
      }
      this.#goodMs = this.#options.world.clock.monotonicMs();
      onRound(isQuiet ? 'quiet' : 'planned');
    } catch (error) {
      signal.throwIfAborted();
      this.#keep(messageOf(error));
      onRound('failed');
    }
  }

  #inSlices<T>(work: Iterator<number, T>, signal: AbortSignal): Promise<T> {
    return inSlices(work, { clock: this.#options.world.clock, signal, unitsPerSlice: GROUPS_PER_SLICE });
  }

  *#buildProblem(): Generator<number, NamedProblem> {
    const { demand, sites, replicas } = this.#options;
    const groups = yield* demand.groupsInSteps();
    return yield* flowProblemSteps(
      groups.map((row) => ({ ...row, bitsPerSec: row.bitsPerSec * replicas })),
      sites().map((site) => ({ ...site, capacityBitsPerSec: site.capacityBitsPerSec * PLANNED_SHARE })),
      this.#finder,
    );
  }

  async #plan(named: NamedProblem, nearest: Float64Array, signal: AbortSignal): Promise<PlannedFlow> {
    const { solver, roundMs, world } = this.#options;
    if (this.#quiet !== undefined) {
      const { named: before, nearest: wasNearest } = this.#quiet;
      this.#layouts = await this.#inSlices(this.#layoutsOf(before, wasNearest), signal);
    }
    this.#quiet = undefined;
    const present = await this.#inSlices(this.#present(named, nearest), signal);
    const late = new AbortController();
    const timer = world.clock.setTimer(roundMs, () => late.abort(new Error(`no plan within ${roundMs} ms`)));
    const round = { problem: named.problem, present, improving: this.#improving, slack: SLACK };
    return solver.plan(round, AbortSignal.any([signal, late.signal])).finally(() => timer.cancel());
  }

  /** Where the viewers of each group are: by its layout, or with their nearest site if it is new. */
  *#present({ problem, groups, siteIds }: NamedProblem, nearest: Float64Array): Generator<number, Float64Array> {
    const present = Float64Array.from(nearest);
    for (const [group, { place }] of groups.entries()) {
      const layout = this.#layouts.get(place.group) ?? this.#layouts.get(restKey(place));
      if (layout === undefined) continue;
      const shares = sharesOf(layout);
      for (let arc = problem.arcStart[group] ?? 0; arc < (problem.arcStart[group + 1] ?? 0); arc += 1)
        present[arc] = shares.get(siteIds[problem.arcSite[arc] ?? 0] ?? '') ?? 0;
      yield 1;
    }
    return present;
  }

  /** Who is where follows from the numbers when it is needed: a quiet round holds up answers as little as it can. */
  #useNearest(named: NamedProblem, nearest: Float64Array): void {
    this.#quiet = { named, nearest };
    this.#tell(named, nearest, { outcome: 'quiet', displacedGroups: 0, movedBitsPerSec: NOBODY_MOVED });
  }

  *#use(named: NamedProblem, nearest: Float64Array, planned: PlannedFlow): Generator<number, void> {
    const { problem, groups } = named;
    const layouts = yield* this.#layoutsOf(named, planned.shares);
    const displaced = new Map<string, ShareLayout>();
    for (const [group, { place }] of groups.entries()) {
      const [start, end] = [problem.arcStart[group] ?? 0, problem.arcStart[group + 1] ?? 0];
      const arc = nearest.indexOf(1, start);
      const layout = layouts.get(place.group);
      const isNearest = arc < end && (layout?.length ?? 0) === 1 && (planned.shares[arc] ?? 0) > 0.5;
      if (layout !== undefined && !isNearest) displaced.set(place.group, layout);
    }
    const before = this.#layouts;
    const isSame =
      layouts.size === before.size && [...layouts].every(([group, layout]) => before.get(group) === layout);
    this.#layouts = layouts;
    this.#improving = planned.improving;
    if (displaced.size === 0) this.#shares = NO_SHARES;
    else if (!isSame || this.#shares === NO_SHARES) {
      this.#version += 1;
      this.#shares = makeShares(`flow-${this.#version}`, layouts, displaced);
    }
    const { cost, bound, movedBitsPerSec } = planned;
    this.#tell(named, planned.shares, {
      outcome: 'planned',
      displacedGroups: displaced.size,
      cost,
      bound,
      movedBitsPerSec,
    });
  }

  *#layoutsOf(
    { problem, groups, siteIds }: NamedProblem,
    shares: Float64Array,
  ): Generator<number, Map<string, ShareLayout>> {
    const layouts = new Map<string, ShareLayout>();
    for (const [group, { place }] of groups.entries()) {
      const wanted = new Map<string, number>();
      for (let arc = problem.arcStart[group] ?? 0; arc < (problem.arcStart[group + 1] ?? 0); arc += 1)
        if ((shares[arc] ?? 0) > 0) wanted.set(siteIds[problem.arcSite[arc] ?? 0] ?? '', shares[arc] ?? 0);
      const before = this.#layouts.get(place.group) ?? this.#layouts.get(restKey(place)) ?? [];
      layouts.set(place.group, changeLayout(before, wanted));
      yield 2;
    }
    return layouts;
  }

  #tell({ problem, siteIds, groups }: NamedProblem, shares: Float64Array, told: Partial<FlowReport>): void {
    const load = loadOf(problem, toFlow(problem, shares));
    this.#report = {
      ...NO_REPORT,
      ...told,
      atMs: this.#options.world.clock.nowMs(),
      version: this.#shares.version,
      groups: groups.length,
      demandBitsPerSec: Math.round(sumOf(problem.demand)),
      originBitsPerSec: Math.round(load.at(-1) ?? 0),
      sites: siteIds.slice(0, -1).map((siteId, site) => ({
        siteId,
        capacityBitsPerSec: Math.round((problem.capacity[site] ?? 0) / PLANNED_SHARE),
        loadBitsPerSec: Math.round(load[site] ?? 0),
      })),
    };
  }

  #keep(failure: string): void {
    const { logger, keepMs, world } = this.#options;
    const isTooOld = world.clock.monotonicMs() - this.#goodMs > keepMs;
    if (this.#report.outcome !== 'failed') logger.error({ failure }, 'no new shares of sites: the last ones stay');
    if (isTooOld && this.#shares !== NO_SHARES) {
      logger.error({ keepMs }, 'the last shares of sites are too old: nearness decides');
      this.#shares = NO_SHARES;
      this.#layouts = new Map();
    }
    this.#report = { ...this.#report, outcome: 'failed', failure, version: this.#shares.version };
  }
}

function makeShares(
  version: string,
  layouts: ReadonlyMap<string, ShareLayout>,
  displaced: ReadonlyMap<string, ShareLayout>,
): SiteShares {
  return {
    version,
    preferredSite(client: FlowClient, unit: number): string | undefined {
      const own = displaced.get(client.group);
      if (own !== undefined) return siteAt(own, unit);
      if (layouts.has(client.group)) return undefined;
      const others = displaced.get(restKey(client));
      return others && siteAt(others, unit);
    },
  };
}
