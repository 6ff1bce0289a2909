import { isIPv4, isIPv6 } from 'node:net';
import { crc32c } from './crc32c.ts';

/**
 * The header by which a load balancer tells whose connection it passes on: the PROXY protocol, versions 1 and 2 (HAProxy,
 * "The PROXY protocol", 2020/03/05, sections 2.1 and 2.2).
 *
 * It stands in front of everything, TLS included, and comes in pieces like any other bytes, so a parse answers one of
 * three things: what it says, that it cannot be one, or that more is needed. What cannot be one any more is known at
 * the first wrong byte, and no header is longer than its limit.
 */
export type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'wrong'; readonly because: string }
  /** @param client undefined: the balancer speaks for itself (LOCAL, UNKNOWN), or for something without an address */
  | { readonly kind: 'header'; readonly client: string | undefined; readonly bytes: number };

const V1_START = Buffer.from('PROXY ');
/** Section 2.1: the longest line, with its end. */
const V1_MAX_BYTES = 107;
const V2_START = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_FIXED_BYTES = 16;
/** Addresses take 36 bytes; the rest is for TLVs, of which ours are none. */
const V2_MAX_LENGTH = 4096;
const V2_TCP_IPV4 = 0x11;
const V2_TCP_IPV6 = 0x21;
const TLV_CRC32C = 0x03;

const MORE: ProxyHeader = { kind: 'more' };
const wrong = (because: string): ProxyHeader => ({ kind: 'wrong', because });

/** @param bytes all that has arrived so far */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2_START)) return bytes.length < V2_FIXED_BYTES ? MORE : parseV2(bytes);
  if (startsLike(bytes, V1_START)) return bytes.length < V1_START.length ? MORE : parseV1(bytes);
  return wrong('it does not begin like a PROXY header');
}

function parseV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n');
  if (end === -1) return bytes.length >= V1_MAX_BYTES ? wrong('its line does not end') : MORE;
  const words = bytes.toString('latin1', 0, end).split(' ');
  const header = { kind: 'header', bytes: end + 2 } as const;
  // Whatever follows UNKNOWN is to be ignored.
  if (words[1] === 'UNKNOWN') return { ...header, client: undefined };
  const [, family, source = '', target = '', sourcePort = '', targetPort = ''] = words;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined || words.length !== 6) return wrong('its line has not the words that it should');
  if (!isAddress(source) || !isAddress(target) || source.includes('%')) return wrong('an address in it is none');
  if (!isPort(sourcePort) || !isPort(targetPort)) return wrong('a port in it is none');
  return { ...header, client: source };
}

const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

function parseV2(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes[12] ?? 0;
  const family = bytes[13] ?? 0;
  const length = bytes.readUInt16BE(14);
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) return wrong('its version or command is not known');
  if (length > V2_MAX_LENGTH) return wrong(`it is longer than ${V2_MAX_LENGTH} bytes`);
  const end = V2_FIXED_BYTES + length;
  if (bytes.length < end) return MORE;
  const header = { kind: 'header', bytes: end } as const;
  const isLocal = versionAndCommand === 0x20;
  const addressBytes = family === V2_TCP_IPV4 ? 4 : family === V2_TCP_IPV6 ? 16 : 0;
  // Datagrams, UNIX sockets and families to come are taken, and tell no address.
  if (isLocal || addressBytes === 0) return { ...header, client: undefined };
  const addressesEnd = V2_FIXED_BYTES + 2 * addressBytes + 4;
  if (addressesEnd > end) return wrong('it is too short for its addresses');
  const problem = checkTlvs(bytes.subarray(0, end), addressesEnd);
  if (problem !== undefined) return wrong(problem);
  const address = bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + addressBytes);
  return { ...header, client: addressBytes === 4 ? address.join('.') : ipv6Text(address) };
}

/** TLVs are skipped, all but the checksum, which has to be right where there is one (section 2.2.3). */
function checkTlvs(header: Buffer, start: number): string | undefined {
  for (let at = start; at < header.length; ) {
    if (at + 3 > header.length) return 'a TLV in it has no length';
    const valueStart = at + 3;
    const valueEnd = valueStart + header.readUInt16BE(at + 1);
    if (valueEnd > header.length) return 'a TLV in it is longer than the header';
    if (header[at] === TLV_CRC32C) {
      if (valueEnd - valueStart !== 4) return 'its checksum has not four bytes';
      const blank = Buffer.from(header).fill(0, valueStart, valueEnd);
      if (crc32c(blank) !== header.readUInt32BE(valueStart)) return 'its checksum is wrong';
    }
    at = valueEnd;
  }
  return undefined;
}

/** Not shortened; whoever compares addresses parses them. */
const ipv6Text = (address: Buffer): string =>
  Array.from({ length: 8 }, (_, word) => address.readUInt16BE(2 * word).toString(16)).join(':');

const startsLike = (bytes: Buffer, start: Buffer): boolean => {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
};
