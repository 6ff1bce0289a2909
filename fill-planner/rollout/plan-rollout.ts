import type { DemandSample } from '../../src/contracts/demand-sample.ts';
import type { FillReport } from '../../src/contracts/fill-report.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { retiredTitles } from '../calendar/calendar-facts.ts';
import type { PlanDraft } from '../plan/draft-plan.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import type { PlannedAppliance } from '../plan/plan-store.ts';
import type { GuardLimits } from '../review/guard-rails.ts';
import type { HoldingColumns } from '../review/holding-columns.ts';
import type { ClusterFigures } from '../review/plan-figures.ts';
import { clusterCandidates, membersByCluster } from './cluster-candidates.ts';
import { contrastPlans, type PlanContrast } from './contrast-plans.ts';
import { type CountedHour, countEfficiency } from './count-efficiency.ts';
import {
  type ClusterCandidate,
  type ClusterDecision,
  decideRelease,
  type Release,
  type ReleaseDecision,
  type ReleaseRules,
} from './decide-release.ts';
import { evidenceAgainst } from './efficiency-test.ts';
import { fitDisk } from './fit-disk.ts';
import { judgeableUntilMs, judgeTrial, type TrialRules, type TrialVerdict } from './judge-trial.ts';
import { mergeUrgent, urgentIn } from './merge-urgent.ts';
import type { PlanLibrary, PlanVersions } from './plan-library.ts';
import { withoutFuture } from './put-back-clock.ts';
import type { RolloutState } from './rollout-state.ts';
import type { RolloutEvent, RolloutStore } from './rollout-store.ts';

export interface RolloutRules {
  readonly release: ReleaseRules;
  readonly guard: GuardLimits;
  readonly trial: TrialRules;
  /** How long everything is held after a return. */
  readonly returnHoldMs: number;
}

export interface PlanRolloutParts {
  readonly store: RolloutStore;
  readonly plans: PlanLibrary;
  readonly rules: RolloutRules;
  readonly logger: Logger;
}

/** What somebody asks of one cycle. */
export interface PublishWish {
  /** Changes go out to everybody at once, past the stages, not past the guard rails. */
  readonly isUrgent?: boolean | undefined;
  /** Clusters whose plans go out whatever speaks against them; `all` for every cluster. */
  readonly publish?: readonly string[] | 'all' | undefined;
  /** Back to the last good plans, by the operator. */
  readonly goBack?: boolean | undefined;
}

/** What a cycle does with the plans that it made. */
export interface RolloutDecision {
  /** One for each draft, in their order: itself, or what an earlier plan says, in the windows of now. */
  readonly drafts: readonly PlanDraft[];
  readonly clusters: ReadonlyMap<string, ClusterDecision>;
  readonly release: ReleaseDecision;
  readonly verdict: TrialVerdict;
  readonly returned: string | undefined;
}

export interface RolloutReport {
  readonly release: Release | undefined;
  readonly heldUntil: RolloutState['heldUntil'];
  readonly isOnTrial: boolean;
  readonly goodSinceMs: number;
  readonly judgedUntilMs: number;
  readonly hoursJudged: number;
  /** Against the plans in force; 1 says nothing, `proof` brings the last good ones back. */
  readonly evidence: number;
  readonly proof: number;
  /** By cluster, what the last cycle decided. */
  readonly clusters: Readonly<Record<string, ClusterDecision>>;
  /** By cluster, what was measured in the last 24 hours. */
  readonly lastDay: readonly (CountedHour & { readonly clusterId: string })[];
  /** Newest first. */
  readonly events: readonly RolloutEvent[];
}

const HOUR_MS = 3_600_000;
const SHOWN_EVENTS = 20;
const NO_CHANGES: PlanContrast = { isAny: false, changeOf: () => undefined };

/**
 * Stands between the plans that a cycle makes and the plans that appliances get: holds what fails its guard rails, lets
 * releases out by stages, measures what they do, and goes back. Everything that it decides by is kept, so a planner that
 * was killed goes on where it was; killed between storing plans and storing this, it decides the same again.
 */
