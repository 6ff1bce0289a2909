import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, base64Schema, baseUrlSchema, epochMsSchema, siteIdSchema } from './ids.ts';

/**
 * `GET /v1/site-snapshot/{site}` (conditional, signed by the appliance that asks): what an appliance must know to
 * answer players' content steering for its own site while steering is away. Signed like plans, and kept on disk.
 */
export const siteSnapshotSchema = z.object({
  version: z.literal(1),
  siteId: siteIdSchema,
  issuedAtMs: epochMsSchema,
  /** After this nobody answers by it any more. */
  notAfterMs: epochMsSchema,
  /** Base of RELOAD-URI: where players ask, then as now. */
  steeringUrl: baseUrlSchema,
  ttlSec: z.number().int().min(5).max(3600),
  /** The site's appliances that players may be given, in the order of their ids. */
  appliances: z
    .array(
      z.object({
        id: applianceIdSchema,
        baseUrl: baseUrlSchema,
        /** By how much more sessions one of them is put first than another. */
        weight: z.number().positive(),
      }),
    )
    .max(256),
  keyId: z.string().min(1).max(128),
  signature: base64Schema.max(128),
});
export type SiteSnapshot = z.infer<typeof siteSnapshotSchema>;

export const parseSiteSnapshot = (body: unknown): SiteSnapshot =>
  parseContract('site snapshot', siteSnapshotSchema, body);
