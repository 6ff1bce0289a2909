import { isIPv6, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalAddress,
  NO_ADDRESS,
  readSocketAddress,
  SOCKET_ADDRESS_BYTES,
  writeSocketAddress,
} from '../../../appliance/kernel/socket-address.ts';

const view = new DataView(new ArrayBuffer(SOCKET_ADDRESS_BYTES));
const ipv4 = fc.ipV4();
/** Many zeros, since runs of them are what texts differ by. */
const groups = fc.array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
/** Those with a zone are no address without it. */
const isLinkLocal = (first: number): boolean => (first & 0xffc0) === 0xfe80;

describe('an address of a socket', () => {
  it('is the text that Node has for the same bytes', () => {
    fc.assert(
      fc.property(groups, (parts) => {
        fc.pre(!isLinkLocal(parts[0] ?? 0));
        const text = parts.map((part) => part.toString(16)).join(':');
        expect(canonicalAddress(text)).toBe(new SocketAddress({ address: text, family: 'ipv6' }).address);
      }),
    );
  });

  it('is read from any text of it, and port and family come back', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, fc.ipV6()), fc.nat(65_535), (text, port) => {
        fc.pre(!/^fe[89ab]/i.test(text));
        const length = writeSocketAddress(view, { address: text, port });
        expect(length).toBe(isIPv6(text) ? 28 : 16);
        const family = isIPv6(text) ? 'ipv6' : 'ipv4';
        const { address } = new SocketAddress({ address: text, family, port });
        expect(readSocketAddress(view)).toEqual({ address, port });
      }),
    );
  });

  it('has IPv4 in IPv6 as Node writes it', () => {
    expect(canonicalAddress('::ffff:192.0.2.1')).toBe('::ffff:192.0.2.1');
    expect(canonicalAddress('0:0:0:0:0:ffff:c000:201')).toBe('::ffff:192.0.2.1');
    expect(canonicalAddress('64:ff9b::192.0.2.33')).toBe('64:ff9b::c000:221');
    expect(canonicalAddress('::1')).toBe('::1');
  });

  it('is none where there is none', () => {
    expect(writeSocketAddress(view, { address: 'localhost', port: 1 })).toBe(0);
    expect(readSocketAddress(view)).toEqual(NO_ADDRESS);
    expect(writeSocketAddress(view, { address: '', port: 1 })).toBe(0);
  });

  it('keeps the interface of a link-local one', () => {
    writeSocketAddress(view, { address: 'fe80::1%4242', port: 1 });
    expect(readSocketAddress(view)).toEqual({ address: 'fe80::1%4242', port: 1 });
  });
});