export class PlanRollout {
  readonly #parts: PlanRolloutParts;
  #contrast = NO_CHANGES;
  #lastDecisions: ReadonlyMap<string, ClusterDecision> = new Map();
  #clusterOf: ReadonlyMap<string, string> = new Map();
  #numberOf: (renditionId: string) => number | undefined = () => undefined;

  constructor(parts: PlanRolloutParts) {
    this.#parts = parts;
  }

  /**
   * Which of these drafts to publish, and who keeps what it has. Changes nothing. Yields how many drafts are decided:
   * to keep a large plan takes some tens of milliseconds.
   * @param figures of every cluster, from the same inputs and drafts
   */
  *decide(
    inputs: FleetInputs,
    drafts: readonly PlanDraft[],
    figures: readonly ClusterFigures[],
    wish: PublishWish = {},
  ): Generator<number, RolloutDecision> {
    const { store, plans, rules } = this.#parts;
    const { nowMs } = inputs;
    const state = withoutFuture(store.state(), nowMs, rules.returnHoldMs);
    const inForce = plans.versionsInForce();
    const hours = store.hours(state.judgedUntilMs, judgeableUntilMs(nowMs));
    const verdict = judgeTrial(state, hours, nowMs, rules.trial);
    const returned = returnedBecause(verdict, wish, state, nowMs);
    const candidates = this.#candidates(inputs, drafts, figures, state);
    const forced = wish.publish === 'all' ? candidates.map(({ clusterId }) => clusterId) : (wish.publish ?? []);
    const hold = { untilMs: nowMs + rules.returnHoldMs, because: returned ?? '' };
    const release = decideRelease({
      nowMs,
      rules: rules.release,
      release: state.release,
      lastNumber: state.lastNumber,
      clusters: candidates,
      heldUntil: returned === undefined ? state.heldUntil : hold,
      isSuspect: verdict.isSuspect,
      isUrgent: wish.isUrgent === true,
      forced: new Set(forced),
    });
    const good = returned === undefined ? undefined : store.goodPlans();
    const numbers = numbersOf(inputs);
    const keptOf = (applianceId: string): ReturnType<PlanLibrary['draftOf']> => {
      const [goodVersion, version] = [good?.get(applianceId), inForce.get(applianceId)];
      const before = goodVersion === undefined ? undefined : plans.draftOf(applianceId, goodVersion, numbers);
      // A plan from before there was a title holds nothing: to go back to it is to drop everything.
      if (before !== undefined && before.rendition.length > 0) return before;
      return version === undefined ? undefined : plans.draftOf(applianceId, version, numbers);
    };
    const capacities = new Map(inputs.appliances.map(({ id, capacityBytes }) => [id, capacityBytes]));
    const decided: PlanDraft[] = [];
    for (const draft of drafts) {
      const { applianceId, clusterId } = draft;
      const kept = release.clusters.get(clusterId)?.kind === 'publish' ? undefined : keptOf(applianceId);
      if (kept === undefined) {
        decided.push(draft);
        continue;
      }
      const stays = { ...kept, windows: draft.windows };
      const merged = mergeUrgent(stays, draft, inputs.facts, urgentIn(inputs, clusterId));
      decided.push(fitDisk(merged, capacities.get(applianceId) ?? 0, inputs.facts));
      yield 1;
    }
    return { drafts: decided, clusters: release.clusters, release, verdict, returned };
  }

  /** By cluster, what the guard rails have against these drafts, in words; clusters without are missing. */
  guard(
    inputs: FleetInputs,
    drafts: readonly PlanDraft[],
    figures: readonly ClusterFigures[],
  ): Map<string, readonly string[]> {
    const candidates = this.#candidates(inputs, drafts, figures, this.#parts.store.state());
    return new Map(
      candidates.flatMap(({ clusterId, heldBecause }) => (heldBecause.length === 0 ? [] : [[clusterId, heldBecause]])),
    );
  }

