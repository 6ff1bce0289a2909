import type { RouteReport } from '../../src/contracts/route-report.ts';
import { type AnnouncedRoute, isBetterPath } from '../../src/routes/announced-route.ts';

const MAX_PATH_LENGTH = 255;
const MAX_COMMUNITIES = 64;

/** Of all paths to each prefix the best, as it is reported: a report has one route per prefix. */
export function bestPaths(routes: Iterable<AnnouncedRoute>): RouteReport['routes'] {
  const best = new Map<string, AnnouncedRoute>();
  for (const route of routes) {
    const before = best.get(route.prefix);
    if (before === undefined || isBetterPath(route, before)) best.set(route.prefix, route);
  }
  return [...best.values()].map(({ prefix, asPath, asPathLength, med, localPref, communities }) => ({
    prefix,
    asPathLength: Math.min(asPathLength, MAX_PATH_LENGTH),
    ...(med === undefined ? {} : { med }),
    ...(localPref === undefined ? {} : { localPref }),
    ...(communities.length === 0 ? {} : { communities: communities.slice(0, MAX_COMMUNITIES) }),
    ...originOf(asPath),
  }));
}

const MAX_ASN = 0xffffffff;

/** The last AS of a path; a set has none, and a route from inside has no path. */
function originOf(asPath: string): { readonly originAsn?: number } {
  const asn = /(?:^| )(\d{1,10})$/.exec(asPath)?.[1];
  return asn === undefined || Number(asn) > MAX_ASN ? {} : { originAsn: Number(asn) };
}
