import { z } from 'zod';
import { epochMsSchema } from './ids.ts';

/**
 * A public key that appliances check signed URLs with, carried in the heartbeat's answer. Steering sends none until
 * it signs URLs; an appliance that has none serves without tokens.
 */
export const tokenKeySchema = z.object({
  keyId: z.string().min(1).max(64),
  algorithm: z.literal('EdDSA'),
  /** Raw 32-byte Ed25519 public key, base64. */
  publicKey: z.string().length(44),
  notAfterMs: epochMsSchema,
});
