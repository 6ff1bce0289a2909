import { type CapQuestion, shareCap } from './link-caps.ts';
import { forecastLink, SLOT_MS } from './link-forecast.ts';
import { allowedFill } from './link-percentile.ts';

/**
 * What one site's link allows, from what the operator says of it and what was measured: rates by five minutes that leave
 * its bill where it is, and caps in bytes. Months are calendar months in UTC.
 */
export interface SiteLink {
  /** What fits through it. */
  readonly capacityBitsPerSec?: number | undefined;
  /** Whether fill has to leave the billed 95th percentile where it was. */
  readonly keepsBill?: boolean | undefined;
  /** What is paid for in any case. */
  readonly committedBitsPerSec?: number | undefined;
  readonly maxBytesPerWindow?: number | undefined;
  readonly maxBytesPerMonth?: number | undefined;
}

/** From `fromMs` on all appliances of the site together may take so much across the link. */
export interface RateStep {
  readonly fromMs: number;
  readonly fillBitsPerSec: number;
}

interface Interval {
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

/** Rates are told in so many parts of the window's rate: finer steps would make plans differ that are the same. */
const PARTS = 20;

/**
 * The rates within the windows, where the bill is to be kept.
 * @param history bits per second without fill by slots of five minutes, up to the slot of now; NaN where not measured
 * @returns steps, ascending; undefined where the link sets none
 */
export function billRates(
  link: SiteLink,
  history: Float64Array,
  windows: readonly Interval[],
  fillBitsPerSec: number,
  nowMs: number,
): RateStep[] | undefined {
  const lastMs = windows.at(-1)?.endsAtMs;
  if (link.keepsBill !== true || lastMs === undefined) return undefined;
  const nowSlot = Math.floor(nowMs / SLOT_MS);
  const endSlot = Math.ceil(monthOf(lastMs).endMs / SLOT_MS);
  const forecast = forecastLink(history, endSlot - nowSlot);
  const steps: RateStep[] = [];
  for (let atMs = nowMs; atMs < lastMs; atMs = monthOf(atMs).endMs) {
    const { startMs, endMs } = monthOf(atMs);
    const [first, end] = [Math.max(nowSlot, startMs / SLOT_MS), endMs / SLOT_MS];
    const pastSlots = Math.max(0, nowSlot - startMs / SLOT_MS);
    const past = new Float64Array(pastSlots).fill(Number.NaN);
    const known = history.subarray(Math.max(0, history.length - pastSlots));
    past.set(known, pastSlots - known.length);
    const allowed = allowedFill({
      past,
      expected: forecast.expected.subarray(first - nowSlot, end - nowSlot),
      deviation: forecast.deviation.subarray(first - nowSlot, end - nowSlot),
      committedBitsPerSec: link.committedBitsPerSec ?? 0,
      capacityBitsPerSec: link.capacityBitsPerSec ?? Number.POSITIVE_INFINITY,
    });
    for (const [at, bitsPerSec] of allowed.entries()) {
      const part = Math.floor((Math.min(bitsPerSec, fillBitsPerSec) / fillBitsPerSec) * PARTS) / PARTS;
      const step = { fromMs: (first + at) * SLOT_MS, fillBitsPerSec: Math.floor(part * fillBitsPerSec) };
      if (step.fillBitsPerSec !== steps.at(-1)?.fillBitsPerSec) steps.push(step);
    }
  }
  return steps;
}

/** The steps that matter within one window, the first as it opens; `share` of each, in whole bits. */
export function stepsWithin(steps: readonly RateStep[], { startsAtMs, endsAtMs }: Interval, share: number): RateStep[] {
  const open = steps.findLast(({ fromMs }) => fromMs <= startsAtMs);
  const inside = steps.filter(({ fromMs }) => fromMs > startsAtMs && fromMs < endsAtMs);
  return [...(open === undefined ? [] : [{ ...open, fromMs: startsAtMs }]), ...inside].map(
    ({ fromMs, fillBitsPerSec }) => ({ fromMs, fillBitsPerSec: Math.floor(fillBitsPerSec * share) }),
  );
}

/** A cap in a period, as it was or is given to the appliances of a site. */
export interface GivenCap {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly applianceId: string;
  readonly maxBytes: number;
}

/**
 * What each appliance may take in each period that a cap is for: the windows, and the months that they lie in.
 * @param given caps of the cycles before, of appliances that may be gone by now
 */
export function shareCaps(
  link: SiteLink,
  windows: readonly Interval[],
  appliances: readonly { readonly id: string; readonly linkBytes: number }[],
  given: readonly GivenCap[],
  nowMs: number,
): GivenCap[] {
  return periodsOf(link, windows).flatMap(({ maxBytes, sinceMs, untilMs }) => {
    const before = new Map(
      given
        .filter((cap) => cap.sinceMs === sinceMs && cap.untilMs === untilMs)
        .map((cap) => [cap.applianceId, cap.maxBytes] as const),
    );
    const here = new Set(appliances.map(({ id }) => id));
    let lostBytes = 0;
    for (const [id, bytes] of before) if (!here.has(id)) lostBytes += bytes;
    const question: CapQuestion = {
      maxBytes,
      sinceMs,
      untilMs,
      nowMs,
      lackingBytes: appliances.map(({ linkBytes }) => linkBytes),
      givenBytes: appliances.map(({ id }) => before.get(id) ?? 0),
      lostBytes,
    };
    return shareCap(question).map((bytes, at) => ({
      sinceMs,
      untilMs,
      applianceId: appliances[at]?.id ?? '',
      maxBytes: bytes,
    }));
  });
}

function periodsOf(
  { maxBytesPerWindow, maxBytesPerMonth }: SiteLink,
  windows: readonly Interval[],
): { readonly maxBytes: number; readonly sinceMs: number; readonly untilMs: number }[] {
  const ofWindows =
    maxBytesPerWindow === undefined
      ? []
      : windows.map(({ startsAtMs, endsAtMs }) => ({
          maxBytes: maxBytesPerWindow,
          sinceMs: startsAtMs,
          untilMs: endsAtMs,
        }));
  if (maxBytesPerMonth === undefined) return ofWindows;
  const months = new Map(
    windows
      .flatMap(({ startsAtMs, endsAtMs }) => [monthOf(startsAtMs), monthOf(endsAtMs - 1)])
      .map((month) => [month.startMs, month] as const),
  );
  return [
    ...ofWindows,
    ...[...months.values()].map(({ startMs, endMs }) => ({
      maxBytes: maxBytesPerMonth,
      sinceMs: startMs,
      untilMs: endMs,
    })),
  ];
}

function monthOf(ms: number): { readonly startMs: number; readonly endMs: number } {
  const date = new Date(ms);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
}
