import { formatPrefix, type IpAddress, isIpv4, maskAddress, parseAddress } from '../routing/ip-address.ts';
import type { Routes, SiteCosts } from '../routing/route-table.ts';

/** Where a client is, as far as a decision and its answer may know: never the address, only what it lies in. */
export interface ClientPlace {
  readonly prefix: string | undefined;
  readonly siteId: string | undefined;
  readonly evidence: 'route' | 'asn' | 'country' | 'default';
  /** Its neighbourhood, by which demand and quality are counted: the matched prefix, or the /24 or /48 around it. */
  readonly group: string;
  /** The ISP, where it is known. */
  readonly network: string | undefined;
  /** What each site costs the ISP for this client, the lower the nearer; empty where nobody says. */
  readonly siteCosts: SiteCosts;
  /** Other sites to which the ISP announces the same prefix, the better first. */
  readonly otherSites: readonly string[];
  /** Sites that the ISP does not want to serve this client. */
  readonly refusingSites: readonly string[];
}

const NOBODY: readonly string[] = [];
const UNKNOWN_PLACE: ClientPlace = {
  prefix: undefined,
  siteId: undefined,
  evidence: 'default',
  group: 'unknown',
  network: undefined,
  siteCosts: new Map(),
  otherSites: NOBODY,
  refusingSites: NOBODY,
};

/** What neighbours share where no route says it: what the Internet routes at the least (and RFC 6177 gives a site). */
const GROUP_LENGTH = { ipv4: 24, ipv6: 48 };

/**
 * A route says where a client is. Without one its AS does, then its country, then nothing.
 * @param address as text; anything that is no address is an unknown place
 */
export function locateClient(address: string, routes: Routes): ClientPlace {
  const parsed = parseAddress(address);
  if (parsed === undefined) return UNKNOWN_PLACE;
  const match = routes.find(parsed);
  const siteCosts = routes.costsOf(parsed);
  const origin = routes.originOf(parsed);
  if (match === undefined) {
    const { siteId, evidence = 'default', network } = origin;
    return { ...UNKNOWN_PLACE, siteId, evidence, network, group: groupOf(parsed), siteCosts };
  }
  const prefix = formatPrefix(match.prefix);
  return {
    prefix,
    siteId: match.siteId,
    evidence: 'route',
    group: prefix,
    network: origin.network,
    siteCosts,
    otherSites: match.others,
    refusingSites: match.refusing,
  };
}

function groupOf(address: IpAddress): string {
  const length = isIpv4(address) ? GROUP_LENGTH.ipv4 : GROUP_LENGTH.ipv6;
  return formatPrefix({ address: maskAddress(address, length), length });
}
