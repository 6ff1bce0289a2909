import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, base64Schema, byteCountSchema, epochMsSchema } from './ids.ts';

/** A trigger's name, for good: it is never used again. */
const triggerIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,127}$/, 'must be 1 to 128 of a-z 0-9 . _ - and begin with a letter or digit');

/** A normalised request target: path, with its query if it has one. */
const targetSchema = z
  .string()
  .max(2048)
  .regex(/^\/[\x21-\x7e]*$/, 'must be an absolute URL path in ASCII');

/** RFC 8006 section 4.1.5: `*` any number of characters, `?` one, `$` before either or itself takes it literally. */
export const urlPatternSchema = z.object({
  /** From the first slash of the path on: scheme and host do not tell content apart here. */
  pattern: targetSchema,
  caseSensitive: z.boolean(),
  matchQueryString: z.boolean(),
});
export type UrlPattern = z.infer<typeof urlPatternSchema>;

/** The words of RFC 8007 section 5.2.2. */
export const triggerTypeSchema = z.enum(['preposition', 'invalidate', 'purge']);
export type TriggerType = z.infer<typeof triggerTypeSchema>;

/** What one appliance shall do. All that is named belongs to it: paths, what patterns mean, what tags are on. */
export const applianceTriggerSchema = z.object({
  triggerId: triggerIdSchema,
  type: triggerTypeSchema,
  createdAtMs: epochMsSchema,
  paths: z.array(targetSchema).max(200_000),
  patterns: z.array(urlPatternSchema).max(100),
  /** Tags of the origin's answers (Cache-Tag, Surrogate-Key, xkey). */
  tags: z.array(z.string().min(1).max(128)).max(100),
});
export type ApplianceTrigger = z.infer<typeof applianceTriggerSchema>;

/**
 * `GET /v1/triggers/{appliance}` (conditional): what this appliance has not done yet, oldest first. Signed. What is not
 * listed any more is done, cancelled or too old: it is let go.
 */
export const triggerListSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  createdAtMs: epochMsSchema,
  triggers: z.array(applianceTriggerSchema).max(256),
  keyId: z.string().min(1).max(128),
  signature: base64Schema.max(128),
});
export type TriggerList = z.infer<typeof triggerListSchema>;

/** `POST /v1/trigger-report`: how far an appliance is. Sent again until it is answered; a final state stays. */
export const triggerReportSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  reportedAtMs: epochMsSchema,
  results: z
    .array(
      z.object({
        triggerId: triggerIdSchema,
        /** active: begun, and not at its end. complete, failed: final. */
        state: z.enum(['active', 'complete', 'failed']),
        /** Purge, invalidate: what was removed. Preposition: what is held of what was asked for. */
        objectCount: z.number().int().nonnegative(),
        bytes: byteCountSchema,
        /** For people: why it failed, what it waits for. */
        detail: z.string().max(300),
      }),
    )
    .max(256),
});
export type TriggerReport = z.infer<typeof triggerReportSchema>;
export type TriggerResult = TriggerReport['results'][number];

export const parseTriggerList = (body: unknown): TriggerList => parseContract('trigger list', triggerListSchema, body);
export const parseTriggerReport = (body: unknown): TriggerReport =>
  parseContract('trigger report', triggerReportSchema, body);
