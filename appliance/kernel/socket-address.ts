/**
 * Addresses of sockets as the kernel writes them (struct sockaddr_in and sockaddr_in6, ip(7) and ipv6(7)), to and from
 * the texts that Node gives for the same socket: both engines must name a viewer alike, since limits, logs and shares of
 * a load go by that name.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { AF_INET, AF_INET6 } from './linux-abi.ts';

/** Large enough for every address family (struct sockaddr_storage). */
export const SOCKET_ADDRESS_BYTES = 128;
const IPV4_BYTES = 16;
const IPV6_BYTES = 28;
const FIRST_LINK_LOCAL = 0xfe80;
const LINK_LOCAL_MASK = 0xffc0;

export interface SocketAddress {
  /** Like `socket.remoteAddress`: `192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1`, `fe80::1%eth0`; empty for no IP address. */
  readonly address: string;
  readonly port: number;
}

export const NO_ADDRESS: SocketAddress = { address: '', port: 0 };

/** Reads what accept4(2), getsockname(2) or getpeername(2) wrote. */
export function readSocketAddress(view: DataView): SocketAddress {
  const family = view.getUint16(0, true);
  if (family === AF_INET) return { address: readIpv4(view, 4), port: view.getUint16(2) };
  if (family !== AF_INET6) return NO_ADDRESS;
  const scope = view.getUint32(24, true);
  const isLinkLocal = (view.getUint16(8) & LINK_LOCAL_MASK) === FIRST_LINK_LOCAL;
  const zone = isLinkLocal ? `%${interfaceName(scope)}` : '';
  return { address: `${readIpv6(view, 8)}${zone}`, port: view.getUint16(2) };
}

/**
 * Writes an address for bind(2). @param address an IPv4 or IPv6 address in text
 * @returns how many bytes it has; 0 when it is no address
 */
export function writeSocketAddress(view: DataView, { address, port }: SocketAddress): number {
  for (let at = 0; at < SOCKET_ADDRESS_BYTES; at += 1) view.setUint8(at, 0);
  const [text = '', zone] = address.split('%');
  if (isIPv4(text)) {
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, port);
    writeIpv4(view, 4, text);
    return IPV4_BYTES;
  }
  if (!isIPv6(text)) return 0;
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  writeIpv6(view, 8, text);
  if (zone !== undefined) view.setUint32(24, interfaceScope(zone), true);
  return IPV6_BYTES;
}

/** The same address in the one text that the kernel's form of it gives. @param address an IPv4 or IPv6 address */
export function canonicalAddress(address: string): string {
  const view = new DataView(new ArrayBuffer(SOCKET_ADDRESS_BYTES));
  return writeSocketAddress(view, { address, port: 0 }) === 0 ? address : readSocketAddress(view).address;
}

const readIpv4 = (view: DataView, at: number): string =>
  `${view.getUint8(at)}.${view.getUint8(at + 1)}.${view.getUint8(at + 2)}.${view.getUint8(at + 3)}`;

function writeIpv4(view: DataView, at: number, text: string): void {
  for (const [index, part] of text.split('.').entries()) view.setUint8(at + index, Number(part));
}

/** RFC 5952, and IPv4 in IPv6 the way libuv writes it (uv_inet_ntop): the longest run of zeros is left out. */
function readIpv6(view: DataView, at: number): string {
  const groups: number[] = [];
  for (let index = 0; index < 8; index += 1) groups.push(view.getUint16(at + 2 * index));
  const { start, length } = longestZeros(groups);
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff))) {
    return `${length === 6 ? '::' : '::ffff:'}${readIpv4(view, at + 12)}`;
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: -1, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}

function writeIpv6(view: DataView, at: number, text: string): void {
  const lastColon = text.lastIndexOf(':');
  const hasIpv4 = text.includes('.');
  const [head = '', tail] = (hasIpv4 ? `${text.slice(0, lastColon)}:0:0` : text).split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  for (const [index, group] of before.entries()) view.setUint16(at + 2 * index, Number.parseInt(group, 16));
  for (const [index, group] of after.entries()) {
    view.setUint16(at + 2 * (8 - after.length + index), Number.parseInt(group, 16));
  }
  if (hasIpv4) writeIpv4(view, at + 12, text.slice(lastColon + 1));
}

/** As libuv says it; the number where the interface is gone. */
function interfaceName(scope: number): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some(({ scopeid }) => scopeid === scope)) return name;
  }
  return String(scope);
}

function interfaceScope(zone: string): number {
  return networkInterfaces()[zone]?.find(({ scopeid = 0 }) => scopeid > 0)?.scopeid ?? (Number(zone) || 0);
}
