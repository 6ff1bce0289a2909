import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { applianceIdSchema } from '../../src/contracts/ids.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { localInstant } from '../../src/world/local-times.ts';
import type { FleetView } from '../fleet/fleet-registry.ts';
import type { JournalEntry } from '../fleet/presence/appliance-journal.ts';
import type { SiteTable } from '../sites/site-table.ts';
import { concerns, type Scope, withholdingSchema } from '../withholding/withholding.ts';
import type { Withholdings } from '../withholding/withholdings.ts';

/** What operators may ask and order of the fleet. */
export interface FleetOrders {
  readonly withholdings: Withholdings;
  /** What changed of an appliance, oldest first. */
  readonly journalOf: (applianceId: string) => readonly JournalEntry[];
}

export interface WithholdingApi extends FleetOrders {
  readonly nowMs: () => number;
  fleet(): FleetView;
  sites(): SiteTable;
}

/** A moment: ms since the epoch, a date with an offset, or one on the clocks of the site (`2027-03-28T02:30`). */
const momentSchema = z.union([z.number().int().nonnegative(), z.string().max(40)]);

const wishSchema = withholdingSchema.pick({ scope: true, target: true, why: true }).extend({
  start: momentSchema.optional(),
  end: momentSchema.optional(),
  forMs: z.number().int().positive().optional(),
});
const applianceSchema = z.object({ id: applianceIdSchema });
const nameSchema = z.object({ name: withholdingSchema.shape.name });

/** `/v1/sites` and `/v1/withholdings` on the admin listener: what operators drain, when, why and for how long; and who saw what when. */
export function addWithholdingRoutes(adminServer: JsonServer, api: WithholdingApi): void {
  adminServer.get('/v1/fleet/:id/journal', (request, reply) => {
    const { id } = parseContract('appliance', applianceSchema, request.params);
    const member = api.fleet().byId.get(id);
    if (member === undefined) return sendProblem(reply, 404, 'UNKNOWN_TARGET', `no appliance '${id}' is known`);
    return { id, lastHeardAtMs: member.lastHeardAtMs, entries: api.journalOf(id) };
  });

  adminServer.get('/v1/sites', () => {
    const { version } = api.sites();
    return { version, sites: api.sites().facts() };
  });

  adminServer.get('/v1/withholdings', () => ({ nowMs: api.nowMs(), withholdings: api.withholdings.rows() }));

  adminServer.put('/v1/withholdings/:name', (request, reply) => {
    const { name } = parseContract('name of a withholding', nameSchema, request.params);
    const { scope, target, why, start, end, forMs } = parseContract('withholding', wishSchema, request.body);
    const members = api.fleet().members.filter((member) => concerns({ scope, target }, member));
    const site = siteOf(scope, target, api);
    if (members.length === 0 && (scope !== 'site' || api.sites().find(target) === undefined))
      return sendProblem(reply, 404, 'UNKNOWN_TARGET', `no ${scope} '${target}' is known: nothing is withheld`);
    const timeZone = site === undefined ? undefined : api.sites().find(site)?.timeZone;
    if (end !== undefined && forMs !== undefined)
      return sendProblem(reply, 400, 'WITHHOLDING', 'give an end or a length, not both');
    const startMs = momentOf(start, timeZone);
    const givenEndMs = momentOf(end, timeZone);
    if (startMs === 'unclear' || givenEndMs === 'unclear')
      return sendProblem(
        reply,
        400,
        'WITHHOLDING',
        timeZone === undefined
          ? `the time zone of site '${site}' is not in the table of sites: give times with an offset, like 2027-03-28T02:30Z`
          : `times are like 2027-03-28T02:30 (on the clocks of ${timeZone}) or 2027-03-28T00:30Z`,
      );
    const endMs = forMs === undefined ? givenEndMs : (startMs ?? api.nowMs()) + forMs;
    const outcome = api.withholdings.put({ name, scope, target, why, startMs, endMs });
    if (outcome.kind === 'refused') return sendProblem(reply, 400, 'WITHHOLDING', outcome.reason);
    return { ...outcome, appliances: members.map(({ id }) => id) };
  });

  adminServer.delete('/v1/withholdings/:name', (request, reply) => {
    const { name } = parseContract('name of a withholding', nameSchema, request.params);
    if (!api.withholdings.remove(name))
      return sendProblem(
        reply,
        404,
        'UNKNOWN_WITHHOLDING',
        `no order is called '${name}': GET /v1/withholdings lists them`,
      );
    return reply.code(204).send();
  });
}

/** The site on whose clocks the times of an order are. */
function siteOf(scope: Scope, target: string, api: WithholdingApi): string | undefined {
  if (scope === 'site') return target;
  return api.fleet().members.find((member) => concerns({ scope, target }, member))?.siteId;
}

function momentOf(
  moment: z.infer<typeof momentSchema> | undefined,
  timeZone: string | undefined,
): number | undefined | 'unclear' {
  if (moment === undefined || typeof moment === 'number') return moment;
  if (/T.*(?:Z|[+-]\d{2}:\d{2})$/.test(moment)) {
    const ms = Date.parse(moment);
    return Number.isNaN(ms) ? 'unclear' : ms;
  }
  return (timeZone === undefined ? undefined : localInstant(timeZone, moment)) ?? 'unclear';
}
