import ipaddr from 'ipaddr.js';

/**
 * The one wrapper of the ipaddr.js package. An address is its words: one 32-bit word for IPv4, four for IPv6, the most
 * significant first, so that both families compare and mask by the same code. An IPv4 address that arrives in IPv6
 * clothes (`::ffff:192.0.2.1`, what a dual-stack socket reports) is the IPv4 address.
 */
export interface IpAddress {
  readonly words: readonly number[];
}

export interface IpPrefix {
  /** First address: no bit is set beyond `length`. */
  readonly address: IpAddress;
  readonly length: number;
}

/** undefined when the text is no address. A zone (`fe80::1%eth0`) is dropped: it means nothing beyond its host. */
export function parseAddress(text: string): IpAddress | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  return parseIpv6(text.split('%')[0] ?? '');
}

/** Parsed once and not asked first whether it can be: tables hold hundreds of thousands, and asking costs twice as much. */
function parseIpv6(text: string): IpAddress | undefined {
  try {
    const parsed = ipaddr.IPv6.parse(text);
    return toAddress(parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed);
  } catch {
    return undefined;
  }
}

const [DOT, ZERO, NINE] = [0x2e, 0x30, 0x39];

/**
 * By hand, because tables of a million prefixes and every request are read this way, and because ipaddr.js also takes 0x7f.1 and the other forms of C's inet_aton, which an
 * address from a socket or a proxy never has.
 */
function parseIpv4(text: string): IpAddress | undefined {
  const { length } = text;
  if (length > 15) return undefined;
  let [word, byte, digits, dots] = [0, 0, 0, 0];
  for (let at = 0; at < length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === DOT) {
      if (digits === 0 || dots === 3) return undefined;
      word = word * 256 + byte;
      [byte, digits] = [0, 0];
      dots += 1;
    } else {
      byte = byte * 10 + unit - ZERO;
      digits += 1;
      if (unit < ZERO || unit > NINE || digits > 3 || byte > 255) return undefined;
    }
  }
  return dots === 3 && digits > 0 ? { words: [word * 256 + byte] } : undefined;
}

/** What is wrong with a prefix, in words that continue "'TEXT' ...", or the prefix. */
export function parsePrefix(text: string): IpPrefix | { readonly problem: string } {
  const match = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/.exec(text.trim());
  const parsed = match === null ? undefined : parseAddress(match[1] ?? '');
  if (match === null || parsed === undefined) return { problem: 'is not ADDRESS/LENGTH' };
  const mapped = (match[1] ?? '').includes(':') && parsed.words.length === 1;
  const length = Number(match[2]) - (mapped ? 96 : 0);
  const bits = parsed.words.length * 32;
  if (length < 0 || length > bits) return { problem: `has a length outside 0 to ${bits}` };
  const address = maskAddress(parsed, length);
  if (address.words.some((word, index) => word !== parsed.words[index]))
    return { problem: `has bits set beyond its length: ${formatAddress(address)}/${length} is meant?` };
  return { address, length };
}

export const isIpv4 = (address: IpAddress): boolean => address.words.length === 1;

/** `192.0.2.0`, `2001:db8::` (RFC 5952). */
export function formatAddress({ words }: IpAddress): string {
  if (words.length === 1) {
    const word = words[0] ?? 0;
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  }
  return new ipaddr.IPv6(words.flatMap((word) => [word >>> 16, word & 0xffff])).toRFC5952String();
}

export const formatPrefix = ({ address, length }: IpPrefix): string => `${formatAddress(address)}/${length}`;

/** The address with all bits beyond `length` cleared. */
export function maskAddress({ words }: IpAddress, length: number): IpAddress {
  if (words.length === 1) return { words: [maskWord(words[0] ?? 0, length)] };
  return { words: words.map((word, index) => maskWord(word, length - index * 32)) };
}

/** Its first `length` bits; all for 32 and more, none for 0 and less. */
function maskWord(word: number, length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? word : (word & (-1 << (32 - length))) >>> 0;
}

export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  const { words } = prefix.address;
  if (words.length !== address.words.length) return false;
  for (let at = 0; at < words.length; at += 1)
    if (maskWord(address.words[at] ?? 0, prefix.length - at * 32) !== words[at]) return false;
  return true;
}

/** Negative when `a` comes first: by address, then the shorter. Both are of one family. */
export function comparePrefixes(a: IpPrefix, b: IpPrefix): number {
  for (const [index, word] of a.address.words.entries()) {
    const difference = word - (b.address.words[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function toAddress(parsed: ipaddr.IPv4 | ipaddr.IPv6): IpAddress {
  if (parsed.kind() === 'ipv4') {
    const [a = 0, b = 0, c = 0, d = 0] = (parsed as ipaddr.IPv4).octets;
    return { words: [((a << 24) | (b << 16) | (c << 8) | d) >>> 0] };
  }
  const parts = (parsed as ipaddr.IPv6).parts;
  return {
    words: [0, 2, 4, 6].map((at) => (((parts[at] ?? 0) << 16) | (parts[at + 1] ?? 0)) >>> 0),
  };
}
