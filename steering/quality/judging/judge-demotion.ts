/**
 * When an appliance that answers its heartbeats is nevertheless taken out of the first places, and how it comes back.
 *
 * Viewers know first: a broken line card, a full link, a disk that answers slowly. When enough of them say that it
 * fails, it is demoted for a time in which nobody is sent there first. Then it must come back, and how is the hard
 * part. Back at once, all viewers find out together that it is still broken; never back, it is lost by a bad minute. So
 * it is probed: few sessions may try it, and when those do well more may, step by step; when they do not it is demoted
 * again, for twice as long. One that failed again soon after it came back waits longer as well.
 *
 * Enough of them: several different reporters, and at least a share of those who were heard of it lately. A few who say
 * so against many who do not are liars, or have a problem of their own.
 *
 * When most appliances seem to fail at once, the likelier fault is what all viewers share: their network, the way to
 * the origin, a wrong release of the player. Then nobody is demoted, because there is nowhere to go.
 */
export type Standing =
  | { readonly kind: 'trusted'; readonly holdMs: number; readonly sinceMs: number }
  | { readonly kind: 'demoted'; readonly holdMs: number; readonly untilMs: number; readonly because: string }
  | {
      readonly kind: 'probing';
      readonly holdMs: number;
      readonly share: number;
      readonly stepAtMs: number;
      readonly quietSteps: number;
      readonly because: string;
    };

export interface DemotionRules {
  /** Different reporters that it takes. */
  readonly minReporters: number;
  /** Share of those heard lately that must say so. */
  readonly failShare: number;
  readonly holdMs: number;
  readonly stepMs: number;
}

/** What is heard of one appliance, each reporter counted once by the last it said. */
export interface Votes {
  readonly failing: number;
  readonly heard: number;
  /** Why it is too slow or too faulty by what was measured of it; undefined when it is not. */
  readonly measured: string | undefined;
}

const FIRST_PROBE_SHARE = 0.02;
const PROBE_GROWTH = 4;
const MAX_HOLD_MS = 3_600_000;
/** Steps without enough voices after which it is let grow all the same: a site at night would never return. */
const QUIET_STEPS = 4;
/** Trusted for this many times its last hold, it counts as new. */
const FORGIVEN_AFTER_HOLDS = 5;
/** While probed by few, two of them are enough to say that it is still broken. */
const MIN_PROBE_FAILURES = 2;

export const newStanding = (nowMs: number): Standing => ({ kind: 'trusted', holdMs: 0, sinceMs: nowMs });

/** Whether enough is said against it. */
export function isFailing({ failing, heard, measured }: Votes, rules: DemotionRules): boolean {
  return measured !== undefined || (failing >= rules.minReporters && failing >= heard * rules.failShare);
}

/**
 * Whether to doubt the reports rather than the appliances.
 * @param failing appliances that are said to fail, or are demoted for that
 * @param heard those of which enough is heard to tell
 */
export const doubtsReports = (failing: number, heard: number, doubtShare: number): boolean =>
  failing >= 2 && failing > heard * doubtShare;

/** The next standing; the same object when nothing changes. A new probing step begins to count votes anew. */
export function nextStanding(
  standing: Standing,
  votes: Votes,
  context: { readonly nowMs: number; readonly doubting: boolean; readonly rules: DemotionRules },
): Standing {
  const { nowMs, doubting, rules } = context;
  switch (standing.kind) {
    case 'trusted': {
      if (isFailing(votes, rules) && !doubting) return demoted(standing.holdMs, votes, context);
      const isForgiven = standing.holdMs > 0 && nowMs - standing.sinceMs >= standing.holdMs * FORGIVEN_AFTER_HOLDS;
      return isForgiven ? newStanding(nowMs) : standing;
    }
    case 'demoted':
      return nowMs < standing.untilMs ? standing : probing(standing, FIRST_PROBE_SHARE, nowMs + rules.stepMs);
    case 'probing':
      return nextOfProbing(standing, votes, context);
  }
}

function nextOfProbing(
  standing: Standing & { readonly kind: 'probing' },
  votes: Votes,
  context: { readonly nowMs: number; readonly doubting: boolean; readonly rules: DemotionRules },
): Standing {
  const { nowMs, doubting, rules } = context;
  const { failing, heard, measured } = votes;
  const isBad = measured !== undefined || (failing >= MIN_PROBE_FAILURES && failing >= heard * rules.failShare);
  if (isBad) return doubting ? standing : demoted(standing.holdMs, votes, context);
  if (nowMs < standing.stepAtMs) return standing;
  const isProven = heard >= rules.minReporters;
  if (!isProven && standing.quietSteps < QUIET_STEPS - 1) {
    return { ...standing, quietSteps: standing.quietSteps + 1, stepAtMs: nowMs + rules.stepMs };
  }
  const share = standing.share * PROBE_GROWTH;
  if (share >= 1) return { kind: 'trusted', holdMs: standing.holdMs, sinceMs: nowMs };
  return probing(standing, share, nowMs + rules.stepMs);
}

function probing(
  { holdMs, because }: { readonly holdMs: number; readonly because: string },
  share: number,
  stepAtMs: number,
): Standing {
  return { kind: 'probing', holdMs, share, stepAtMs, quietSteps: 0, because };
}

function demoted(
  lastHoldMs: number,
  { failing, heard, measured }: Votes,
  { nowMs, rules }: { readonly nowMs: number; readonly rules: DemotionRules },
): Standing {
  const holdMs = Math.min(MAX_HOLD_MS, Math.max(rules.holdMs, lastHoldMs * 2));
  const because = measured ?? `${failing} of ${heard} viewers heard lately report that it fails`;
  return { kind: 'demoted', holdMs, untilMs: nowMs + holdMs, because };
}