  /** By cluster, what the last cycle decided; empty until one has run. */
  lastDecisions(): ReadonlyMap<string, ClusterDecision> {
    return this.#lastDecisions;
  }

  /** Where everything stands, for the operator. */
  report(nowMs: number): RolloutReport {
    const { store, rules } = this.#parts;
    const { release, heldUntil, test, goodSinceMs, isOnTrial, judgedUntilMs } = store.state();
    return {
      release,
      heldUntil: heldUntil !== undefined && nowMs < heldUntil.untilMs ? heldUntil : undefined,
      isOnTrial,
      goodSinceMs,
      judgedUntilMs,
      hoursJudged: test.hours,
      evidence: evidenceAgainst(test),
      proof: 1 / rules.trial.falseReturns,
      clusters: Object.fromEntries(this.#lastDecisions),
      lastDay: store.clusterSums(nowMs - 24 * HOUR_MS),
      events: store.events(SHOWN_EVENTS),
    };
  }

  /** Takes down what was decided, once the plans are stored. Yields how many plans it has read to compare them. */
  *keep(decision: RolloutDecision, saved: readonly PlannedAppliance[], inputs: FleetInputs): Generator<number, void> {
    const { store, rules, logger } = this.#parts;
    const { nowMs } = inputs;
    const before = withoutFuture(store.state(), nowMs, rules.returnHoldMs);
    const { release, verdict, returned } = decision;
    this.#lastDecisions = decision.clusters;
    const inForce: PlanVersions = new Map(saved.map(({ applianceId, planVersion }) => [applianceId, planVersion]));
    const oldGood = store.goodPlans();
    const isRenewed = verdict.kind === 'renew' && returned === undefined;
    // Going back makes new versions with the content of the good ones: these are the good ones now.
    const good = returned !== undefined ? inForce : withNewcomers(isRenewed ? store.markedPlans() : oldGood, inForce);
    const heldUntil =
      returned === undefined ? before.heldUntil : { untilMs: nowMs + rules.returnHoldMs, because: returned };
    const isFreed = [...decision.clusters.values()].some(({ because }) => because === 'published by the operator');
    const state: RolloutState = {
      ...before,
      ...verdict.trial,
      test: { ...verdict.trial.test, logWealth: [...verdict.trial.test.logWealth] },
      release: release.release,
      lastNumber: release.lastNumber,
      heldUntil: heldUntil === undefined || nowMs >= heldUntil.untilMs || isFreed ? undefined : heldUntil,
      members: { ...before.members, ...publishedMembers(decision, inputs) },
      plannedSinceMs: { ...firstPlanned(saved, inputs), ...before.plannedSinceMs },
      goodSinceMs: isRenewed || returned !== undefined || oldGood.size === 0 ? nowMs : before.goodSinceMs,
    };
    yield* this.#contrastWith(good, inputs);
    const isOnTrial = this.#contrast.isAny;
    const isMoved = isRenewed && [...good].some(([id, version]) => oldGood.get(id) !== version);
    const events = eventsOf(decision, saved, before, isMoved, nowMs);
    store.keep(
      {
        ...state,
        isOnTrial,
        judgedUntilMs: isOnTrial && before.isOnTrial ? state.judgedUntilMs : trialStartMs(state, inputs, isOnTrial),
      },
      events,
      { good, marked: isRenewed || returned !== undefined || store.markedPlans().size === 0 ? inForce : undefined },
    );
    store.trim(nowMs);
    for (const { kind, says } of events)
      logger[kind === 'returned' || kind === 'held' ? 'warn' : 'info']({ kind }, says);
  }

  /** Counts what viewers asked of an appliance for or against the plans in force. To be told of each sample once. */
  count({ applianceId, hourStartMs, entries }: DemandSample, renditionOf: (path: string) => string | undefined): void {
    const clusterId = this.#clusterOf.get(applianceId);
    if (clusterId === undefined) return;
    const counted = countEfficiency(entries, (path) => {
      const number = this.#numberOf(renditionOf(path) ?? '');
      return number === undefined ? undefined : this.#contrast.changeOf(applianceId, number);
    });
    this.#parts.store.addHour({ hourStartMs, clusterId, ...counted });
  }

  /** Versions that must stay in the store: one may go back to them. */
  neededVersions(): ReadonlySet<string> {
    const { store } = this.#parts;
    return new Set([...store.goodPlans(), ...store.markedPlans()].map(([id, version]) => `${id} ${version}`));
  }

  #candidates(
    inputs: FleetInputs,
    drafts: readonly PlanDraft[],
    figures: readonly ClusterFigures[],
    { members, plannedSinceMs }: RolloutState,
  ): ClusterCandidate[] {
    const { plans, rules } = this.#parts;
    const windows = new Map(drafts.map((draft) => [draft.applianceId, draft.windows]));
    return clusterCandidates({
      inputs,
      figures,
      windowsOf: (applianceId) => windows.get(applianceId) ?? [],
      limits: rules.guard,
      reports: freshReports(plans.reports(), inputs.nowMs),
      inForce: plans.versionsInForce(),
      membersBefore: members,
      isLearning: (clusterId) => inputs.nowMs < (plannedSinceMs[clusterId] ?? inputs.nowMs) + rules.trial.trialMs,
    });
  }

