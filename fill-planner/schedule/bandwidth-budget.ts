/**
 * How a site's link is shared among its appliances while they fill, so that all of them end together.
 *
 * Equal shares waste the link: an appliance that fetches little for the site is done early, and nobody else may use
 * what it leaves, because there is nobody on the spot who could allow it. So shares are in proportion to what each has
 * to take across the link. Who has a lower limit of its own takes no more than that, and the others share the rest
 * (weighted max-min fairness). Everybody keeps a twentieth of an equal share at least, for what it may have to fetch in
 * the place of somebody who is gone.
 *
 * The sum never exceeds the site's budget, so the budget holds however many appliances fill at once.
 */
export interface FillRateClaim {
  readonly applianceId: string;
  /** The appliance's own limit, if it has one. */
  readonly fillBitsPerSec: number | undefined;
  /** What it has to take across the link; equal parts where nobody says. */
  readonly linkBytes?: number | undefined;
}

const SMALLEST_PART = 0.05;

/** Bits per second for each appliance of one site. */
export function shareFillRate(siteBitsPerSec: number, claims: readonly FillRateClaim[]): Map<string, number> {
  const rates = new Map<string, number>();
  const totalBytes = claims.reduce((sum, { linkBytes }) => sum + (linkBytes ?? 0), 0);
  const byLimit = claims
    .map(({ applianceId, fillBitsPerSec, linkBytes }) => ({
      applianceId,
      limit: fillBitsPerSec ?? Number.POSITIVE_INFINITY,
      // In equal shares, so that one is the usual part.
      weight: totalBytes === 0 ? 1 : Math.max(SMALLEST_PART, ((linkBytes ?? 0) / totalBytes) * claims.length),
    }))
    .sort((a, b) => a.limit / a.weight - b.limit / b.weight || (a.applianceId < b.applianceId ? -1 : 1));
  let restBitsPerSec = siteBitsPerSec;
  let restWeight = byLimit.reduce((sum, { weight }) => sum + weight, 0);
  for (const { applianceId, limit, weight } of byLimit) {
    const rate = Math.min(limit, (restBitsPerSec * weight) / restWeight);
    // Whole bits: shares of thirds would round up to more than the whole.
    rates.set(applianceId, Math.max(1, Math.floor(rate)));
    restBitsPerSec -= rate;
    restWeight -= weight;
  }
  return rates;
}
