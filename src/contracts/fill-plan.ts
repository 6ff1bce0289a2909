import { z } from 'zod';
import { parseContract } from './contract.ts';
import { BLOCK_BYTES } from './file-manifest.ts';
import {
  applianceIdSchema,
  base64Schema,
  baseUrlSchema,
  byteCountSchema,
  epochMsSchema,
  filePathSchema,
  renditionIdSchema,
  sha256HexSchema,
} from './ids.ts';

/** Where a file may be fetched from, in the order to try. */
export const fillPlanSourceSchema = z.object({
  /** peer: an appliance of the same site, not across its link; tier: one of another site; origin: the provider's store. */
  kind: z.enum(['peer', 'tier', 'origin']),
  /** The appliance's id, or `origin`. */
  id: applianceIdSchema,
  baseUrl: baseUrlSchema,
  /** Seconds after the window's start before this source may be asked: the wait of the escalation policy. */
  afterSec: z.number().int().nonnegative(),
  /**
   * Where it is given it stands for `afterSec` in the question whether the source may be asked: only when no source
   * that is named before it has got on for so long, counted from the window's start or from taking the plan at the
   * earliest. To get on is to give a block of any file, or to be seen to hold more than before. So nobody passes by a
   * peer that is only slow, and everybody passes by one that is gone.
   */
  afterSilenceSec: z.number().int().nonnegative().optional(),
});
export type FillPlanSource = z.infer<typeof fillPlanSourceSchema>;

export const fillPlanFileSchema = z.object({
  path: filePathSchema,
  sizeBytes: byteCountSchema,
  /**
   * Only the blocks that cover bytes 0 to headBytes-1 are to be held: the file's first seconds, so that it starts
   * locally. Absent: all of it. Where it equals sizeBytes, the file is the beginning of a rendition that goes on in
   * files which this plan does not name.
   */
  headBytes: byteCountSchema.min(1).optional(),
  /** Root of the file's manifest, see file-manifest. */
  root: sha256HexSchema,
  /** Index into the plan's rendition list. */
  rendition: z.number().int().nonnegative(),
  /** Lower fills first, so that a window cut short leaves the best prefix. */
  priority: z.number().int().nonnegative(),
  /** Why here: for the operator, in words. */
  reason: z.string().max(300),
  expectedBytes: z.number().nonnegative(),
  sources: z.array(fillPlanSourceSchema).min(1).max(16),
});
export type FillPlanFile = z.infer<typeof fillPlanFileSchema>;

/** How many blocks of a file the plan wants held, from its first one. */
export const plannedBlocks = ({ sizeBytes, headBytes }: Pick<FillPlanFile, 'sizeBytes' | 'headBytes'>): number =>
  Math.ceil(Math.min(sizeBytes, headBytes ?? sizeBytes) / BLOCK_BYTES);

/** What these blocks take: heads are held in whole blocks. */
export const plannedBytes = (file: Pick<FillPlanFile, 'sizeBytes' | 'headBytes'>): number =>
  Math.min(file.sizeBytes, plannedBlocks(file) * BLOCK_BYTES);

/**
 * The most bytes that the appliance may take across its site's link for the plan between two times, whatever windows
 * are open in them, counted across restarts and across plans. It needs bytes by five minutes for that, of 32 days.
 */
export const fillCapSchema = z.object({ sinceMs: epochMsSchema, untilMs: epochMsSchema, maxBytes: byteCountSchema });
export type FillCap = z.infer<typeof fillCapSchema>;

/** An interval of absolute time, computed by the planner in the site's zone, right across daylight saving. */
export const fillWindowSchema = z.object({
  startsAtMs: epochMsSchema,
  endsAtMs: epochMsSchema,
  /** What may come across the site's link: from other sites and from the origin. */
  fillBitsPerSec: z.number().positive(),
  /** What may come from peers besides. Absent: `fillBitsPerSec` is for all sources together. */
  peerBitsPerSec: z.number().positive().optional(),
  /**
   * Where the rate changes within the window, ascending: from `fromMs` on it is this one instead of `fillBitsPerSec`;
   * at 0 nothing may cross the link. Peers are not concerned.
   */
  rates: z
    .array(z.object({ fromMs: epochMsSchema, fillBitsPerSec: z.number().nonnegative() }))
    .max(512)
    .optional(),
  /** While it is open, all of them hold at once. */
  caps: z.array(fillCapSchema).max(16).optional(),
  /** Only files up to this priority may be filled in it: a window for what is urgent. Absent: all. */
  lastPriority: z.number().int().nonnegative().optional(),
});
export type FillWindow = z.infer<typeof fillWindowSchema>;

/** `GET /v1/plan/{appliance}`: everything one appliance shall hold, and when and from whom it may fetch it. Signed. */
export const fillPlanSchema = z.object({
  version: z.literal(1),
  planVersion: z.number().int().positive(),
  applianceId: applianceIdSchema,
  createdAtMs: epochMsSchema,
  /** The order of holdings: bit pair i of a heartbeat speaks of renditions[i]. */
  renditions: z.array(renditionIdSchema).max(1_000_000),
  windows: z.array(fillWindowSchema).max(64),
  files: z.array(fillPlanFileSchema).max(1_000_000),
  keyId: z.string().min(1).max(128),
  signature: base64Schema.max(128),
});
export type FillPlan = z.infer<typeof fillPlanSchema>;

/** `GET /v1/plan/{appliance}/renditions?version=N`: the list that holdings count over, for steering. */
export const planRenditionsSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  planVersion: z.number().int().positive(),
  renditions: z.array(renditionIdSchema).max(1_000_000),
});
export type PlanRenditions = z.infer<typeof planRenditionsSchema>;

export const parseFillPlan = (body: unknown): FillPlan => parseContract('fill plan', fillPlanSchema, body);
export const parsePlanRenditions = (body: unknown): PlanRenditions =>
  parseContract('plan rendition list', planRenditionsSchema, body);
