import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { epochMsSchema } from '../../src/contracts/ids.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Clock } from '../../src/world/world.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { LinkStore } from '../link-store/link-store.ts';
import { SLOT_MS } from '../schedule/link-forecast.ts';

/** What a site's link carried by five minutes, everything that is billed, fill included. */
const linkSamplesSchema = z.object({
  samples: z
    .array(
      z.object({
        slotStartMs: epochMsSchema.multipleOf(SLOT_MS, 'must be the start of five minutes'),
        bitsPerSec: z.number().nonnegative().max(1e15),
      }),
    )
    .max(30_000),
});

/** `POST /v1/sites/{site}/link-samples` on the admin listener: as often as the operator likes, of one slot the last counts. */
export function addLinkRoutes(
  server: JsonServer,
  { fleet, links, clock }: { readonly fleet: FleetStore; readonly links: LinkStore; readonly clock: Clock },
): void {
  server.post<{ Params: { site: string } }>('/v1/sites/:site/link-samples', (request, reply) => {
    const { site } = request.params;
    if (!fleet.get().fleet.sites.some(({ id }) => id === site))
      return sendProblem(reply, 404, 'NO_SITE', `there is no site '${site}' in the fleet`);
    const { samples } = parseContract('link samples', linkSamplesSchema, request.body);
    links.measure(site, samples, clock.nowMs());
    return { taken: samples.length };
  });
}
