/**
 * What counts say of a level that one already had an opinion of.
 *
 * Bytes come in sessions, so few bytes are an accident and many are a fact. With sessions of a known size arriving at
 * random and an opinion whose relative variance is known (a gamma distribution), the best estimate is
 *
 *   factor = (1 / variance + sessions seen) / (1 / variance + sessions expected)
 *
 * which stays with the opinion while little is expected, and follows the counts when much is.
 */
export interface Opinion {
  /** Bytes that were to be seen if the opinion were right. */
  readonly expectedBytes: number;
  /** Relative variance of the opinion: 1 means it is off by as much as itself. Above 0. */
  readonly variance: number;
  /** Bytes that arrive together. Above 0. */
  readonly sessionBytes: number;
}

/** What the opinion is to be multiplied with. */
export function learnedFactor({ expectedBytes, variance, sessionBytes }: Opinion, seenBytes: number): number {
  const weight = sessionBytes / variance;
  return (weight + seenBytes) / (weight + expectedBytes);
}

/** Relative variance that remains of the opinion. */
export function remainingVariance({ expectedBytes, variance, sessionBytes }: Opinion): number {
  return (variance * sessionBytes) / (sessionBytes + variance * expectedBytes);
}
