import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, byteCountSchema, epochMsSchema, filePathSchema, siteIdSchema } from './ids.ts';

/**
 * `POST /v1/demand`: what viewers asked of one appliance within one hour. Counts only: nothing in it says who asked.
 * The id makes it idempotent: a batch that is sent again after a lost answer counts once.
 */
export const demandSampleSchema = z.object({
  version: z.literal(1),
  sampleId: z.uuid(),
  applianceId: applianceIdSchema,
  siteId: siteIdSchema,
  /** Start of the hour, UTC. */
  hourStartMs: epochMsSchema.refine((ms) => ms % 3_600_000 === 0, 'must be the start of an hour'),
  entries: z
    .array(
      z.object({
        path: filePathSchema,
        requests: z.number().int().nonnegative(),
        servedBytes: byteCountSchema,
        /** Of these, bytes of answers for which the appliance first had to fetch from another machine. */
        missedBytes: byteCountSchema.optional(),
      }),
    )
    .max(10_000),
});
export type DemandSample = z.infer<typeof demandSampleSchema>;

export const parseDemandSample = (body: unknown): DemandSample =>
  parseContract('demand sample', demandSampleSchema, body);
