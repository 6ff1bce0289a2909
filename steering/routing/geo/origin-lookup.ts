import { formatAddress, type IpAddress } from '../ip-address.ts';
import { isSpecialPurpose } from '../special-purpose.ts';
import type { NetworkMap } from './network-map.ts';

/** What is known of an address by where it is registered. */
export interface ClientOrigin {
  /** The ISP. */
  readonly network?: string;
  readonly siteId?: string;
  /** By which of both the site was found. */
  readonly evidence?: 'asn' | 'country';
}

export interface OriginLookup {
  readonly version: string;
  of(address: IpAddress): ClientOrigin;
}

/** One database: undefined where it does not know the address. */
export interface AddressDatabase<T> {
  readonly version: string;
  find(address: string): T | undefined;
}

const UNKNOWN: ClientOrigin = {};

/**
 * ASN before country, as evidence: an AS is one network with its own sites, a country is a map. Addresses that are
 * nobody's (private, shared, documentation) are never looked up: databases have wrong entries for some of them.
 */
export function joinOrigins(
  asns: AddressDatabase<number> | undefined,
  countries: AddressDatabase<string> | undefined,
  map: NetworkMap,
): OriginLookup {
  return {
    version: [asns?.version ?? 'none', countries?.version ?? 'none', map.version].join('-'),
    of(address) {
      if (isSpecialPurpose(address)) return UNKNOWN;
      const text = formatAddress(address);
      const asn = asns?.find(text);
      const entry = asn === undefined ? undefined : map.byAsn.get(asn);
      const network = entry?.network === undefined ? {} : { network: entry.network };
      if (entry?.site !== undefined) return { ...network, siteId: entry.site, evidence: 'asn' };
      const country = countries?.find(text);
      const siteId = country === undefined ? undefined : map.byCountry.get(country);
      return siteId === undefined ? network : { ...network, siteId, evidence: 'country' };
    },
  };
}
