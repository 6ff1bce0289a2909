import { z } from 'zod';
import { epochMsSchema } from './ids.ts';

/**
 * A public key that signed URLs are checked with, carried in the heartbeat's answer. Steering sends none where it signs
 * no URLs. The list is whole: a key that is not in it any more is revoked, and what it signed is refused from then on.
 */
export const tokenKeySchema = z.object({
  keyId: z.string().min(1).max(64),
  algorithm: z.literal('EdDSA'),
  /** Raw 32-byte Ed25519 public key, base64. */
  publicKey: z.string().length(44),
  notAfterMs: epochMsSchema,
  /** What tokens of this key may name as their issuer (`iss`); without it they may name none. */
  issuer: z.string().min(1).max(64).optional(),
});
export type TokenKey = z.infer<typeof tokenKeySchema>;

export const tokenKeysSchema = z.array(tokenKeySchema).max(16);
