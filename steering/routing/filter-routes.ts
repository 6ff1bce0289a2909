import type { RouteReport } from '../../src/contracts/route-report.ts';
import { addressKind, formatPrefix, type IpPrefix, isIpv4, parsePrefix } from './ip-address.ts';

/**
 * Which of the prefixes that an ISP announces to an appliance are believed. A leaked default route would claim the
 * whole Internet for one site, a host route is a router's own business, and private space belongs to everybody. Limits
 * are operators' usual ones: /8 to /24 for IPv4, /19 to /48 for IPv6.
 */
export type RouteRefusal = 'malformed' | 'default' | 'too-short' | 'too-long' | 'special-purpose';

export interface FilteredRoute {
  readonly prefix: IpPrefix;
  readonly asPathLength: number;
  readonly med: number;
}

export interface FilteredRoutes {
  readonly routes: readonly FilteredRoute[];
  readonly refused: Readonly<Record<RouteRefusal, number>>;
}

const IPV4_LENGTHS = { shortest: 8, longest: 24 };
const IPV6_LENGTHS = { shortest: 19, longest: 48 };

/** @param allowPrivate development: private and loopback space counts, of any length but 0 */
export function filterRoutes(report: RouteReport, allowPrivate: boolean): FilteredRoutes {
  const refused: Record<RouteRefusal, number> = {
    malformed: 0,
    default: 0,
    'too-short': 0,
    'too-long': 0,
    'special-purpose': 0,
  };
  const best = new Map<string, FilteredRoute>();
  for (const route of report.routes) {
    const prefix = parsePrefix(route.prefix);
    const refusal = 'problem' in prefix ? 'malformed' : refusalOf(prefix, allowPrivate);
    if (refusal !== undefined || 'problem' in prefix) {
      refused[refusal ?? 'malformed'] += 1;
      continue;
    }
    const filtered = { prefix, asPathLength: route.asPathLength ?? 0, med: route.med ?? 0 };
    const key = formatPrefix(prefix);
    const before = best.get(key);
    if (before === undefined || compareRoutes(filtered, before) < 0) best.set(key, filtered);
  }
  return { routes: [...best.values()], refused };
}

/** Negative when `a` is the better way to the same prefix: shorter path, then lower MED. */
export function compareRoutes(a: FilteredRoute, b: FilteredRoute): number {
  return a.asPathLength - b.asPathLength || a.med - b.med;
}

function refusalOf(prefix: IpPrefix, allowPrivate: boolean): RouteRefusal | undefined {
  if (prefix.length === 0) return 'default';
  const isPublic = addressKind(prefix.address) === 'unicast';
  if (!isPublic) return allowPrivate ? undefined : 'special-purpose';
  const lengths = isIpv4(prefix.address) ? IPV4_LENGTHS : IPV6_LENGTHS;
  if (prefix.length < lengths.shortest) return 'too-short';
  if (prefix.length > lengths.longest) return 'too-long';
  return undefined;
}
