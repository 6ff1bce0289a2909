import { z } from 'zod';
import { NEW_EFFICIENCY_TEST } from './efficiency-test.ts';

/** Where the publication of plans stands. */
export const rolloutStateSchema = z.object({
  version: z.literal(1),
  release: z
    .object({
      number: z.number().int().positive(),
      openedAtMs: z.number(),
      stage: z.enum(['canary', 'cohort']),
      stageSinceMs: z.number(),
    })
    .optional(),
  lastNumber: z.number().int().nonnegative(),
  heldUntil: z.object({ untilMs: z.number(), because: z.string() }).optional(),
  test: z.object({ logWealth: z.array(z.number()), hours: z.number() }),
  /** End of the last hour that the test has seen. */
  judgedUntilMs: z.number(),
  /** When the plans to go back to were taken down, and their successors. */
  goodSinceMs: z.number(),
  markedSinceMs: z.number(),
  /** Whether plans in force differ from the good ones, so that hours are judged. */
  isOnTrial: z.boolean(),
  /** By cluster, who was in it when it last got a plan of its own cycle. */
  members: z.record(z.string(), z.string()),
  /** By cluster, when it first had a plan that held something. */
  plannedSinceMs: z.record(z.string(), z.number()),
});
export type RolloutState = z.infer<typeof rolloutStateSchema>;

export const NEW_ROLLOUT: RolloutState = {
  version: 1,
  lastNumber: 0,
  test: { logWealth: [...NEW_EFFICIENCY_TEST.logWealth], hours: 0 },
  judgedUntilMs: 0,
  goodSinceMs: 0,
  markedSinceMs: 0,
  isOnTrial: false,
  members: {},
  plannedSinceMs: {},
};
