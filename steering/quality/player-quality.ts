import type { ConfigOf } from '../../src/config/parameter.ts';
import type { QualitySketch } from '../../src/contracts/quality-sketch.ts';
import { KeyedHash } from '../../src/hashing/keyed-hash.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { inSlices } from '../../src/resilience/in-slices.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { Standing } from './judging/judge-demotion.ts';
import type { Evidence, Judgement } from './judging/judge-quality.ts';
import { GOOD, type SettledClass } from './judging/settle-class.ts';
import { type OnBadSession, QualityIntake } from './quality-intake.ts';
import type { qualityParameters } from './quality-parameters.ts';
import { isNotable, QualityRound, type RoundResult } from './quality-round.ts';
import { type Judged, type JudgedAppliance, JudgedView, NO_QUALITY, type QualityView } from './quality-view.ts';
import { type Neighbourhood, QualityStore } from './sketches/quality-store.ts';
import { type StandingChange, Standings } from './standings.ts';

/**
 * What viewers get from each appliance: reports come in, and every second a view of verdicts comes out that ranking
 * may ask. Nothing of it is on disk: after a restart all are trusted until viewers say otherwise.
 */
export interface PlayerQualityOptions {
  readonly world: World;
  readonly logger: Logger;
  readonly ttlMs: number;
  readonly halfLifeMs: number;
  readonly windowMs: number;
  readonly minReporters: number;
  readonly failShare: number;
  readonly doubtShare: number;
  readonly demoteMs: number;
  readonly probeStepMs: number;
  readonly maxCells: number;
  readonly maxSessions: number;
  /** Told of each report of a session that went bad. */
  readonly onBadSession?: OnBadSession;
  /** Told of each appliance that is demoted, probed or trusted again. */
  readonly onStanding?: (change: StandingChange) => void;
}

const ROUND_MS = 1000;
/** A row costs 3 to 5 microseconds: slices of about a millisecond, and a fifth of a core. */
const ROWS_PER_SLICE = 250;
const PACE_MS_PER_ROW = 0.02;
/** What the end of a round costs for an appliance, in rows. */
const ROWS_PER_APPLIANCE = 2;
const MAX_APPLIANCES = 10_000;
const KEY_BYTES = 8;

/** Of an appliance that is demoted or probed, whatever is measured meanwhile. */
const NONE: ReadonlyMap<string, Judged> = new Map();
const SET_BY_STANDING: SettledClass = { ...GOOD, worseSinceMs: undefined, measuredAtMs: 0 };

/** Totals of the last sketch of an appliance. */
interface LastSketch {
  readonly receivedAtMs: number;
  readonly requests: number;
  readonly reports: number;
  readonly stalls: number;
  readonly errors: number;
  readonly aborts: number;
}

export class PlayerQuality implements Service {
  readonly intake: QualityIntake;
  readonly #options: PlayerQualityOptions;
  readonly #store: QualityStore;
  readonly #standings: Standings;
  readonly #task: PeriodicTask;
  readonly #runId: string;
  readonly #lastSketches = new Map<string, LastSketch>();
  #view: QualityView = NO_QUALITY;
  #results: ReadonlyMap<string, RoundResult> = new Map();
  #renewed: ReadonlySet<string> = new Set();
  #round = 0;
  #roundAtMs: number | undefined;
  #epochAtMs: number;

  constructor(options: PlayerQualityOptions) {
    const { world, maxCells, windowMs, minReporters, failShare, demoteMs, probeStepMs, doubtShare } = options;
    this.#options = options;
    this.#store = new QualityStore({ maxCells, windowMs, maxAppliances: MAX_APPLIANCES });
    this.intake = new QualityIntake({
      store: this.#store,
      hash: new KeyedHash(world.random.bytes(KEY_BYTES)),
      clock: world.clock,
      ttlMs: options.ttlMs,
      maxSessions: options.maxSessions,
      ...(options.onBadSession === undefined ? {} : { onBadSession: options.onBadSession }),
    });
    this.#standings = new Standings({ minReporters, failShare, holdMs: demoteMs, stepMs: probeStepMs }, doubtShare);
    this.#task = new PeriodicTask(world, ROUND_MS, (signal) => this.#judge(signal));
    this.#runId = world.clock.nowMs().toString(36);
    this.#epochAtMs = world.clock.monotonicMs();
  }

