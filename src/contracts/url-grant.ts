import { z } from 'zod';
import { epochMsSchema } from './ids.ts';

/**
 * By what an appliance fills from peers and its tier where URLs have to be signed: a token of steering's for appliances,
 * sent in a header and never in a URL. It comes with the heartbeat's answer, anew when half its time is over, and is
 * checked with the same keys as viewers' tokens.
 */
export const urlGrantSchema = z.object({
  token: z.string().min(1).max(2048),
  notAfterMs: epochMsSchema,
});
export type UrlGrant = z.infer<typeof urlGrantSchema>;

/** The request field that carries a grant between appliances. */
export const GRANT_FIELD = 'oca-grant';
