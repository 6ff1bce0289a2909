import type { IncomingHttpHeaders } from 'node:http';
import {
  formatAddress,
  type IpAddress,
  type IpPrefix,
  parseAddress,
  parsePrefix,
  prefixContains,
} from '../routing/ip-address.ts';
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
  const proxy = plainAddress(socketAddress ?? '');
  if (forwarded === undefined || !isTrusted(proxy, trustedProxies)) return proxy;
  return clientBehind(proxy, forwarded, trustedProxies, header);
}

/** Whose request a trusted proxy passes on. */
function clientBehind(
  proxy: string,
  forwarded: string | string[],
  trustedProxies: readonly IpPrefix[],
  header: ForwardedHeader,
): string {
  const field = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
  let current = proxy;
  for (const hop of header === 'forwarded' ? namedHops(field) : listedHops(field)) {
    const parsed = hop === undefined ? undefined : parseAddress(hop);
    if (parsed === undefined) return current;
    current = formatAddress(parsed);
    if (!contains(trustedProxies, parsed)) return current;
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
  return parsed !== undefined && contains(trustedProxies, parsed);
}

function contains(prefixes: readonly IpPrefix[], address: IpAddress): boolean {
  for (const prefix of prefixes) if (prefixContains(prefix, address)) return true;
  return false;
}

/** The last first. Nearly always there is one. */
const listedHops = (field: string): string[] =>
  field.includes(',')
    ? field
        .split(',')
        .slice(-MAX_HOPS)
        .reverse()
        .map((hop) => withoutPort(hop.trim()))
    : [withoutPort(field.trim())];

const namedHops = (field: string): Array<string | undefined> =>
  forwardedFrom(field, MAX_HOPS).map((node) => (node.kind === 'address' ? node.text : undefined));

/** `[2001:db8::1]:443` and `192.0.2.1:443` are how some proxies write it. */
function withoutPort(text: string): string {
  if (!text.includes(':')) return text;
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(text)?.[1] ?? text;
}

/** One spelling per address: IPv4 in IPv6 clothes is IPv4. */
function plainAddress(text: string): string {
  const parsed = parseAddress(text);
  return parsed === undefined ? text : formatAddress(parsed);
}

/**
 * The same for one configuration. Connections last for many requests and there are few proxies, so what is found of the
 * last one is kept; of clients nothing is, because there are always more of them than any memory has room for.
 */
export class ClientAddresses {
  readonly header: ForwardedHeader;
  readonly #trustedProxies: readonly IpPrefix[];
  #lastSocket: string | undefined;
  #lastAddress = '';
  #isLastTrusted = false;

  constructor(trustedProxies: readonly IpPrefix[], header: ForwardedHeader) {
    this.#trustedProxies = trustedProxies;
    this.header = header;
  }

  of(socketAddress: string | undefined, headers: IncomingHttpHeaders): string {
    if (socketAddress === undefined || socketAddress !== this.#lastSocket) this.#look(socketAddress);
    const forwarded = this.#isLastTrusted ? headers[this.header] : undefined;
    if (forwarded === undefined) return this.#lastAddress;
    return clientBehind(this.#lastAddress, forwarded, this.#trustedProxies, this.header);
  }

  isProxy(address: string): boolean {
    return isTrusted(address, this.#trustedProxies);
  }

  #look(socketAddress: string | undefined): void {
    this.#lastSocket = socketAddress;
    this.#lastAddress = plainAddress(socketAddress ?? '');
    this.#isLastTrusted = isTrusted(this.#lastAddress, this.#trustedProxies);
  }
}
