/**
 * How a cap in bytes on a site's link is shared among its appliances.
 *
 * Nobody on the spot counts for all of them, so each gets a part of its own, and the parts together are never more than
 * the cap. The difficulty is a change: a part that was given away may already be used, by an appliance that has not
 * reported yet. So parts only grow while the period lasts. What is not given yet is given in proportion to what each
 * still lacks, and for a month not at once: as much as an even use of the nights that are left allows, so that the
 * appliance that comes last finds something, too.
 *
 * Limits: what an appliance was given and does not need stays with it until the period ends.
 */
export interface CapQuestion {
  readonly maxBytes: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly nowMs: number;
  /** By appliance of the site: what it still has to take across the link. */
  readonly lackingBytes: readonly number[];
  /** By appliance: what it was given before in this period. */
  readonly givenBytes: readonly number[];
  /** Given before to appliances that are not there any more. */
  readonly lostBytes: number;
}

const DAY_MS = 86_400_000;

/** What each appliance may take in the whole period: at least what it was given before. Whole bytes. */
export function shareCap(question: CapQuestion): number[] {
  const { maxBytes, lackingBytes, givenBytes, lostBytes } = question;
  const given = givenBytes.reduce((sum, bytes) => sum + bytes, lostBytes);
  const left = Math.max(0, Math.min(maxBytes - given, allowedByNow(question) - given));
  const lacking = lackingBytes.map((bytes, at) => ({ at, bytes: Math.max(0, bytes) }));
  const wanted = lacking.reduce((sum, { bytes }) => sum + bytes, 0);
  const part = wanted === 0 ? 0 : Math.min(1, left / wanted);
  return lacking.map(({ at, bytes }) => (givenBytes[at] ?? 0) + Math.floor(bytes * part));
}

/** Of a long period: what may be used by the end of the coming day, if every day uses the same. */
function allowedByNow({ maxBytes, sinceMs, untilMs, nowMs }: CapQuestion): number {
  const lengthMs = untilMs - sinceMs;
  if (lengthMs <= 2 * DAY_MS) return maxBytes;
  return maxBytes * Math.min(1, Math.max(0, nowMs + DAY_MS - sinceMs) / lengthMs);
}
