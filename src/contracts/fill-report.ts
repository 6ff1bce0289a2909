import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, byteCountSchema, epochMsSchema, filePathSchema } from './ids.ts';

/** Space, and what viewers asked of it. */
const earningSchema = z.object({ spaceBytes: byteCountSchema, servedBytes: byteCountSchema });

/** `POST /v1/fill-report`: how far an appliance is with its plan. Sent on change and at least once a minute while filling. */
export const fillReportSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  planVersion: z.number().int().positive(),
  reportedAtMs: epochMsSchema,
  /**
   * waiting: outside the window, or paused by the operator; filling; complete; blocked: files are missing and no source
   * gives them.
   */
  state: z.enum(['waiting', 'filling', 'complete', 'blocked']),
  fileCount: z.number().int().nonnegative(),
  heldFileCount: z.number().int().nonnegative(),
  planBytes: byteCountSchema,
  heldBytes: byteCountSchema,
  /** Bytes fetched for this plan so far, by kind of source. */
  filledBytes: z.object({ peer: byteCountSchema, tier: byteCountSchema, origin: byteCountSchema }),
  /** The files that failed last, newest first, with the code of the failure. */
  failures: z.array(z.object({ path: filePathSchema, code: z.string().max(64), detail: z.string().max(300) })).max(32),
  /** Sources that gave wrong bytes and are not asked until a time; the planner should name others. */
  bannedSources: z
    .array(
      z.object({
        id: applianceIdSchema,
        untilMs: epochMsSchema,
        /** Times that it was banned; each ban is longer than the one before. */
        bans: z.number().int().positive(),
      }),
    )
    .max(64)
    .optional(),
  /**
   * What crossed the site's link for this appliance, by five minutes, the last ones first or last, each as often as it
   * takes to arrive: the planner keeps the highest figures of a slot.
   */
  linkUse: z
    .array(
      z.object({
        slotStartMs: epochMsSchema.refine((ms) => ms % 300_000 === 0, 'must be the start of five minutes'),
        /** For the plan, from other sites and the origin. */
        fillBytes: byteCountSchema,
        /** For viewers who waited, from the same. */
        missBytes: byteCountSchema,
      }),
    )
    .max(300)
    .optional(),
  /**
   * What the least urgent part of the plan served within the last day, and how much more the cache would have served if
   * that space were its own. The planner moves the border by it. Absent until half a day was watched.
   */
  space: z
    .object({
      overMs: z.number().int().positive().max(86_400_000),
      plannedTail: earningSchema,
      demandTail: earningSchema,
      /** What came in for viewers and not for the plan: it was written to the disks as well. */
      demandFilledBytes: byteCountSchema,
    })
    .optional(),
});
export type FillReport = z.infer<typeof fillReportSchema>;

export const parseFillReport = (body: unknown): FillReport => parseContract('fill report', fillReportSchema, body);
