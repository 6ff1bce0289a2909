import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Clock } from '../../src/world/world.ts';
import { parseFleet } from '../fleet/fleet.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { CycleOptions, CycleReport } from '../plan/plan-cycle.ts';
import type { PlanDocuments } from '../plan/plan-documents.ts';
import type { PlanStore } from '../plan/plan-store.ts';

export interface PlanRoutesParts {
  readonly fleet: FleetStore;
  readonly plans: PlanStore;
  readonly documents: PlanDocuments;
  readonly clock: Clock;
  readonly runCycle: (options: CycleOptions) => Promise<CycleReport>;
}

const cycleRequestSchema = z
  .object({
    fillNowMinutes: z
      .number()
      .positive()
      .max(24 * 60)
      .optional(),
    isUrgent: z.boolean().optional(),
    publish: z.union([z.literal('all'), z.array(z.string().max(64)).max(10_000)]).optional(),
    goBack: z.boolean().optional(),
  })
  .optional()
  .default({});

/** Fleet and plans on the admin listener: `oca fleet`, `oca plan`. */
export function addPlanRoutes(server: JsonServer, { fleet, plans, documents, clock, runCycle }: PlanRoutesParts): void {
  server.get('/v1/fleet', () => fleet.get());
  server.put('/v1/fleet', (request) => fleet.set(parseFleet(request.body), clock.nowMs()));

  server.post('/v1/plan-cycle', (request, reply) => {
    const wish = parseContract('plan cycle request', cycleRequestSchema, request.body);
    const clusters = fleet.get().fleet.clusters.map(({ id }) => id);
    const unknown = wish.publish === 'all' ? undefined : wish.publish?.find((id) => !clusters.includes(id));
    if (unknown === undefined) return runCycle({ ...wish, isAsked: true });
    return sendProblem(reply, 404, 'NO_CLUSTER', `there is no cluster '${unknown}' in the fleet: see oca fleet show`);
  });

  server.get('/v1/plans', () => ({ plans: plans.all().map(({ etag: _, ...stored }) => stored) }));

  server.get<{ Params: { appliance: string } }>('/v1/plans/:appliance', async (request, reply) => {
    const { appliance } = request.params;
    const written = await documents.write(appliance);
    return written === undefined
      ? sendProblem(reply, 404, 'NO_PLAN', `no plan for '${appliance}': it is not in the fleet, or no cycle has run`)
      : reply.type('application/json').send(written.body);
  });

  server.get('/v1/fill-reports', () => ({ reports: plans.reports() }));
}
