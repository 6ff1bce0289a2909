import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';

/**
 * Which clusters take the plan that was just made, and which keep the one in force.
 *
 * A plan that is wrong in a way that its own forecast does not show must not be everywhere by morning. So a change goes
 * out as a release in three stages: the canary clusters, then a tenth of the others, then all. A stage begins when the
 * one before has lasted long enough, is not in trouble with its filling, and nothing measured speaks against it. It
 * all goes by time and evidence, so nobody has to be awake.
 *
 *   canary   takes every plan at once, every cycle
 *   cohort   a share of the other clusters, drawn anew for each release, so that the same ones are not always first
 *   all      everybody once; with that the release is over, and the next change opens the next one
 *
 * What cannot wait passes by: a cluster without a plan, one whose machines changed, and a cycle that the operator asked
 * for; launches and pins join the plans that wait (merge-urgent.ts). Guard rails (review/) hold a cluster in every stage. After a return to the last good plan everything
 * is held for a while: the planner that made the bad plan would make it again within the hour.
 *
 * Without canary clusters there are no stages: all take every plan that passes the guard rails, and only what is
 * measured afterwards brings the last good one back.
 */
export const RELEASE_STAGES = ['canary', 'cohort', 'all'] as const;
export type ReleaseStage = (typeof RELEASE_STAGES)[number];

export interface Release {
  readonly number: number;
  readonly openedAtMs: number;
  readonly stage: Exclude<ReleaseStage, 'all'>;
  readonly stageSinceMs: number;
}

export interface ReleaseRules {
  readonly canaryClusters: readonly string[];
  readonly canaryMs: number;
  readonly cohortMs: number;
  /** Of the clusters that are no canaries, 0 to 1; at least one of them. */
  readonly cohortShare: number;
}

export interface ClusterCandidate {
  readonly clusterId: string;
  /** The new plan of one of its appliances differs from the one in force. */
  readonly isChanged: boolean;
  /** An appliance without a plan, or one in force for a machine that has gone. */
  readonly isNewOrRebuilt: boolean;
  /** From the guard rails; empty when there are none. */
  readonly heldBecause: readonly string[];
  /** What its appliances report of their filling that a release should wait for; empty when all is well. */
  readonly troubles: readonly string[];
}

export interface ReleaseInput {
  readonly nowMs: number;
  readonly rules: ReleaseRules;
  readonly release: Release | undefined;
  readonly lastNumber: number;
  readonly clusters: readonly ClusterCandidate[];
  /** Until when everything is held after a return, and why. */
  readonly heldUntil: { readonly untilMs: number; readonly because: string } | undefined;
  /** 1 says nothing; beyond this share of the proof a release goes no further. */
  readonly isSuspect: boolean;
  /** Of this cycle the changes go out to everybody: somebody asked for it. */
  readonly isUrgent: boolean;
  /** Clusters that the operator publishes whatever speaks against it. */
  readonly forced: ReadonlySet<string>;
}

export type ClusterDecision =
  | { readonly kind: 'publish'; readonly because: string }
  | { readonly kind: 'keep'; readonly because: string };

export interface ReleaseDecision {
  readonly clusters: ReadonlyMap<string, ClusterDecision>;
  /** The release that is under way after this cycle. */
  readonly release: Release | undefined;
  readonly lastNumber: number;
  /** The release that this cycle brought to everybody. */
  readonly finished: number | undefined;
  /** Why the release goes no further for now. */
  readonly waitsFor: readonly string[];
  /** Canaries that were named and are no clusters of the fleet. */
  readonly unknownCanaries: readonly string[];
}

export function decideRelease(input: ReleaseInput): ReleaseDecision {
  const { release, waitsFor, isFinished } = nextStage(input);
  const early = release === undefined || isFinished ? undefined : earlyClusters(input, release);
  const inScope = (clusterId: string): boolean => early?.has(clusterId) ?? true;
  const clusters = new Map(
    input.clusters.map((each) => [each.clusterId, decideCluster(input, each, inScope, release)]),
  );
  return {
    clusters,
    release: isFinished ? undefined : release,
    lastNumber: release?.number ?? input.lastNumber,
    finished: isFinished ? release?.number : undefined,
    waitsFor,
    unknownCanaries: input.rules.canaryClusters.filter(
      (id) => !input.clusters.some(({ clusterId }) => clusterId === id),
    ),
  };
}

/**
 * The clusters that go first. Where the operator named some and the fleet has none of them, as after a slip of the pen or
 * when the last of them was taken out, one is drawn, always the same: who asked for canaries must not get new plans
 * everywhere at once.
 */
