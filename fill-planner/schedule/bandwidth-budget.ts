/**
 * How a site's link is shared among its appliances while they fill: everybody the same, except that who has a lower
 * limit of its own takes no more than that and the others share the rest (max-min fairness). The sum never exceeds the
 * site's budget, so the budget holds however many appliances fill at once.
 */
export interface FillRateClaim {
  readonly applianceId: string;
  /** The appliance's own limit, if it has one. */
  readonly fillBitsPerSec: number | undefined;
}

/** Bits per second for each appliance of one site. */
export function shareFillRate(siteBitsPerSec: number, claims: readonly FillRateClaim[]): Map<string, number> {
  const rates = new Map<string, number>();
  const byLimit = claims.toSorted(
    (a, b) =>
      (a.fillBitsPerSec ?? Number.POSITIVE_INFINITY) - (b.fillBitsPerSec ?? Number.POSITIVE_INFINITY) ||
      (a.applianceId < b.applianceId ? -1 : 1),
  );
  let restBitsPerSec = siteBitsPerSec;
  for (const [index, { applianceId, fillBitsPerSec }] of byLimit.entries()) {
    const fairShare = restBitsPerSec / (byLimit.length - index);
    const rate = Math.min(fairShare, fillBitsPerSec ?? Number.POSITIVE_INFINITY);
    // Whole bits: shares of thirds would round up to more than the whole.
    rates.set(applianceId, Math.max(1, Math.floor(rate)));
    restBitsPerSec -= rate;
  }
  return rates;
}
