import { formatAddress, type IpPrefix, parseAddress, parsePrefix, prefixContains } from '../routing/ip-address.ts';

/**
 * Who is asking. The socket's address, unless a trusted proxy stands there: then X-Forwarded-For is read from the right,
 * over the proxies that we trust, to the first address that none of them is. Anything further left was written by the
 * client itself and may be invented.
 */
const MAX_HOPS = 16;

export function clientAddress(
  socketAddress: string | undefined,
  forwardedFor: string | string[] | undefined,
  trustedProxies: readonly IpPrefix[],
): string {
  let current = plain(socketAddress ?? '');
  if (trustedProxies.length === 0 || forwardedFor === undefined) return current;
  const hops = (Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor).split(',').slice(-MAX_HOPS);
  while (isTrusted(current, trustedProxies)) {
    const next = hops.pop()?.trim();
    if (next === undefined || parseAddress(withoutPort(next)) === undefined) return current;
    current = plain(withoutPort(next));
  }
  return current;
}

/** @throws Error naming the CIDR that is none. */
export function parseTrustedProxies(texts: readonly string[]): IpPrefix[] {
  return texts.map((text) => {
    const prefix = parsePrefix(text);
    if ('problem' in prefix) throw new Error(`'${text}' ${prefix.problem}`);
    return prefix;
  });
}

function isTrusted(address: string, trustedProxies: readonly IpPrefix[]): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && trustedProxies.some((prefix) => prefixContains(prefix, parsed));
}

/** `[2001:db8::1]:443` and `192.0.2.1:443` are how some proxies write it. */
function withoutPort(text: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(text)?.[1] ?? text;
}

/** One spelling per address: IPv4 in IPv6 clothes is IPv4. */
function plain(text: string): string {
  const parsed = parseAddress(text);
  return parsed === undefined ? text : formatAddress(parsed);
}
