import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, baseUrlSchema, epochMsSchema, siteIdSchema, titleIdSchema } from './ids.ts';

const rankedPlaceSchema = z.object({
  place: z.number().int().positive(),
  id: applianceIdSchema,
  kind: z.enum(['appliance', 'origin']),
  baseUrl: baseUrlSchema,
  /** Where URLs are signed: what stands here in place of `baseUrl` and the answer's `pathPrefix`; ends with a slash. */
  urlPrefix: z.string().max(4096).optional(),
  siteId: siteIdSchema.optional(),
  /** Why at this place, for the operator and the player's console. */
  reasons: z.array(z.string().max(200)).max(16),
});
export type RankedPlace = z.infer<typeof rankedPlaceSchema>;

const dataVersionSchema = z.string().max(64).optional();
const dataVersionsSchema = z.object({
  catalogue: dataVersionSchema,
  routes: dataVersionSchema,
  sites: dataVersionSchema,
  shares: dataVersionSchema,
  quality: dataVersionSchema,
});

/** `GET /v1/steer?title=...`: the ranked places of one decision, each with its reasons; the last is always the origin. */
export const steeringAnswerSchema = z.object({
  version: z.literal(1),
  /** Names the decision in the operator's log. */
  decisionId: z.string().min(1).max(64).optional(),
  sessionId: z.string().min(1).max(64),
  title: titleIdSchema,
  decidedAtMs: epochMsSchema,
  ttlSec: z.number().int().positive(),
  client: z.object({
    /** The matched prefix, never the address. */
    prefix: z.string().max(49).optional(),
    siteId: siteIdSchema.optional(),
    evidence: z.enum(['route', 'asn', 'country', 'default']),
  }),
  /** Where URLs are signed: the folder of the title's files. A file's URL is `urlPrefix` and its path behind this. */
  pathPrefix: z.string().max(1024).optional(),
  ranked: z.array(rankedPlaceSchema).min(1).max(8),
  excluded: z.array(z.object({ id: applianceIdSchema, reason: z.string().max(200) })).max(1000),
  /** Which states of the data it was decided by; two answers with the same are made from the same. */
  versions: dataVersionsSchema.optional(),
  /** Set when the answer is the static fallback, with what was missing. */
  degraded: z.string().max(200).optional(),
});
export type SteeringAnswer = z.infer<typeof steeringAnswerSchema>;

/** A pathway that the manifest did not declare: a declared one on another host, and never anything else. */
const pathwayCloneSchema = z.object({
  'BASE-ID': applianceIdSchema,
  ID: applianceIdSchema,
  'URI-REPLACEMENT': z.object({ HOST: z.string().min(1).max(253), PARAMS: z.object({}) }),
});
export type PathwayClone = z.infer<typeof pathwayCloneSchema>;

/** HLS and DASH Content Steering, application/vnd.apple.steering-list: the one body all players take. */
export const contentSteeringSchema = z.object({
  VERSION: z.literal(1),
  TTL: z.number().int().min(5).max(3600),
  'RELOAD-URI': z.url(),
  'PATHWAY-PRIORITY': z.array(applianceIdSchema).min(2).max(8),
  /** Left out when there is none: strict readers refuse an empty list. */
  'PATHWAY-CLONES': z.array(pathwayCloneSchema).min(1).max(7).optional(),
});
export type ContentSteering = z.infer<typeof contentSteeringSchema>;

export const parseSteeringAnswer = (body: unknown): SteeringAnswer =>
  parseContract('steering answer', steeringAnswerSchema, body);
export const parseContentSteering = (body: unknown): ContentSteering =>
  parseContract('content steering answer', contentSteeringSchema, body);