  start(): Promise<void> {
    return this.#task.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#task.stop(deadlineMs);
  }

  view(): QualityView {
    return this.#view;
  }

  /**
   * What an appliance measured of its own answers.
   * @param locate where the viewers of a prefix are
   * @param siteId of the appliance: whose viewers are too few to be told apart are most likely there
   */
  takeSketch(sketch: QualitySketch, siteId: string, locate: (prefix: string) => Neighbourhood): void {
    const { applianceId, groups, rest } = sketch;
    const sums = { requests: 0, reports: 0, stalls: 0, errors: 0, aborts: 0 };
    for (const measures of [...groups, rest]) {
      for (const name of ['requests', 'reports', 'stalls', 'errors', 'aborts'] as const) sums[name] += measures[name];
    }
    for (const group of groups) this.#store.noteMeasures(applianceId, locate(group.prefix), group.clients, group);
    if (rest.requests > 0) this.#store.noteMeasures(applianceId, { group: `few of ${siteId}`, siteId }, 0, rest);
    if (this.#lastSketches.size >= MAX_APPLIANCES && !this.#lastSketches.has(applianceId)) return;
    this.#lastSketches.set(applianceId, { receivedAtMs: this.#options.world.clock.nowMs(), ...sums });
  }

  counts() {
    const { cells, groups, lost } = this.#store;
    return {
      cells: cells.size,
      groups: groups.size,
      lost,
      ...this.#standings.counts(),
      doubting: this.#standings.doubting,
    };
  }

  /** For the operator: every appliance of which something is known, and why it is judged as it is. */
  describe() {
    const ids = new Set([...this.#results.keys(), ...this.#standings.ids(), ...this.#lastSketches.keys()]);
    return {
      version: this.#view.version,
      ...this.counts(),
      appliances: [...ids].sort().map((applianceId) => this.#describe(applianceId)),
    };
  }

  #describe(applianceId: string) {
    const result = this.#results.get(applianceId);
    return {
      applianceId,
      standing: describeStanding(this.#standings.standingOf(applianceId), this.#options.world.clock.monotonicMs()),
      verdict: this.#view.of(applianceId, ''),
      sites: Object.fromEntries([...(result?.bySite ?? [])].map(([siteId, { verdict }]) => [siteId, verdict])),
      differingGroups: result?.byGroup.size ?? 0,
      measured: result?.evidence && describeEvidence(result.evidence, result.judged ?? result.settled),
      lastSketch: this.#lastSketches.get(applianceId),
    };
  }

  /**
   * Two thousand appliances with fifty neighbourhoods each are judged anew every two to three seconds, however busy the
   * machine is. @returns when to judge again
   */
  async #judge(signal: AbortSignal): Promise<number> {
    const { world, halfLifeMs, windowMs, minReporters } = this.#options;
    const beganAtMs = world.clock.monotonicMs();
    const isNewEpoch = beganAtMs - this.#epochAtMs >= windowMs;
    if (isNewEpoch) {
      this.#store.cells.turnEpoch();
      this.#epochAtMs = beganAtMs;
    }
    const round = new QualityRound({
      store: this.#store,
      before: this.#results,
      minReporters,
      nowMs: beganAtMs,
      fading: 2 ** -((beganAtMs - (this.#roundAtMs ?? beganAtMs)) / halfLifeMs),
      isNewEpoch,
      renewed: this.#renewed,
    });
    this.#roundAtMs = beganAtMs;
    const slicing = { clock: world.clock, signal, unitsPerSlice: ROWS_PER_SLICE, paceMsPerUnit: PACE_MS_PER_ROW };
    const results = await inSlices(this.#visitAll(round), slicing);
    this.#publish(results, world.clock.monotonicMs());
    return Math.max(0, ROUND_MS - (world.clock.monotonicMs() - beganAtMs));
  }

  *#visitAll(round: QualityRound): Generator<number, Map<string, RoundResult>> {
    for (const served of this.#store.groups.values()) yield* round.visit(served);
    const results = new Map<string, RoundResult>();
    for (const [id, result] of round.results()) {
      results.set(id, result);
      yield ROWS_PER_APPLIANCE;
    }
    return results;
  }

  #publish(results: Map<string, RoundResult>, nowMs: number): void {
    const changes = this.#standings.judge(results, this.#store, nowMs);
    const appliances = new Map<string, JudgedAppliance>();
    for (const [id, result] of results) if (isNotable(result)) appliances.set(id, result);
    for (const id of this.#standings.ids()) {
      const verdict = this.#standings.verdictOf(id);
      if (verdict !== undefined) appliances.set(id, { verdict, settled: SET_BY_STANDING, bySite: NONE, byGroup: NONE });
    }
    this.#round += 1;
    this.#results = results;
    this.#view = new JudgedView(`${this.#runId}-${this.#round}`, appliances);
    const renewed = changes.filter(({ from, to }) => from === 'demoted' && to.kind === 'probing');
    this.#renewed = new Set(renewed.map(({ applianceId }) => applianceId));
    for (const change of changes) this.#tell(change);
  }

  #tell(change: StandingChange): void {
    const { applianceId, from, to } = change;
    const { logger, onStanding } = this.#options;
    if (to.kind === 'demoted')
      logger.warn({ applianceId, because: to.because, holdMs: to.holdMs }, 'appliance demoted by viewers');
    else if (to.kind === 'probing') logger.info({ applianceId, share: to.share }, 'demoted appliance is tried by few');
    else logger.info({ applianceId, from }, 'appliance trusted again');
    onStanding?.(change);
  }
}

function describeStanding(standing: Standing | undefined, nowMs: number) {
  switch (standing?.kind) {
    case undefined:
    case 'trusted':
      return { kind: 'trusted' as const };
    case 'demoted':
      return {
        kind: standing.kind,
        becauseOf: standing.because,
        leftMs: Math.max(0, Math.round(standing.untilMs - nowMs)),
      };
    case 'probing':
      return { kind: standing.kind, becauseOf: standing.because, share: standing.share };
  }
}

const describeEvidence = (evidence: Evidence, { rateGap }: Judgement) => ({
  rateOfBest: Number((2 ** (rateGap / 2)).toFixed(3)),
  rates: Math.round(evidence.rateWeight),
  reports: Math.round(evidence.reports),
  stalls: Number(evidence.stalls.toFixed(1)),
  expectedStalls: Number(evidence.expectedStalls.toFixed(1)),
  requests: Math.round(evidence.requests),
  errors: Number(evidence.errors.toFixed(1)),
  expectedErrors: Number(evidence.expectedErrors.toFixed(1)),
});

/** With the knobs of the service. */
export function createPlayerQuality(
  config: ConfigOf<typeof qualityParameters> & { readonly ttlSec: number },
  context: Pick<PlayerQualityOptions, 'world' | 'logger' | 'onBadSession' | 'onStanding'>,
): PlayerQuality {
  return new PlayerQuality({
    ...context,
    ttlMs: config.ttlSec * 1000,
    halfLifeMs: config.qualityHalfLifeMs,
    windowMs: config.qualityWindowMs,
    minReporters: config.qualityMinReporters,
    failShare: config.qualityFailShare,
    doubtShare: config.qualityDoubtShare,
    demoteMs: config.qualityDemoteMs,
    probeStepMs: config.qualityProbeStepMs,
    maxCells: config.qualityMaxCells,
    maxSessions: config.qualityMaxSessions,
  });
}