  *#contrastWith(good: PlanVersions, inputs: FleetInputs): Generator<number, void> {
    const { plans } = this.#parts;
    const { appliances, facts } = inputs;
    const numbers = numbersOf(inputs);
    const inForce = plans.versionsInForce();
    const differing = new Set(
      appliances.filter(({ id }) => good.get(id) !== inForce.get(id)).map(({ clusterId }) => clusterId),
    );
    const compared = new Map(
      appliances
        .filter(({ id, clusterId }) => differing.has(clusterId) && good.has(id) && inForce.has(id))
        .map(({ id, clusterId }) => [id, clusterId]),
    );
    const heldBy = (versions: PlanVersions): Generator<number, ReadonlyMap<string, HoldingColumns>> =>
      plans.readVersions(new Map([...versions].filter(([id]) => compared.has(id))), numbers);
    const goodHeld = yield* heldBy(good);
    const nowHeld = yield* heldBy(inForce);
    const contrast = yield* contrastPlans(
      [...compared].flatMap(([applianceId, clusterId]) => {
        const [was, is] = [goodHeld.get(applianceId), nowHeld.get(applianceId)];
        return was === undefined || is === undefined ? [] : [{ applianceId, clusterId, good: was, now: is }];
      }),
      facts.length,
    );
    // All at once: samples are counted while this is read.
    this.#contrast = contrast;
    this.#numberOf = numbers;
    this.#clusterOf = new Map(appliances.map(({ id, clusterId }) => [id, clusterId]));
  }
}

function returnedBecause(
  { kind, evidence }: TrialVerdict,
  { goBack }: PublishWish,
  { goodSinceMs }: RolloutState,
  nowMs: number,
): string | undefined {
  const since = `the plans that were good at ${minuteOf(goodSinceMs)} are in force again`;
  if (goBack === true) return `${since}: the operator went back at ${minuteOf(nowMs)}`;
  if (kind !== 'worse') return undefined;
  return `${since}: since then measured efficiency has fallen, with evidence of ${Math.round(evidence)} to 1`;
}

/** Renditions by id; what is retired has no number, so that no kept plan brings it back. */
function numbersOf({ facts, calendar, nowMs }: FleetInputs): (renditionId: string) => number | undefined {
  const retired = retiredTitles(calendar, nowMs);
  const numbers = new Map<string, number>();
  for (const [index, { id, titleId }] of facts.entries()) if (!retired.has(titleId)) numbers.set(id, index);
  return (renditionId) => numbers.get(renditionId);
}

/** Who is new is compared with the first plan that it got. */
const withNewcomers = (versions: PlanVersions, inForce: PlanVersions): PlanVersions =>
  new Map([...inForce].map(([id, version]) => [id, versions.get(id) ?? version]));

