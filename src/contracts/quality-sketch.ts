import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, epochMsSchema } from './ids.ts';

/**
 * `POST /v1/quality`, every few seconds: what an appliance measured of its own answers since the sketch before, by
 * neighbourhood of the viewers. Counts only: no session, no address, and no neighbourhood with fewer viewers than would
 * hide one among them; those are added up in `rest`. A sketch that is lost is not sent again: it is about now.
 */
export const THROUGHPUT_BUCKETS = 28;
const LOWEST_BITS_PER_SEC = 64_000;
const BUCKETS_PER_OCTAVE = 2;

/**
 * Rates in steps of half an octave: bucket 0 ends at 90 kbit/s, the last holds all above 740 Mbit/s. Neither end says
 * anything of a film: one stalls in any case, the other never.
 */
export function throughputBucket(bitsPerSec: number): number {
  const bucket = Math.floor(BUCKETS_PER_OCTAVE * Math.log2(bitsPerSec / LOWEST_BITS_PER_SEC));
  return Math.min(THROUGHPUT_BUCKETS - 1, Math.max(0, bucket));
}

const count = z.number().int().nonnegative();

const measuresSchema = z.object({
  /** Answers to viewers, of whatever status. */
  requests: count,
  /** Those that came with a player's report (CMCD), the only ones that can tell of a stall. */
  reports: count,
  /** Reports of a buffer that ran empty. */
  stalls: count,
  /** Answers of 5xx, and answers that broke off through no fault of the client. */
  errors: count,
  /** Answers that the client left, which players do when a seek or another quality makes them useless. */
  aborts: count,
  /** Answers by the rate at which the client got them; only those long enough to measure. */
  throughput: z.array(count).length(THROUGHPUT_BUCKETS),
});
export type QualityMeasures = z.infer<typeof measuresSchema>;

export const MAX_SKETCH_GROUPS = 4000;

export const qualitySketchSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  sentAtMs: epochMsSchema,
  groups: z
    .array(
      measuresSchema.extend({
        /** The neighbourhood: a /24 of IPv4, a /48 of IPv6. */
        prefix: z.string().min(3).max(49),
        /** The least number of viewers that there are, from the sender's limit on. */
        clients: count,
      }),
    )
    .max(MAX_SKETCH_GROUPS),
  rest: measuresSchema,
});
export type QualitySketch = z.infer<typeof qualitySketchSchema>;

export const parseQualitySketch = (body: unknown): QualitySketch =>
  parseContract('quality sketch', qualitySketchSchema, body);

export const noMeasures = (): QualityMeasures => ({
  requests: 0,
  reports: 0,
  stalls: 0,
  errors: 0,
  aborts: 0,
  throughput: Array.from({ length: THROUGHPUT_BUCKETS }, () => 0),
});
