/**
 * From what was measured to one of four classes: 0 as good as the best, 1 somewhat worse, 2 bad, 3 to be avoided.
 *
 * A class is a promise that the difference is real: ranking puts a lower class behind every higher one, so a class that
 * comes and goes moves thousands of viewers to and fro. Hence few and wide classes, evidence of few measurements drawn
 * towards what is known of the appliance elsewhere, and hysteresis: what was once judged worse must do better than the
 * line by a margin to be judged better again; how long it takes is settle-class's part.
 *
 * Rates are judged by their gap to the best of the same neighbourhood (see compare-group), stalls and errors by how
 * many more there are than the others would have had; the worst of the three counts.
 */
export interface Evidence {
  /** Sum of gaps in half octaves times measurements, and of the measurements. */
  readonly rateGaps: number;
  readonly rateWeight: number;
  readonly reports: number;
  readonly stalls: number;
  readonly expectedStalls: number;
  readonly requests: number;
  readonly errors: number;
  readonly expectedErrors: number;
  /** Whether enough different reporters tell of stalls and errors; one alone can make up any number of them. */
  readonly hasComplainers: boolean;
}

export type QualityClass = 0 | 1 | 2 | 3;

export interface Judgement {
  readonly qualityClass: QualityClass;
  /** In half octaves, drawn towards the parent's. */
  readonly rateGap: number;
  /** undefined for class 0. */
  readonly because: string | undefined;
}

/** Measurements that the gap of the parent (a site's, everybody's) counts like. */
const PARENT_WEIGHT = 20;
/** Half octaves below the best at which a class begins: 71, 50 and 35 % of its rate. */
const GAP_LINES = [-1, -2, -3] as const;
const GAP_MARGIN = 0.3;

/** Where a class begins: this share of all, and this many times as many as expected. */
interface RateLine {
  readonly share: number;
  readonly times: number;
}
const STALL_LINES: readonly RateLine[] = [
  { share: 0.02, times: 2 },
  { share: 0.05, times: 3 },
  { share: 0.12, times: 4 },
];
const ERROR_LINES: readonly RateLine[] = [
  { share: 0.01, times: 3 },
  { share: 0.05, times: 4 },
  { share: 0.2, times: 4 },
];
/** With fewer, a single stall would be a rate. */
const MIN_COUNT = 20;
const RATE_MARGIN = 0.8;

/**
 * @param parentGap of the same appliance where more is known of it; 0 when nothing is
 * @param before its class until now
 */
export function judgeQuality(evidence: Evidence, parentGap: number, before: QualityClass): Judgement {
  const { rateGaps, rateWeight, reports, stalls, expectedStalls, requests, errors, expectedErrors } = evidence;
  const rateGap = (rateGaps + PARENT_WEIGHT * parentGap) / (rateWeight + PARENT_WEIGHT);
  const byRate = classByGap(rateGap, before);
  const byStalls = !evidence.hasComplainers ? 0 : classByCount(stalls, reports, expectedStalls, STALL_LINES, before);
  const byErrors = !evidence.hasComplainers ? 0 : classByCount(errors, requests, expectedErrors, ERROR_LINES, before);
  const qualityClass = Math.max(byRate, byStalls, byErrors) as QualityClass;
  if (qualityClass === 0) return { qualityClass, rateGap, because: undefined };
  const because =
    byErrors === qualityClass
      ? `${percent(errors / requests)} of the requests fail, ${times(errors, expectedErrors)} as many as at others`
      : byStalls === qualityClass
        ? `${percent(stalls / reports)} of the reports tell of a stall, ${times(stalls, expectedStalls)} as many as at others`
        : `viewers get ${percent(2 ** (rateGap / 2))} of what the best gives them`;
  return { qualityClass, rateGap, because };
}

function classByGap(gap: number, before: QualityClass): QualityClass {
  let worst = 0;
  GAP_LINES.forEach((line, index) => {
    if (gap <= (index < before ? line + GAP_MARGIN : line)) worst = index + 1;
  });
  return worst as QualityClass;
}

function classByCount(
  seen: number,
  of: number,
  expected: number,
  lines: readonly RateLine[],
  before: QualityClass,
): QualityClass {
  if (of < MIN_COUNT) return 0;
  let worst = 0;
  lines.forEach((line, index) => {
    const margin = index < before ? RATE_MARGIN : 1;
    if (seen >= of * line.share * margin && seen >= expected * line.times * margin) worst = index + 1;
  });
  return worst as QualityClass;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const times = (seen: number, expected: number): string => `${(seen / Math.max(expected, 0.1)).toFixed(1)} times`;
