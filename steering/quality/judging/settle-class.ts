import type { Judgement, QualityClass } from './judge-quality.ts';

/**
 * From the judgement of a moment to a class that lasts.
 *
 * A class takes viewers away, and with them the measurements that it came from. Taken at once it would stop at the
 * first line that is crossed: an appliance that falls to a quarter of its speed is for a moment only somewhat worse,
 * loses its viewers at that moment, and nothing tells any more how bad it is. Given back as the measurements fade, it
 * would get all viewers again, lose them again, and so on, as fast as measurements fade.
 *
 * So what is judged worse is watched for a while in which nothing changes, and then judged by all that came in; and
 * what was judged worse stays so while too little is measured to say better, for many times as long.
 */
export interface SettledClass extends Judgement {
  /** Since when it has been judged worse than it stands; undefined while it is not. */
  readonly worseSinceMs: number | undefined;
  /** When enough was measured last. */
  readonly measuredAtMs: number;
}

export const CONFIRM_MS = 30_000;
export const KEEP_MS = 1_200_000;
/** Measurements without which nothing is judged better: three times what a judgement is drawn by to the parent's. */
const ENOUGH = 60;

export const GOOD: Judgement = { qualityClass: 0, rateGap: 0, because: undefined };

/**
 * @param judged undefined when too few reporters are heard to judge at all
 * @param weight measurements that it was judged by
 */
export function settleClass(
  before: SettledClass | undefined,
  judged: Judgement | undefined,
  weight: number,
  nowMs: number,
): SettledClass {
  const isEnough = judged !== undefined && weight >= ENOUGH;
  const stands: QualityClass = before?.qualityClass ?? 0;
  const measuredAtMs = isEnough || before === undefined ? nowMs : before.measuredAtMs;
  if (judged !== undefined && judged.qualityClass > stands) {
    const worseSinceMs = before?.worseSinceMs ?? nowMs;
    if (nowMs - worseSinceMs >= CONFIRM_MS) return { ...judged, worseSinceMs: undefined, measuredAtMs: nowMs };
    const standing = before ?? { ...GOOD, rateGap: judged.rateGap };
    return { ...standing, worseSinceMs, measuredAtMs };
  }
  if (stands === 0 || isEnough) return { ...(judged ?? GOOD), worseSinceMs: undefined, measuredAtMs };
  if (before === undefined || nowMs - measuredAtMs >= KEEP_MS)
    return { ...GOOD, worseSinceMs: undefined, measuredAtMs };
  return { ...before, worseSinceMs: undefined, measuredAtMs };
}