/** Appliances report once an hour at least: one that has not since is gone, and a release must not wait for it. */
const REPORT_LASTS_MS = 6 * HOUR_MS;

const freshReports = (reports: ReturnType<PlanLibrary['reports']>, nowMs: number): FillReport[] =>
  reports.filter(({ receivedAtMs }) => receivedAtMs > nowMs - REPORT_LASTS_MS).map(({ report }) => report);

function firstPlanned(saved: readonly PlannedAppliance[], { appliances, nowMs }: FleetInputs): Record<string, number> {
  const clusterOf = new Map(appliances.map(({ id, clusterId }) => [id, clusterId]));
  const planned = saved.filter(({ renditionCount }) => renditionCount > 0);
  return Object.fromEntries(planned.map(({ applianceId }) => [clusterOf.get(applianceId) ?? '', nowMs]));
}

const minuteOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}Z`;

function publishedMembers({ clusters }: RolloutDecision, inputs: FleetInputs): Record<string, string> {
  const members = membersByCluster(inputs);
  return Object.fromEntries([...members].filter(([clusterId]) => clusters.get(clusterId)?.kind === 'publish'));
}

/**
 * From when on new plans are measured: not before the first window in which they could be filled is over. Until then
 * what they drop is mostly still there, and hours that show nothing would only make the test slower.
 */
function trialStartMs({ judgedUntilMs }: RolloutState, inputs: FleetInputs, isOnTrial: boolean): number {
  const { nowMs, sites, openedByHand } = inputs;
  const untilMs = Math.max(judgedUntilMs, judgeableUntilMs(nowMs));
  if (!isOnTrial) return untilMs;
  const ends = sites.flatMap(({ windowStartsAtMs, windowHours }) =>
    windowStartsAtMs.map((startsAtMs) => startsAtMs + windowHours * HOUR_MS).filter((endsAtMs) => endsAtMs > nowMs),
  );
  const firstEndMs = openedByHand?.endsAtMs ?? Math.min(nowMs + 24 * HOUR_MS, ...ends);
  return Math.max(untilMs, Math.ceil(firstEndMs / HOUR_MS) * HOUR_MS);
}

function eventsOf(
  decision: RolloutDecision,
  saved: readonly PlannedAppliance[],
  before: RolloutState,
  isRenewed: boolean,
  nowMs: number,
): RolloutEvent[] {
  const { release, returned, clusters } = decision;
  const event = (kind: RolloutEvent['kind'], says: string): RolloutEvent => ({ atMs: nowMs, kind, says });
  const newPlans = saved.filter(({ outcome }) => outcome === 'new').map(({ applianceId }) => applianceId);
  const held = [...clusters].filter(([, { because }]) => because.startsWith('held: '));
  const stage = release.release;
  return [
    ...(returned === undefined ? [] : [event('returned', returned)]),
    ...(stage !== undefined && stage.stage !== before.release?.stage
      ? [event('stage', `release ${stage.number} is at stage ${stage.stage}${unknownCanaries(release)}`)]
      : []),
    ...(release.finished === undefined ? [] : [event('stage', `release ${release.finished} is at stage all`)]),
    ...(newPlans.length === 0 ? [] : [event('published', `new plans for ${listed(newPlans)}`)]),
    ...(release.waitsFor.length === 0
      ? []
      : [event('waiting', `release ${stage?.number} waits: ${release.waitsFor.slice(0, 4).join('; ')}`)]),
    ...held.slice(0, 16).map(([clusterId, { because }]) => event('held', `cluster ${clusterId} ${because}`)),
    ...(isRenewed ? [event('good', 'plans that were in force for half a trial are the ones to go back to')] : []),
  ];
}

const unknownCanaries = ({ unknownCanaries: ids }: ReleaseDecision): string =>
  ids.length === 0 ? '' : `; --canary-clusters names what is no cluster of the fleet: ${listed(ids)}`;

const listed = (ids: readonly string[]): string =>
  ids.length <= 6 ? ids.join(', ') : `${ids.slice(0, 5).join(', ')} and ${ids.length - 5} more`;
