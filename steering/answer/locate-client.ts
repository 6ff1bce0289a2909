import { formatPrefix, parseAddress } from '../routing/ip-address.ts';
import type { Routes } from '../routing/route-table.ts';

/** Where a client is, as far as a decision and its answer may know: never the address, only the matched prefix. */
export interface ClientPlace {
  readonly prefix: string | undefined;
  readonly siteId: string | undefined;
  readonly evidence: 'route' | 'asn' | 'country' | 'default';
  /** Its neighbourhood, by which demand and quality are counted: the matched prefix, or the /24 or /48 around it. */
  readonly group: string;
  /** The ISP, where it is known. */
  readonly network: string | undefined;
  /** What each site costs the ISP for this client, the lower the nearer; empty where nobody says. */
  readonly siteCosts: ReadonlyMap<string, number>;
}

const NO_COSTS: ReadonlyMap<string, number> = new Map();
const UNKNOWN_PLACE: ClientPlace = {
  prefix: undefined,
  siteId: undefined,
  evidence: 'default',
  group: 'unknown',
  network: undefined,
  siteCosts: NO_COSTS,
};

/** @param address as text; anything that is no address is an unknown place */
export function locateClient(address: string, routes: Routes): ClientPlace {
  const parsed = parseAddress(address);
  const match = parsed === undefined ? undefined : routes.find(parsed);
  if (match === undefined) return UNKNOWN_PLACE;
  const prefix = formatPrefix(match.prefix);
  return { ...UNKNOWN_PLACE, prefix, siteId: match.siteId, evidence: 'route', group: prefix };
}
