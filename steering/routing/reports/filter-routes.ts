import type { RouteReport } from '../../../src/contracts/route-report.ts';
import { formatPrefix, type IpPrefix, isIpv4, parsePrefix } from '../ip-address.ts';
import { touchesSpecialPurpose } from '../special-purpose.ts';
import { columnsOfRoutes, type ReportColumns, type ReportedRoute, type RoutePolicy } from './report-columns.ts';

/**
 * Which of the prefixes that an ISP announces to an appliance are believed. A leaked default route would claim the
 * whole Internet for one site, a host route is a router's own business, and private space belongs to everybody. Limits
 * are operators' usual ones: /8 to /24 for IPv4, /19 to /48 for IPv6.
 */
export type RouteRefusal = 'malformed' | 'default' | 'too-short' | 'too-long' | 'special-purpose';

export interface FilterRules {
  /** Development: private and loopback space counts, of any length but 0. */
  readonly allowPrivate: boolean;
  /** What a route with a community is worth, by community (`64500:666`). `refuse` outweighs `prefer`. */
  readonly policies: ReadonlyMap<string, Exclude<RoutePolicy, 'none'>>;
}

export interface RefusedRoute {
  readonly prefix: string;
  readonly refusal: RouteRefusal;
}

export interface FilteredRoutes {
  readonly columns: ReportColumns;
  readonly refused: Readonly<Record<RouteRefusal, number>>;
  /** The first of those refused. */
  readonly examples: readonly RefusedRoute[];
}

const IPV4_LENGTHS = { shortest: 8, longest: 24 };
const IPV6_LENGTHS = { shortest: 19, longest: 48 };
const MAX_EXAMPLES = 20;
/** What routers take where nothing is said. */
const DEFAULT_LOCAL_PREF = 100;
const MAX_UINT32 = 0xffffffff;

export function filterRoutes(report: RouteReport, rules: FilterRules): FilteredRoutes {
  const refused: Record<RouteRefusal, number> = {
    malformed: 0,
    default: 0,
    'too-short': 0,
    'too-long': 0,
    'special-purpose': 0,
  };
  const examples: RefusedRoute[] = [];
  const best = new Map<string, ReportedRoute>();
  for (const route of report.routes) {
    const prefix = parsePrefix(route.prefix);
    const refusal = 'problem' in prefix ? 'malformed' : refusalOf(prefix, rules.allowPrivate);
    if (refusal !== undefined || 'problem' in prefix) {
      refused[refusal ?? 'malformed'] += 1;
      if (examples.length < MAX_EXAMPLES) examples.push({ prefix: route.prefix, refusal: refusal ?? 'malformed' });
      continue;
    }
    const filtered: ReportedRoute = {
      prefix,
      asPathLength: route.asPathLength ?? 0,
      med: Math.min(route.med ?? 0, MAX_UINT32),
      localPref: Math.min(route.localPref ?? DEFAULT_LOCAL_PREF, MAX_UINT32),
      policy: policyOf(route.communities ?? [], rules),
      originAsn: Math.min(route.originAsn ?? 0, MAX_UINT32),
    };
    const key = formatPrefix(prefix);
    const before = best.get(key);
    if (before === undefined || compareRoutes(filtered, before) < 0) best.set(key, filtered);
  }
  return { columns: columnsOfRoutes([...best.values()]), refused, examples };
}

export type RoutePreference = Pick<ReportedRoute, 'policy' | 'localPref' | 'asPathLength' | 'med'>;

/**
 * Negative when `a` is the better way to the same prefix: what the operator's communities prefer, the higher local
 * preference (RFC 4271 section 9.1.1), the shorter path, the lower MED.
 */
export function compareRoutes(a: RoutePreference, b: RoutePreference): number {
  return (
    Number(b.policy === 'prefer') - Number(a.policy === 'prefer') ||
    b.localPref - a.localPref ||
    a.asPathLength - b.asPathLength ||
    a.med - b.med
  );
}

function policyOf(communities: readonly string[], { policies }: FilterRules): RoutePolicy {
  let policy: RoutePolicy = 'none';
  for (const community of communities) {
    const says = policies.get(community);
    if (says === 'refuse') return 'refuse';
    policy = says ?? policy;
  }
  return policy;
}

function refusalOf(prefix: IpPrefix, allowPrivate: boolean): RouteRefusal | undefined {
  if (prefix.length === 0) return 'default';
  if (touchesSpecialPurpose(prefix)) {
    if (allowPrivate) return undefined;
    return prefix.length < (isIpv4(prefix.address) ? IPV4_LENGTHS : IPV6_LENGTHS).shortest
      ? 'too-short'
      : 'special-purpose';
  }
  const lengths = isIpv4(prefix.address) ? IPV4_LENGTHS : IPV6_LENGTHS;
  if (prefix.length < lengths.shortest) return 'too-short';
  if (prefix.length > lengths.longest) return 'too-long';
  return undefined;
}
