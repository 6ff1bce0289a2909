import { formatPrefix, parseAddress } from '../routing/ip-address.ts';
import type { Routes } from '../routing/route-table.ts';

/** Where a client is, as far as a decision and its answer may know: never the address, only the matched prefix. */
export interface ClientPlace {
  readonly prefix: string | undefined;
  readonly siteId: string | undefined;
  readonly evidence: 'route' | 'default';
}

const UNKNOWN_PLACE: ClientPlace = { prefix: undefined, siteId: undefined, evidence: 'default' };

/** @param address as text; anything that is no address is an unknown place */
export function locateClient(address: string, routes: Routes): ClientPlace {
  const parsed = parseAddress(address);
  const match = parsed === undefined ? undefined : routes.find(parsed);
  if (match === undefined) return UNKNOWN_PLACE;
  return { prefix: formatPrefix(match.prefix), siteId: match.siteId, evidence: 'route' };
}
