/**
 * One customer by its address: the address itself, or the /64 of an IPv6 one, as text that is the same for the same
 * network. An IPv4 address in IPv6 clothes is the IPv4 address.
 */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('%', 1)[0]?.toLowerCase().split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length;
  return [...groups, ...Array.from({ length: zeros }, () => '0'), ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/** The neighbourhood of a customer: its /24, or the /48 of an IPv6 one. @param network what clientNetwork gives */
export function neighbourhoodOf(network: string): string {
  if (network.includes(':')) return `${network.split(':', 3).join(':')}::/48`;
  return `${network.slice(0, network.lastIndexOf('.'))}.0/24`;
}
