import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, epochMsSchema, siteIdSchema } from './ids.ts';

/** `POST /v1/routes`, on change: the prefixes that the ISP announces to this appliance. Replaces the report before. */
export const routeReportSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  siteId: siteIdSchema,
  reportedAtMs: epochMsSchema,
  routes: z
    .array(
      z.object({
        /** CIDR, IPv4 or IPv6; the receiver checks and filters it. */
        prefix: z.string().min(3).max(49),
        asPathLength: z.number().int().nonnegative().max(255).optional(),
        med: z.number().int().nonnegative().optional(),
        localPref: z.number().int().nonnegative().optional(),
        communities: z.array(z.string().max(32)).max(64).optional(),
        /** The AS that announces the prefix to the world: the last of the path. */
        originAsn: z.number().int().nonnegative().max(0xffffffff).optional(),
      }),
    )
    .max(1_000_000),
});
export type RouteReport = z.infer<typeof routeReportSchema>;

export const parseRouteReport = (body: unknown): RouteReport => parseContract('route report', routeReportSchema, body);
