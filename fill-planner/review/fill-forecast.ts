import type { FillWindow } from '../../src/contracts/fill-plan.ts';

/** What an appliance has to fetch, by whom it asks first. */
export interface FillBytes {
  readonly peer: number;
  readonly tier: number;
  readonly origin: number;
}

/**
 * When a fill is over, if every source gives as fast as the windows let it: the end of the best case. What comes from
 * peers does not cross the site's link and runs beside the rest where a window gives it a rate of its own.
 * @returns undefined when the windows that are known do not suffice; `nowMs` when there is nothing to fetch
 */
export function fillEndsAtMs(fill: FillBytes, windows: readonly FillWindow[], nowMs: number): number | undefined {
  let linkBits = 8 * (fill.tier + fill.origin);
  let peerBits = 8 * fill.peer;
  let endsAtMs = nowMs;
  for (const window of windows) {
    for (const { startsAtMs, endsAtMs: pieceEndsAtMs, fillBitsPerSec } of pieces(window)) {
      const beginsAtMs = Math.max(nowMs, startsAtMs);
      if (pieceEndsAtMs <= beginsAtMs) continue;
      const lengthSec = (pieceEndsAtMs - beginsAtMs) / 1000;
      if (window.peerBitsPerSec === undefined) {
        linkBits += peerBits;
        peerBits = 0;
      }
      const linkSec = take(linkBits, fillBitsPerSec, lengthSec);
      const peerSec = take(peerBits, window.peerBitsPerSec ?? 0, lengthSec);
      linkBits = Math.max(0, linkBits - fillBitsPerSec * lengthSec);
      peerBits = Math.max(0, peerBits - (window.peerBitsPerSec ?? 0) * lengthSec);
      if (linkSec > 0 || peerSec > 0) endsAtMs = Math.max(endsAtMs, beginsAtMs + Math.max(linkSec, peerSec) * 1000);
      if (linkBits === 0 && peerBits === 0) return Math.ceil(endsAtMs);
    }
  }
  return linkBits === 0 && peerBits === 0 ? Math.ceil(endsAtMs) : undefined;
}

/** Seconds of a piece that are spent on so many bits. */
const take = (bits: number, bitsPerSec: number, lengthSec: number): number =>
  bitsPerSec <= 0 ? 0 : Math.min(lengthSec, bits / bitsPerSec);

interface Piece {
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly fillBitsPerSec: number;
}

/** A window cut where its rate changes; a window for urgent files alone is none for a whole plan. */
export function pieces({ startsAtMs, endsAtMs, fillBitsPerSec, rates = [], lastPriority }: FillWindow): Piece[] {
  if (lastPriority !== undefined) return [];
  const steps = [{ fromMs: startsAtMs, fillBitsPerSec }, ...rates.filter(({ fromMs }) => fromMs < endsAtMs)];
  return steps.map((step, index) => ({
    startsAtMs: Math.max(startsAtMs, step.fromMs),
    endsAtMs: steps[index + 1]?.fromMs ?? endsAtMs,
    fillBitsPerSec: step.fillBitsPerSec,
  }));
}
