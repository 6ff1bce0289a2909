import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { locateClient } from '../answer/locate-client.ts';
import type { SteeringState } from '../answer/steering-state.ts';
import type { ClientRouting } from '../routing/client-routing.ts';
import { parseAddress } from '../routing/ip-address.ts';
import { queryOf } from './public-api.ts';

/**
 * For operators, on the admin listener: what places clients (`GET /v1/routes`), what is wrong with it (`/lint`), what is
 * known of one address (`/find?address=`), and letting a held change count (`POST /v1/routes/accept`).
 */
export function addRoutingRoutes(adminServer: JsonServer, routing: ClientRouting, state: () => SteeringState): void {
  adminServer.get('/v1/routes', async () => {
    const { size, version } = routing.current();
    return {
      prefixes: size,
      version,
      held: routing.reports.held ?? null,
      heldFiles: routing.heldFiles(),
      reports: await routing.reports.summaries(),
    };
  });

  adminServer.get('/v1/routes/lint', async () => {
    const fleet = state().fleet.members.map(({ id, siteId }) => ({ id, siteId }));
    return { findings: await routing.reports.lint(fleet) };
  });

  adminServer.get('/v1/routes/find', async (request, reply) => {
    const text = queryOf(request).get('address') ?? '';
    const address = parseAddress(text);
    if (address === undefined) return sendProblem(reply, 400, 'QUESTION', 'ask /v1/routes/find?address=ADDRESS');
    const { siteCosts, ...client } = locateClient(text, routing.current());
    return {
      address: text,
      client: { ...client, siteCosts: Object.fromEntries(siteCosts) },
      reported: await routing.reports.find(address),
    };
  });

  adminServer.post('/v1/routes/accept', async () => ({ accepted: await routing.accept() }));
}
