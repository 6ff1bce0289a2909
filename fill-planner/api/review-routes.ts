import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { type JsonReply, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Clock } from '../../src/world/world.ts';
import {
  diffPlans,
  explainPlace,
  isNoAnswer,
  type NoAnswer,
  type ReviewParts,
  simulatePlans,
} from '../plan/review-plans.ts';

const versionSchema = z.coerce.number().int().nonnegative().optional();
const diffSchema = z.object({ appliance: z.string().optional(), from: versionSchema, to: versionSchema });
const explainSchema = z.object({ name: z.string().min(1).max(2048), cluster: z.string().max(64).optional() });
const simulationSchema = z.object({
  dropAppliances: z.array(z.string().max(64)).max(10_000).default([]),
  fillWindow: z
    .object({
      start: z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM'),
      hours: z.number().min(0.25).max(24),
    })
    .optional(),
  fillBitsPerSec: z.number().positive().max(1e13).optional(),
  siteId: z.string().max(64).optional(),
});

/** `oca plan diff`, `explain`, `simulate` and `rollout`: questions on the admin listener that change nothing. */
export function addReviewRoutes(server: JsonServer, parts: ReviewParts & { readonly clock: Clock }): void {
  const { clock, rollout } = parts;
  server.get('/v1/plan-diffs', async (request, reply) => {
    const question = parseContract('plan diff request', diffSchema, request.query);
    const diffs = await diffPlans(parts, question, clock.nowMs());
    return isNoAnswer(diffs) ? refuse(reply, diffs) : { diffs };
  });

  server.get('/v1/plan-explanation', async (request, reply) => {
    const question = parseContract('plan explanation request', explainSchema, request.query);
    const explanation = await explainPlace(parts, question, clock.nowMs());
    return isNoAnswer(explanation) ? refuse(reply, explanation) : explanation;
  });

  server.post('/v1/plan-simulation', async (request, reply) => {
    const { fillWindow, fillBitsPerSec, siteId, ...change } = parseContract(
      'plan simulation request',
      simulationSchema,
      request.body ?? {},
    );
    const simulation = await simulatePlans(parts, { ...change, fillWindow, fillBitsPerSec, siteId }, clock.nowMs());
    return isNoAnswer(simulation) ? refuse(reply, simulation) : simulation;
  });

  server.get('/v1/rollout', () => rollout.report(clock.nowMs()));
}

const refuse = (reply: JsonReply, { says }: NoAnswer): JsonReply => sendProblem(reply, 404, 'NO_PLAN', says);
