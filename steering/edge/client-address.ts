import type { IncomingHttpHeaders } from 'node:http';
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

function isTrusted(address: string, trustedProxies: readonly IpPrefix[]): boolean {
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

/** One spelling per address: IPv4 in IPv6 clothes is IPv4. */
function plainAddress(text: string): string {
  const parsed = parseAddress(text);
  return parsed === undefined ? text : formatAddress(parsed);
}

/** Few, so that what a thousand clients a second put into it is gone before the collector takes it for something old. */
const MAX_KNOWN = 1024;
/** What is longer is put together by somebody who wants it long, and is not worth keeping. */
const MAX_KEPT_CHARS = 256;

/**
 * The same for one configuration, with a memory: connections last for many requests, and a proxy writes the same for a
 * client each time. The memory is bounded and begins afresh when it is full.
 */
export class ClientAddresses {
  readonly header: ForwardedHeader;
  readonly #trustedProxies: readonly IpPrefix[];
  readonly #known = new Map<string, string>();

  constructor(trustedProxies: readonly IpPrefix[], header: ForwardedHeader) {
    this.#trustedProxies = trustedProxies;
    this.header = header;
  }

  of(socketAddress: string | undefined, headers: IncomingHttpHeaders): string {
    const forwarded = this.#trustedProxies.length === 0 ? undefined : headers[this.header];
    const key = forwarded === undefined ? (socketAddress ?? '') : `${socketAddress}\n${String(forwarded)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const address = clientAddress(socketAddress, forwarded, this.#trustedProxies, this.header);
    if (key.length > MAX_KEPT_CHARS) return address;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, address);
    return address;
  }

  isProxy(address: string): boolean {
    return isTrusted(address, this.#trustedProxies);
  }
}
