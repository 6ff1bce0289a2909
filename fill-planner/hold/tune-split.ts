/**
 * How much of a disk is planned, and how much is left to what viewers ask for unplanned.
 *
 * Nobody can say in advance: where everybody watches the same, planning wins; where a few viewers come back to what they
 * watched yesterday, a cache does. A fixed reserve is wrong for most sites. But both sides have falling returns: each
 * further percent earns less than the one before, so the split is right where the last percent of planned space and
 * the next percent of demand space serve the same (Lagrange). Appliances measure both: what the least urgent planned
 * files served, and what a cache would have served besides if their space were its own (their space-earnings).
 *
 * So, once a day, the side whose last percent earns more gets a step of the other's space. Steps grow while the
 * direction holds and halve when it turns, so the split arrives within weeks and then hardly moves (Rprop, Riedmiller
 * and Braun 1993, in one dimension). Within a band around equal nothing moves, and a single odd day moves nothing: two
 * days have to agree.
 *
 * Measured (npm run bench -- hold): from 90 % planned it ends within half a point of the best fixed split on eight
 * traces.
 *
 * Limits: where returns do not fall, as between 30 and 50 % planned on a campus, both sides look equal and it stays, up
 * to 3.5 points below the best; so it begins high. A change of what viewers do is followed at some percent a week. Both
 * figures come from the same appliances and the same day, so a quiet day does not bend their ratio, only its noise.
 */
export interface SplitState {
  readonly plannedShare: number;
  /** What the next move takes from one side. */
  readonly stepShare: number;
  /** Where the last day pointed: 1 to more planned space, -1 to less, 0 nowhere. */
  readonly pointedTo: number;
  /** Direction of the last move. */
  readonly movedTo: number;
}

/** What the border between both spaces earned within a day, over all appliances of a cluster. */
export interface SpaceEarnings {
  readonly plannedTail: TailEarnings;
  readonly demandTail: TailEarnings;
  /** What came in for viewers and not for the plan. */
  readonly demandFilledBytes: number;
}

type BorderEarnings = Pick<SpaceEarnings, 'plannedTail' | 'demandTail'>;

export interface TailEarnings {
  readonly spaceBytes: number;
  readonly servedBytes: number;
}

export interface SplitLimits {
  readonly minPlannedShare: number;
  readonly maxPlannedShare: number;
}

export const SPLIT_LIMITS: SplitLimits = { minPlannedShare: 0.3, maxPlannedShare: 0.98 };

const FIRST_STEP = 0.01;
const MIN_STEP = 0.0025;
const MAX_STEP = 0.04;
/** Earnings of both sides that differ by less count as equal. */
const BAND = 1.25;

export function firstSplit(plannedShare: number): SplitState {
  return { plannedShare, stepShare: FIRST_STEP, pointedTo: 0, movedTo: 0 };
}

/** The split of the next day. */
export function tuneSplit(state: SplitState, earned: BorderEarnings, limits: SplitLimits = SPLIT_LIMITS): SplitState {
  const direction = directionOf(earned);
  if (direction === 0 || direction !== state.pointedTo) return { ...state, pointedTo: direction };
  const stepShare = nextStep(state, direction);
  const { minPlannedShare, maxPlannedShare } = limits;
  const plannedShare = Math.min(
    Math.max(maxPlannedShare, state.plannedShare),
    Math.max(Math.min(minPlannedShare, state.plannedShare), state.plannedShare + direction * stepShare),
  );
  return { plannedShare, stepShare, pointedTo: direction, movedTo: direction };
}

/** 1 where the last planned bytes earn more than the next bytes of demand space would. */
function directionOf({ plannedTail, demandTail }: BorderEarnings): number {
  if (plannedTail.spaceBytes <= 0 || demandTail.spaceBytes <= 0) return 0;
  const planned = Math.max(0, plannedTail.servedBytes) / plannedTail.spaceBytes;
  const demand = Math.max(0, demandTail.servedBytes) / demandTail.spaceBytes;
  if (planned > demand * BAND) return 1;
  return demand > planned * BAND ? -1 : 0;
}

function nextStep({ stepShare, movedTo }: SplitState, direction: number): number {
  if (movedTo === 0) return FIRST_STEP;
  return movedTo === direction ? Math.min(MAX_STEP, stepShare * 1.5) : Math.max(MIN_STEP, stepShare / 2);
}
