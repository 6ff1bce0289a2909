import { z } from 'zod';
import { parseContract } from './contract.ts';
import { holdingsSchema } from './holdings.ts';
import { applianceIdSchema, baseUrlSchema, clusterIdSchema, epochMsSchema, siteIdSchema } from './ids.ts';
import { tokenKeysSchema } from './token-keys.ts';
import { urlGrantSchema } from './url-grant.ts';

/** Serving states in the words of the operator's portal; only `serving` takes new sessions. */
export const servingStateSchema = z.enum(['starting', 'serving', 'draining', 'drained']);
export type ServingState = z.infer<typeof servingStateSchema>;

/** A petabit: beyond what any appliance has, and small enough that sums of ten thousand of them are numbers. */
const MAX_BITS_PER_SEC = 1e15;

/** `POST /v1/heartbeat`, every few seconds. Everything steering knows of an appliance comes from here. */
export const heartbeatSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  siteId: siteIdSchema,
  clusterId: clusterIdSchema,
  /** Changes with every start of the process, so that steering can tell a restart from a pause. */
  instanceId: z.string().min(8).max(64),
  /** Counts up within an instance; steering drops what arrives out of order. */
  sequence: z.number().int().nonnegative(),
  sentAtMs: epochMsSchema,
  softwareVersion: z.string().max(64),
  /** What players are given; file paths are appended. */
  publicUrl: baseUrlSchema,
  state: servingStateSchema,
  health: z.object({
    healthy: z.boolean(),
    /** Why not, in words for the operator; empty when healthy. */
    reasons: z.array(z.string().max(200)).max(16),
  }),
  load: z.object({
    egressBitsPerSec: z.number().nonnegative().max(MAX_BITS_PER_SEC),
    activeRequests: z.number().int().nonnegative(),
    /** Share of one core that the service used, 1 = one core fully. */
    cpuShare: z.number().nonnegative().max(4096),
  }),
  /** RFC 9808's soft and hard limits: above soft an appliance is ranked lower, at hard it is full. */
  capacity: z.object({
    softEgressBitsPerSec: z.number().min(1).max(MAX_BITS_PER_SEC),
    hardEgressBitsPerSec: z.number().min(1).max(MAX_BITS_PER_SEC),
    maxActiveRequests: z.number().int().positive(),
  }),
  /** Absent until the appliance has a plan. */
  holdings: holdingsSchema.optional(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** The answer: how long steering counts on this appliance without hearing again, and the keys for signed URLs. */
export const heartbeatAnswerSchema = z.object({
  version: z.literal(1),
  leaseMs: z.number().int().positive(),
  tokenKeys: tokenKeysSchema,
  /** By what this appliance may fill from others where URLs have to be signed. */
  grant: urlGrantSchema.optional(),
  /** Steering's clock, so that an appliance learns when its own is wrong: tokens end at a time of day. */
  answeredAtMs: epochMsSchema.optional(),
});
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswerSchema>;

export const parseHeartbeat = (body: unknown): Heartbeat => parseContract('heartbeat', heartbeatSchema, body);
export const parseHeartbeatAnswer = (body: unknown): HeartbeatAnswer =>
  parseContract('heartbeat answer', heartbeatAnswerSchema, body);
