import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { siteIdSchema } from '../../src/contracts/ids.ts';
import { parseTrafficReport } from '../../src/contracts/traffic-report.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { SignatureGuard } from '../../src/server/signature-guard.ts';
import type { Clock } from '../../src/world/world.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { monthAt, parseMonth } from '../savings/month.ts';
import { savingsReport } from '../savings/savings-report.ts';
import type { TrafficStore } from '../savings/traffic-store.ts';

export interface SavingsRoutesParts {
  readonly guard: SignatureGuard;
  readonly fleet: FleetStore;
  readonly traffic: TrafficStore;
  readonly clock: Clock;
}

const querySchema = z.object({ month: z.string().max(16).optional(), site: siteIdSchema.optional() });

/** What appliances tell of their traffic, and on the admin listener what it saved: `oca savings`. */
export function addSavingsRoutes(service: JsonServer, admin: JsonServer, parts: SavingsRoutesParts): void {
  const { guard, fleet, traffic, clock } = parts;
  service.post('/v1/traffic', { onRequest: guard.beforeBody }, (request, reply) => {
    const report = parseTrafficReport(request.body);
    if (guard(request, reply, ['appliance'], report.applianceId) === 'refused') return reply;
    // What is passed over will not be better the next time: it is answered all the same.
    traffic.count(report, clock.nowMs());
    return reply.code(204).send();
  });

  admin.get('/v1/savings', (request, reply) => {
    const { month: name, site } = parseContract('savings query', querySchema, request.query);
    const month = name === undefined ? monthAt(clock.nowMs()) : parseMonth(name);
    if (month === undefined) return sendProblem(reply, 400, 'REQUEST', `month must be as 2026-11, not '${name}'`);
    const { fleet: document } = fleet.get();
    if (site !== undefined && !document.sites.some(({ id }) => id === site)) {
      const known = document.sites.map(({ id }) => id).join(', ');
      return sendProblem(reply, 404, 'NOT_FOUND', `the fleet has no site '${site}'; there are: ${known || 'none'}`);
    }
    return savingsReport({ fleet: document, traffic, nowMs: clock.nowMs() }, month, site);
  });
}
