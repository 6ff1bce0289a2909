import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema } from './ids.ts';

export const serviceRoleSchema = z.enum(['appliance', 'fill-planner', 'steering']);
export type ServiceRole = z.infer<typeof serviceRoleSchema>;

/** Raw 32-byte Ed25519 public key, base64. */
export const publicKeySchema = z.string().length(44);

/** `POST /v1/enrol`: registers the sender's public key against a one-time token that the operator minted. */
export const enrolmentSchema = z.object({
  version: z.literal(1),
  id: applianceIdSchema,
  role: serviceRoleSchema,
  publicKey: publicKeySchema,
  token: z.string().min(16).max(128),
});
export type Enrolment = z.infer<typeof enrolmentSchema>;

/** The answer: the receiver's own key, which the sender pins for checking plans and manifests. */
export const enrolmentAnswerSchema = z.object({
  version: z.literal(1),
  id: applianceIdSchema,
  keyId: z.string().min(1).max(128),
  publicKey: publicKeySchema,
});
export type EnrolmentAnswer = z.infer<typeof enrolmentAnswerSchema>;

export const parseEnrolment = (body: unknown): Enrolment => parseContract('enrolment', enrolmentSchema, body);
export const parseEnrolmentAnswer = (body: unknown): EnrolmentAnswer =>
  parseContract('enrolment answer', enrolmentAnswerSchema, body);
