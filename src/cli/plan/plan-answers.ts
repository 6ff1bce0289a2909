import { z } from 'zod';
import { fillPlanSourceSchema } from '../../contracts/fill-plan.ts';

/** What the planner's admin listener answers to questions about plans, as far as the tools show it. */
const diffRowSchema = z.object({
  rendition: z.string(),
  titleId: z.string(),
  part: z.enum(['whole', 'head', 'rest']),
  sizeBytes: z.number(),
  expectedBytes: z.number(),
});
export const diffsSchema = z.object({
  diffs: z.array(
    z.object({
      applianceId: z.string(),
      fromVersion: z.number(),
      toVersion: z.number(),
      leftCatalogue: z.array(z.string()),
      comes: z.array(diffRowSchema),
      goes: z.array(diffRowSchema),
      comesBytes: z.number(),
      goesBytes: z.number(),
      staysBytes: z.number(),
      staysCount: z.number(),
      servedBeforeBytes: z.number(),
      servedAfterBytes: z.number(),
    }),
  ),
});
export type PlanDiffs = z.infer<typeof diffsSchema>;

const decisionSchema = z.object({ kind: z.enum(['publish', 'keep']), because: z.string() });

export const explanationSchema = z.object({
  subject: z.object({ kind: z.enum(['file', 'rendition', 'title']), name: z.string() }),
  nowMs: z.number(),
  renditions: z.array(
    z.object({
      renditionId: z.string(),
      titleId: z.string(),
      sizeBytes: z.number(),
      headBytes: z.number(),
      bitsPerSec: z.number(),
      durationSec: z.number(),
      clusters: z.array(
        z.object({
          clusterId: z.string(),
          siteId: z.string(),
          region: z.string(),
          part: z.enum(['whole', 'head', 'nothing']),
          expectedBytes: z.number(),
          peakBitsPerSec: z.number(),
          rank: z.number().optional(),
          itemCount: z.number(),
          why: z.string(),
          copies: z.array(
            z.object({
              applianceId: z.string(),
              planVersion: z.number(),
              isMaster: z.boolean(),
              expectedBytes: z.number(),
              sources: z.array(fillPlanSourceSchema),
              place: z.number(),
              placeCount: z.number(),
              state: z.enum(['there', 'on-its-way', 'blocked', 'not-reported']),
              expectedAtMs: z.number().optional(),
            }),
          ),
        }),
      ),
    }),
  ),
  published: z.record(z.string(), decisionSchema),
  furtherClusters: z.number(),
});
export type Explanation = z.infer<typeof explanationSchema>;

const fillBytesSchema = z.object({ peer: z.number(), tier: z.number(), origin: z.number() });
const figuresSchema = z.object({
  clusterId: z.string(),
  demandBytes: z.number(),
  servedBytes: z.number(),
  heldBeforeBytes: z.number(),
  droppedBytes: z.number(),
  fillBytes: fillBytesSchema,
  endsAtMs: z.number().optional(),
  writesPerByte: z.number(),
  broken: z.array(z.string()),
});
export type SimulatedFigures = z.infer<typeof figuresSchema>;

export const simulationSchema = z.object({
  nowMs: z.number(),
  before: z.array(figuresSchema),
  after: z.array(figuresSchema),
  held: z.record(z.string(), z.array(z.string())),
});
export type Simulation = z.infer<typeof simulationSchema>;

export const rolloutSchema = z.object({
  release: z
    .object({ number: z.number(), openedAtMs: z.number(), stage: z.string(), stageSinceMs: z.number() })
    .optional(),
  heldUntil: z.object({ untilMs: z.number(), because: z.string() }).optional(),
  isOnTrial: z.boolean(),
  goodSinceMs: z.number(),
  judgedUntilMs: z.number(),
  hoursJudged: z.number(),
  evidence: z.number(),
  proof: z.number(),
  clusters: z.record(z.string(), decisionSchema),
  lastDay: z.array(
    z.object({
      clusterId: z.string(),
      servedBytes: z.number(),
      missedBytes: z.number(),
      lostBytes: z.number(),
      wonBytes: z.number(),
    }),
  ),
  events: z.array(z.object({ atMs: z.number(), kind: z.string(), says: z.string() })),
});
export type Rollout = z.infer<typeof rolloutSchema>;
