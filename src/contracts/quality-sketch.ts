import { z } from 'zod';
import { applianceIdSchema, epochMsSchema } from './ids.ts';

/** What players' CMCD reports say of one appliance (or the origin) since `sinceMs`: sums only, no session, no address. */
export const qualitySketchSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  sinceMs: epochMsSchema,
  records: z.number().int().nonnegative(),
  stalledRecords: z.number().int().nonnegative(),
  errorRecords: z.number().int().nonnegative(),
  throughputKbitPerSec: z.object({ count: z.number().int().nonnegative(), sum: z.number().nonnegative() }),
});
export type QualitySketch = z.infer<typeof qualitySketchSchema>;
