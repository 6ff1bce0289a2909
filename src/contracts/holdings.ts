import { z } from 'zod';
import { base64Schema } from './ids.ts';

/**
 * What an appliance holds, as two bits per rendition of its plan's list. The list itself is not repeated: both sides
 * know it by the plan's version. 10,000 renditions cost 3.4 KB per heartbeat.
 */
export const holdingsSchema = z.object({
  planVersion: z.number().int().nonnegative(),
  renditionCount: z.number().int().nonnegative().max(1_000_000),
  levels: base64Schema.max(400_000),
});
export type Holdings = z.infer<typeof holdingsSchema>;

/** How much of one rendition is held. Head means the first seconds are there, so that it starts locally. */
export const HOLDING_LEVELS = ['none', 'head', 'part', 'whole'] as const;
export type HoldingLevel = (typeof HOLDING_LEVELS)[number];

/** Packs one level per rendition of the plan's list, in its order. */
export function encodeHoldings(planVersion: number, levels: readonly HoldingLevel[]): Holdings {
  const packed = Buffer.alloc(Math.ceil(levels.length / 4));
  levels.forEach((level, index) => {
    const byte = index >> 2;
    packed[byte] = (packed[byte] ?? 0) | (HOLDING_LEVELS.indexOf(level) << ((index & 3) * 2));
  });
  return { planVersion, renditionCount: levels.length, levels: packed.toString('base64') };
}

/** The levels in the order of the plan's rendition list; what the bitset does not reach counts as 'none'. */
export function decodeHoldings(holdings: Holdings): HoldingLevel[] {
  const packed = Buffer.from(holdings.levels, 'base64');
  return Array.from({ length: holdings.renditionCount }, (_, index) => {
    const bits = ((packed[index >> 2] ?? 0) >> ((index & 3) * 2)) & 3;
    return HOLDING_LEVELS[bits] ?? 'none';
  });
}
