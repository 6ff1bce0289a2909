import { type IpAddress, type IpPrefix, parsePrefix, prefixContains } from './ip-address.ts';
import { NO_MATCH, PrefixTable } from './prefix-table.ts';

/**
 * Address space in which no viewer of the public Internet sits: IANA's special-purpose registries (RFC 6890 and its
 * updates, as of 2025), what is multicast or reserved, and all of IPv6 outside 2000::/3, of which nothing is allocated.
 * Who announces it leaks something of his own, and where it is on a map means nothing.
 */
const SPECIAL = [
  '0.0.0.0/8', // this network, RFC 791
  '10.0.0.0/8', // private, RFC 1918
  '100.64.0.0/10', // behind carriers' NAT, RFC 6598
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link local, RFC 3927
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments, RFC 6890
  '192.0.2.0/24', // documentation, RFC 5737
  '192.88.99.0/24', // 6to4 relays, withdrawn by RFC 7526
  '192.168.0.0/16', // private
  '198.18.0.0/15', // measurements, RFC 2544
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '::/3', // loopback, mapped and translated IPv4, discard
  '2001::/23', // protocol assignments, Teredo, ORCHID, measurements
  '2001:db8::/32', // documentation, RFC 3849
  '2002::/16', // 6to4
  '3fff::/20', // documentation, RFC 9637
  '4000::/2', // not allocated; segment routing
  '8000::/1', // not allocated; unique local, link local, multicast
].map(read);

const table = PrefixTable.of(SPECIAL.map((prefix) => ({ prefix, siteId: 'special' })));

export const isSpecialPurpose = (address: IpAddress): boolean => table.search(address) !== NO_MATCH;

/** Whether a prefix lies in special-purpose space or reaches over some: then nobody announces it in good order. */
export function touchesSpecialPurpose(prefix: IpPrefix): boolean {
  if (isSpecialPurpose(prefix.address)) return true;
  // Only short ones can hold a special block; the longest block that is not in a shorter one is a /32.
  return (
    prefix.length < 32 &&
    SPECIAL.some((special) => special.length > prefix.length && prefixContains(prefix, special.address))
  );
}

function read(text: string): IpPrefix {
  const prefix = parsePrefix(text);
  if ('problem' in prefix) throw new Error(`${text} ${prefix.problem}`);
  return prefix;
}
