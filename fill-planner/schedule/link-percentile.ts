/**
 * How much may cross a link in each five minutes so that its bill stays what it was.
 *
 * Transit is billed by the 95th percentile: of the month's rates over five minutes the highest twentieth is dropped,
 * and the highest that is left is the bill. Filling in the valley costs nothing, as long as no slot of the valley rises
 * above that level. The obvious rule, "fill at night", does not say how high: a link whose evenings are at 8 Gbit/s has
 * room for 6 at four in the morning, one that is busy with backups at four has none.
 *
 * Idea: a level L that the month's percentile without fill will reach in any case. Where the link's own use is below L,
 * fill takes the difference; where it is above, nothing. Then a slot is above L only where it would have been without
 * fill, so no more slots are above L than before; since L is not above the old percentile, neither is the new one.
 *
 * What is sure of L while the month is young is little, so it is the highest of three:
 *
 *   sure       the percentile of the slots that are past, as if nothing came any more
 *   expected   the percentile of past and forecast slots, each forecast at its low end
 *   paid       what the operator has committed to pay for in any case
 *
 * and the own use of coming slots is taken at its high end. Both ends are `DEVIATIONS` away, for all slots at once,
 * because a slow month is slow on all days.
 *
 * Limits: where the use of the rest of the month stays below even the low end of its forecast, the percentile without
 * fill would have been lower than L, and fill can have cost what lies between. The free twentieth is left to the
 * viewers: its slots are the evenings.
 */
export interface LinkMonth {
  /** Bits per second of the link without fill in the slots of the month that are over; NaN where nobody measured. */
  readonly past: Float64Array;
  /** What is expected of the slots from now to the month's end, without fill. */
  readonly expected: Float64Array;
  /** One standard deviation of each expectation. */
  readonly deviation: Float64Array;
  /** What is paid for in any case; 0 for nothing. */
  readonly committedBitsPerSec: number;
  /** What fits through the link. */
  readonly capacityBitsPerSec: number;
}

const DEVIATIONS = 3;
const FREE_SHARE = 0.05;

/** Bits per second that fill may add in each slot from now to the month's end. */
export function allowedFill(month: LinkMonth): Float64Array {
  const { expected, deviation, capacityBitsPerSec } = month;
  const levelBitsPerSec = billedLevel(month);
  return expected.map((own, slot) => {
    const highBitsPerSec = own + DEVIATIONS * (deviation[slot] ?? 0);
    return Math.max(0, Math.min(levelBitsPerSec, capacityBitsPerSec) - highBitsPerSec);
  });
}

/** The level that the bill reaches without fill, with care. */
export function billedLevel({ past, expected, deviation, committedBitsPerSec }: LinkMonth): number {
  const known = past.map((use) => (Number.isNaN(use) ? 0 : use));
  // Where nothing at all is known the expectation is without end: for the level that counts as nothing.
  const low = expected.map((own, slot) =>
    Number.isFinite(own) ? Math.max(0, own - DEVIATIONS * (deviation[slot] ?? 0)) : 0,
  );
  const whole = new Float64Array(known.length + low.length);
  whole.set(known);
  const sure = billedRate(whole);
  whole.set(low, known.length);
  return Math.max(sure, billedRate(whole), committedBitsPerSec);
}

/** The rate that a month of slots is billed by: the highest after the highest twentieth is dropped. 0 for no slots. */
export function billedRate(slots: Float64Array): number {
  const sorted = slots.toSorted();
  return sorted[slots.length - 1 - Math.floor(slots.length * FREE_SHARE)] ?? 0;
}
