import type { Heartbeat } from '../../../src/contracts/heartbeat.ts';

/**
 * What an appliance has to carry beyond its last heartbeat: whether it is still too full to be given anybody, whether
 * it is well for long enough, and how far it has warmed up.
 *
 * Limits are RFC 9808's: above `maximum-soft` an appliance gets fewer new sessions, at `maximum-hard` none. A switch at
 * one number flaps: at the limit everybody leaves, a heartbeat later everybody comes back. So who was at the hard limit
 * counts as full until it is below a lower mark, and who was not well counts so until it has been well for a while.
 *
 * And nobody comes back to all of his work at once. Memory and connections of a box that was restarted, drained or away
 * are cold, its load reads zero, and every session of the site would like to go there. Its share of capacity begins
 * small and grows over `warmUpMs` in a straight line (as HAProxy's `slowstart` does, which knows it after failures only).
 * The share weighs it against others; it does not make it full, for a slow box is better than none.
 */
export interface CapacityRules {
  /** Share of the capacity that an appliance begins with, 0 to 1. */
  readonly warmUpShare: number;
  /** How long until it has all of it; 0 at once. */
  readonly warmUpMs: number;
  /** How long an appliance must say that it is well after it said that it is not. */
  readonly wellAfterMs: number;
}

/** Times are of ListeningTime. */
export interface CapacityState {
  readonly atHardLimit: boolean;
  /** Since when it says that it is well; undefined while it says that it is not. */
  readonly wellSinceMs: number | undefined;
  /** When its warming up began. */
  readonly warmsSinceMs: number;
}

/** Of a limit: who was full is taken back below this share of it. */
const RETURN_SHARE = 0.9;
/** Shares move in steps, so that two answers of one second say the same. */
const SHARE_STEP = 0.05;

const LONG_AGO = Number.NEGATIVE_INFINITY;
/** Of an appliance that has been there for long, as far as anybody knows. */
export const WARM: CapacityState = { atHardLimit: false, wellSinceMs: LONG_AGO, warmsSinceMs: LONG_AGO };

/** The state after a heartbeat. @param isCold it comes from a restart, an absence or from nowhere */
export function afterHeartbeat(
  before: CapacityState,
  { health, load, capacity, state }: Heartbeat,
  moment: { readonly nowMs: number; readonly isCold: boolean; readonly wasServing: boolean },
): CapacityState {
  const fill = Math.max(
    load.egressBitsPerSec / capacity.hardEgressBitsPerSec,
    load.activeRequests / capacity.maxActiveRequests,
  );
  const returns = moment.isCold || (state === 'serving' && !moment.wasServing);
  return {
    atHardLimit: fill >= (before.atHardLimit ? RETURN_SHARE : 1),
    wellSinceMs: health.healthy ? (before.wellSinceMs ?? moment.nowMs) : undefined,
    warmsSinceMs: returns ? moment.nowMs : before.warmsSinceMs,
  };
}

/** From `warmUpShare` to 1. */
export function capacityShareAt({ warmsSinceMs }: CapacityState, nowMs: number, rules: CapacityRules): number {
  const warmedMs = nowMs - warmsSinceMs;
  if (warmedMs >= rules.warmUpMs) return 1;
  const share = rules.warmUpShare + (1 - rules.warmUpShare) * (warmedMs / rules.warmUpMs);
  return Math.min(1, Math.max(SHARE_STEP, Math.round(share / SHARE_STEP) * SHARE_STEP));
}

/** Why an appliance that says it is well does not count as well yet; undefined when it does. */
export function stillRecovering(
  { wellSinceMs }: CapacityState,
  nowMs: number,
  rules: CapacityRules,
): string | undefined {
  if (wellSinceMs === undefined || nowMs - wellSinceMs >= rules.wellAfterMs) return undefined;
  return `well again, and taken back when it has been so for ${(rules.wellAfterMs / 1000).toFixed(0)} s`;
}
