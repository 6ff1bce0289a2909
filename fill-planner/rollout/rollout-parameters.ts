import { type ConfigOf, numberParameter, patternParameter } from '../../src/config/parameter.ts';
import type { RolloutRules } from './plan-rollout.ts';

/** How plans are published, judged and taken back. */
export const ROLLOUT_PARAMETERS = {
  canaryClusters: patternParameter(
    '',
    /^(?:[A-Za-z0-9][A-Za-z0-9._-]*(?:,[A-Za-z0-9][A-Za-z0-9._-]*)*)?$/,
    'ids of clusters with commas between them, or nothing',
    'Clusters that take new plans first. Name one whose viewers are like the others and whose people are awake; without one, plans go to all at once. Where none of those named is a cluster of the fleet, one is drawn.',
  ),
  canaryHours: numberParameter(
    'hours',
    { min: 0, max: 240 },
    24,
    'How long a release stays with the canaries before a tenth of the other clusters takes it; long enough for a fill window and an evening.',
  ),
  cohortHours: numberParameter(
    'hours',
    { min: 0, max: 240 },
    6,
    'How long a release stays with that tenth before all take it.',
  ),
  cohortShare: numberParameter(
    'share',
    { min: 0, max: 1 },
    0.1,
    'Share of the clusters behind the canaries that takes a release before the rest; one cluster at least.',
  ),
  maxDropShare: numberParameter(
    'share',
    { min: 0, max: 1 },
    0.3,
    'A plan that drops more than this of what a cluster holds is held until the operator publishes it; not in the first --trial-hours of a cluster.',
  ),
  maxServedFall: numberParameter(
    'share',
    { min: 0, max: 1 },
    0.02,
    'A plan that by its own forecast serves less than the plan in force by more than this share is held.',
  ),
  trialHours: numberParameter(
    'hours',
    { min: 2, max: 720 },
    48,
    'How long plans are watched before they are what one goes back to.',
  ),
  efficiencyTolerance: numberParameter(
    'share',
    { min: 0.001, max: 0.5 },
    0.01,
    'Share of the served bytes that new plans may lose against the last good ones before that speaks against them.',
  ),
  falseReturns: numberParameter(
    'share',
    { min: 0.0001, max: 0.5 },
    0.01,
    'Chance of going back from plans that are no worse, in one trial; smaller takes longer to notice bad ones.',
  ),
  returnHoldHours: numberParameter(
    'hours',
    { min: 0, max: 720 },
    24,
    'How long nothing new is published after a return to the last good plans, because the same planner would make the same plans again.',
  ),
};

const HOUR_MS = 3_600_000;

export function rolloutRules(config: ConfigOf<typeof ROLLOUT_PARAMETERS>): RolloutRules {
  return {
    release: {
      canaryClusters: config.canaryClusters === '' ? [] : config.canaryClusters.split(','),
      canaryMs: config.canaryHours * HOUR_MS,
      cohortMs: config.cohortHours * HOUR_MS,
      cohortShare: config.cohortShare,
    },
    guard: config,
    trial: {
      trialMs: config.trialHours * HOUR_MS,
      falseReturns: config.falseReturns,
      tolerance: config.efficiencyTolerance,
    },
    returnHoldMs: config.returnHoldHours * HOUR_MS,
  };
}
