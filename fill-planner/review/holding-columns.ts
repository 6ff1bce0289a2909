import { HELD } from '../hold/held.ts';
import type { RenditionFacts } from '../plan/plan-facts.ts';

/** What one appliance holds by some plan: entry e is a rendition of the facts, or its head. A draft is one, and so is what was held before. */
export interface HoldingColumns {
  readonly rendition: Uint32Array;
  readonly isHead: Uint8Array;
}

/** By rendition, the most that any of these appliances holds: a value of `HELD`. */
export function heldByAny(holdings: readonly HoldingColumns[], count: number): Uint8Array {
  const held = new Uint8Array(count);
  for (const { rendition, isHead } of holdings) {
    for (let entry = 0; entry < rendition.length; entry += 1) {
      const index = rendition[entry] ?? 0;
      const part = isHead[entry] === 1 ? HELD.head : HELD.whole;
      if (part > (held[index] ?? 0)) held[index] = part;
    }
  }
  return held;
}

/** Bytes of a part of a rendition; nothing for one that the facts do not know. */
export function bytesOfPart(facts: readonly RenditionFacts[], index: number, part: number): number {
  const fact = facts[index];
  if (fact === undefined || part === HELD.nothing) return 0;
  return part === HELD.whole ? fact.sizeBytes : Math.min(fact.headBytes, fact.sizeBytes);
}

/** Of what is asked of a rendition, the share that a part of it answers, 0 to 1. */
export function servedShare(facts: readonly RenditionFacts[], index: number, part: number): number {
  if (part === HELD.whole) return 1;
  return bytesOfPart(facts, index, part) / Math.max(1, facts[index]?.sizeBytes ?? 0);
}
