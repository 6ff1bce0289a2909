import { formatAddress, type IpPrefix, parseAddress, parsePrefix, prefixContains } from '../routing/ip-address.ts';
import { forwardedFrom } from './forwarded-field.ts';

/**
 * Who is asking. The address of the connection, unless a trusted proxy stands there: then the header that our proxies
 * write is read from the right, over the proxies that we trust, to the first address that none of them is. Anything
 * further left was written by the client itself and may be invented.
 *
 * Only one header is read, the one that the operator names: proxies that write X-Forwarded-For pass on a Forwarded that
 * a client made up, and the other way round.
 */
export const FORWARDED_HEADERS = ['x-forwarded-for', 'forwarded'] as const;
export type ForwardedHeader = (typeof FORWARDED_HEADERS)[number];

const MAX_HOPS = 16;

export function clientAddress(
  socketAddress: string | undefined,
  forwarded: string | string[] | undefined,
  trustedProxies: readonly IpPrefix[],
  header: ForwardedHeader = 'x-forwarded-for',
): string {
  let current = plainAddress(socketAddress ?? '');
  if (trustedProxies.length === 0 || forwarded === undefined || !isTrusted(current, trustedProxies)) return current;
  const field = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
  for (const hop of header === 'forwarded' ? namedHops(field) : listedHops(field)) {
    if (hop === undefined || parseAddress(hop) === undefined) return current;
    current = plainAddress(hop);
    if (!isTrusted(current, trustedProxies)) return current;
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

export function isTrusted(address: string, trustedProxies: readonly IpPrefix[]): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && trustedProxies.some((prefix) => prefixContains(prefix, parsed));
}

/** The last first. */
const listedHops = (field: string): string[] =>
  field
    .split(',')
    .slice(-MAX_HOPS)
    .reverse()
    .map((hop) => withoutPort(hop.trim()));

const namedHops = (field: string): Array<string | undefined> =>
  forwardedFrom(field, MAX_HOPS).map((node) => (node.kind === 'address' ? node.text : undefined));

/** `[2001:db8::1]:443` and `192.0.2.1:443` are how some proxies write it. */
function withoutPort(text: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(text)?.[1] ?? text;
}

const MAX_SPELLINGS = 20_000;
const spellings = new Map<string, string>();

/** One spelling per address: IPv4 in IPv6 clothes is IPv4. Connections ask many times, so spellings are remembered. */
function plainAddress(text: string): string {
  const known = spellings.get(text);
  if (known !== undefined) return known;
  const parsed = parseAddress(text);
  const plain = parsed === undefined ? text : formatAddress(parsed);
  if (spellings.size >= MAX_SPELLINGS) spellings.clear();
  // What is longer is no address, and may be anything.
  if (text.length <= 64) spellings.set(text, plain);
  return plain;
}
