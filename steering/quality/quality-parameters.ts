import { numberParameter } from '../../src/config/parameter.ts';

/** The knobs of what viewers' reports come to. */
export const qualityParameters = {
  qualityHalfLifeMs: numberParameter(
    'ms',
    { min: 1000, max: 86_400_000 },
    60_000,
    'How fast measurements of viewers fade: after this long they count half. Shorter reacts sooner and is led astray sooner.',
  ),
  qualityWindowMs: numberParameter(
    'ms',
    { min: 1000, max: 3_600_000 },
    90_000,
    'How long a viewer counts with what it said last of an appliance: about three times ttlSec.',
  ),
  qualityMinReporters: numberParameter(
    'viewers',
    { min: 1, max: 30 },
    5,
    'Fewer different addresses than this judge nothing and demote nobody.',
  ),
  qualityFailShare: numberParameter(
    'share',
    { min: 0.05, max: 1 },
    0.5,
    'Share of the viewers heard of an appliance within the window that must report it as failing before it is demoted.',
  ),
  qualityDoubtShare: numberParameter(
    'share',
    { min: 0, max: 1 },
    0.5,
    'When more than this share of the appliances seem to fail at once, the reports are doubted and nobody is demoted.',
  ),
  qualityDemoteMs: numberParameter(
    'ms',
    { min: 1000, max: 3_600_000 },
    120_000,
    'How long nobody is sent first to an appliance that viewers report as failing, before few may try it; doubled each time that they fail.',
  ),
  qualityProbeStepMs: numberParameter(
    'ms',
    { min: 1000, max: 3_600_000 },
    60_000,
    'How long a demoted appliance is tried by few before more may: 2, 8, 32, then all.',
  ),
  qualityMaxCells: numberParameter(
    'pairs',
    { min: 1000, max: 10_000_000 },
    200_000,
    'Most pairs of appliance and neighbourhood that are measured apart; 140 bytes each.',
  ),
  qualityMaxSessions: numberParameter(
    'sessions',
    { min: 0, max: 10_000_000 },
    200_000,
    'Most sessions whose first place is remembered, to see who flees from it; some 200 bytes each.',
  ),
};
