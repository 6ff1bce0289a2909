import type { ClusterFigures } from './plan-figures.ts';

/**
 * What a plan must not do by its own forecast. A wrong catalogue, a forecast that lost its history or a slip in the
 * fleet document all end in plans that are perfectly signed and throw away what viewers watch; each of them shows in
 * one of few figures. A cluster whose plan fails keeps the plan in force; the others go on, since most such mistakes
 * concern one cluster, and the ones that concern all hold all.
 *
 * Limits: only what the cluster stops holding altogether counts as dropped, not the copies; and the forecast that the
 * plan was made by also judges it. A plan for a cluster without one before has nothing to be worse than, and in its first
 * days a cluster may drop what it likes: its first plans were made before anybody had watched anything. So may one whose
 * machines changed: what the others held has to go somewhere, and a plan for machines that are gone would be kept for
 * ever. Where its disks do not take the plan in force any more, a new one may serve less as well.
 */
export interface GuardLimits {
  /** Of what a cluster holds, the most that one plan may drop, 0 to 1. */
  readonly maxDropShare: number;
  /** Of what the plan in force is expected to serve, the most that a new one may serve less, 0 to 1. */
  readonly maxServedFall: number;
}

export interface GuardedCluster {
  /** Its demand is only just being learned. */
  readonly isLearning: boolean;
  /** Its machines are not those that the plan in force was made for. */
  readonly isRebuilt: boolean;
}

/** Why the plan of a cluster is not published by itself, in words with figures; empty when it may be. */
export function guardReasons(
  figures: ClusterFigures,
  limits: GuardLimits,
  { isLearning, isRebuilt }: GuardedCluster,
): string[] {
  const { heldBeforeBytes, droppedBytes, servedBytes, servedBeforeBytes, broken, fitsBefore } = figures;
  const dropShare = heldBeforeBytes === 0 ? 0 : droppedBytes / heldBeforeBytes;
  const fall = servedBeforeBytes === 0 ? 0 : 1 - servedBytes / servedBeforeBytes;
  return [
    ...(!isLearning && !isRebuilt && dropShare > limits.maxDropShare
      ? [`drops ${percent(dropShare)} of what the cluster holds; the limit is ${percent(limits.maxDropShare)}`]
      : []),
    ...(fall > limits.maxServedFall && (fitsBefore || !isRebuilt)
      ? [
          `is expected to serve ${percent(fall)} less than the plan in force; the limit is ${percent(limits.maxServedFall)}`,
        ]
      : []),
    ...broken,
  ];
}

const percent = (share: number): string => `${(share * 100).toPrecision(share < 0.1 ? 2 : 3)} %`;