function canariesOf({ rules, clusters }: ReleaseInput): Set<string> {
  const known = clusters.map(({ clusterId }) => clusterId).filter((id) => rules.canaryClusters.includes(id));
  if (known.length > 0 || rules.canaryClusters.length === 0) return new Set(known);
  const drawn = clusters
    .map(({ clusterId }) => ({ id: clusterId, draw: unitHash(`canary\n${clusterId}`) }))
    .sort((a, b) => a.draw - b.draw);
  return new Set(drawn.slice(0, 1).map(({ id }) => id));
}

interface StageStep {
  readonly release: Release | undefined;
  readonly isFinished: boolean;
  readonly waitsFor: readonly string[];
}

/**
 * How long a stage waits for appliances that cannot get what they miss. Not for ever: one file that its origin has lost
 * would keep all new plans from everybody, and what is measured waits for nobody.
 */
const PATIENCE_MS = 3 * 86_400_000;

/** At most one stage a cycle, so that each is seen. */
function nextStage(input: ReleaseInput): StageStep {
  const { nowMs, rules, release, clusters, lastNumber, heldUntil } = input;
  const canaries = canariesOf(input);
  if (canaries.size === 0 || canaries.size === clusters.length || isHeld(heldUntil, nowMs))
    return { release: undefined, isFinished: false, waitsFor: [] };
  if (release === undefined) {
    const opens = clusters.some(({ isChanged, isNewOrRebuilt }) => isChanged && !isNewOrRebuilt);
    const opened: Release = { number: lastNumber + 1, openedAtMs: nowMs, stage: 'canary', stageSinceMs: nowMs };
    return { release: opens ? opened : undefined, isFinished: false, waitsFor: [] };
  }
  const lastsMs = release.stage === 'canary' ? rules.canaryMs : rules.cohortMs;
  const early = earlyClusters(input, release);
  const isPatient = nowMs < release.stageSinceMs + lastsMs + PATIENCE_MS;
  const waitsFor = [
    ...clusters.flatMap(({ clusterId, troubles }) => (isPatient && early.has(clusterId) ? troubles : [])),
    ...(input.isSuspect ? ['what is measured speaks against the new plans'] : []),
  ];
  if (nowMs < release.stageSinceMs + lastsMs || waitsFor.length > 0) return { release, isFinished: false, waitsFor };
  if (release.stage === 'canary')
    return { release: { ...release, stage: 'cohort', stageSinceMs: nowMs }, isFinished: false, waitsFor: [] };
  return { release, isFinished: true, waitsFor: [] };
}

/** Canaries and, of the others, the drawn share: those that a release reaches before everybody. */
function earlyClusters(input: ReleaseInput, { number, stage }: Release): Set<string> {
  const { rules, clusters } = input;
  const canaries = canariesOf(input);
  if (stage === 'canary') return canaries;
  const drawn = clusters
    .map(({ clusterId }) => clusterId)
    .filter((id) => !canaries.has(id))
    .map((id) => ({ id, draw: unitHash(`release ${number}\n${id}`) }))
    .sort((a, b) => a.draw - b.draw);
  const share = Math.max(1, Math.round(rules.cohortShare * drawn.length));
  return new Set([...canaries, ...drawn.slice(0, share).map(({ id }) => id)]);
}

function decideCluster(
  { nowMs, heldUntil, isUrgent, forced }: ReleaseInput,
  { clusterId, isNewOrRebuilt, heldBecause }: ClusterCandidate,
  inScope: (clusterId: string) => boolean,
  release: Release | undefined,
): ClusterDecision {
  if (forced.has(clusterId)) return { kind: 'publish', because: 'published by the operator' };
  if (heldUntil !== undefined && isHeld(heldUntil, nowMs) && !isNewOrRebuilt)
    return { kind: 'keep', because: heldUntil.because };
  if (heldBecause.length > 0) return { kind: 'keep', because: `held: ${heldBecause.join('; ')}` };
  if (isNewOrRebuilt) return { kind: 'publish', because: 'the cluster is new or its machines changed' };
  if (isUrgent) return { kind: 'publish', because: 'published at once, as was asked' };
  if (inScope(clusterId))
    return {
      kind: 'publish',
      because: release === undefined ? 'passed the guard rails' : `release ${release.number}, stage ${release.stage}`,
    };
  return {
    kind: 'keep',
    because: `waits its turn in release ${release?.number ?? 0}, which is at stage ${release?.stage ?? ''}`,
  };
}

const isHeld = (heldUntil: ReleaseInput['heldUntil'], nowMs: number): boolean =>
  heldUntil !== undefined && nowMs < heldUntil.untilMs;
