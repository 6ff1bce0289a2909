import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from '../../../../src/server/proxy-protocol/crc32c.ts';
import { parseProxyHeader } from '../../../../src/server/proxy-protocol/parse-proxy-header.ts';
import { v2Header } from './v2-header.ts';

const parse = (text: string) => parseProxyHeader(Buffer.from(text, 'latin1'));

test('the checksum of the nine digits is the published one', () => {
  expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283');
});

test.each([
  ['PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n', '192.0.2.1'],
  ['PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n', '2001:db8::1'],
  ['PROXY UNKNOWN\r\n', undefined],
  ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', undefined],
])('version 1: %j', (text, client) => {
  expect(parse(`${text}GET`)).toEqual({ kind: 'header', client, bytes: text.length });
});

test.each([
  'PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.1 056324 443\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n',
  'PROXY TCP4 192.0.2.256 198.51.100.1 1 443\r\n',
  'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n',
  'PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n',
  'PROXY TCP6 fe80::1%eth0 2001:db8::2 1 2\r\n',
  'PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n',
  'PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n',
  `PROXY UNKNOWN ${'x'.repeat(200)}`,
  'GET / HTTP/1.1\r\n',
  'proxy TCP4',
  '\r\n\r\n\0\r\nQUIX',
  '\x16\x03\x01',
])('%j is no header', (text) => {
  expect(parse(text).kind).toBe('wrong');
});

test('version 2 with IPv4, IPv6, TLVs, a checksum, LOCAL and what has no address', () => {
  const clientOf = (header: Buffer) => parseProxyHeader(Buffer.concat([header, Buffer.from('rest')]));
  const whole = (header: Buffer, client: string | undefined) => ({ kind: 'header', client, bytes: header.length });
  const ipv4 = v2Header({ source: '192.0.2.1' });
  expect(clientOf(ipv4)).toEqual(whole(ipv4, '192.0.2.1'));
  const ipv6 = v2Header({ source: '2001:db8:0:0:0:0:0:1' });
  expect(clientOf(ipv6)).toEqual(whole(ipv6, '2001:db8:0:0:0:0:0:1'));
  const tlvs = v2Header({ source: '192.0.2.1', tlvs: Buffer.from([0xe0, 0, 2, 1, 2, 0x04, 0, 0]) });
  expect(clientOf(tlvs)).toEqual(whole(tlvs, '192.0.2.1'));
  const checked = v2Header({ source: '192.0.2.1', checksum: true });
  expect(clientOf(checked)).toEqual(whole(checked, '192.0.2.1'));
  const local = v2Header({ source: '192.0.2.1', command: 0 });
  expect(clientOf(local)).toEqual(whole(local, undefined));
  const unix = v2Header({ source: '192.0.2.1', family: 0x31 });
  expect(clientOf(unix)).toEqual(whole(unix, undefined));
});

test('version 2 with a wrong checksum, a TLV that overruns, too little or too much is refused', () => {
  const flipped = v2Header({ source: '192.0.2.1', checksum: true });
  flipped.writeUInt8((flipped[16] ?? 0) ^ 1, 16);
  const because = (header: Buffer) => parseProxyHeader(header);
  expect(because(flipped)).toEqual({ kind: 'wrong', because: 'its checksum is wrong' });
  expect(because(v2Header({ source: '192.0.2.1', tlvs: Buffer.from([1, 0, 9, 1]) })).kind).toBe('wrong');
  expect(because(v2Header({ source: '192.0.2.1', tlvs: Buffer.from([1]) })).kind).toBe('wrong');
  expect(because(v2Header({ source: '192.0.2.1', family: 0x21 })).kind).toBe('wrong');
  expect(because(v2Header({ source: '192.0.2.1', command: 2 })).kind).toBe('wrong');
  const long = v2Header({ source: '192.0.2.1' });
  long.writeUInt16BE(5000, 14);
  expect(because(long).kind).toBe('wrong');
});

test('every beginning of a right header asks for more, and any bytes get an answer', () => {
  for (const header of [
    Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n'),
    v2Header({ source: '192.0.2.1', checksum: true }),
  ])
    for (let length = 0; length < header.length; length += 1)
      expect(parseProxyHeader(header.subarray(0, length))).toEqual({ kind: 'more' });
  const starts = [Buffer.alloc(0), Buffer.from('PROXY '), v2Header({ source: '192.0.2.1' }).subarray(0, 12)];
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 200 }), (start, bytes) => {
      expect(['more', 'wrong', 'header']).toContain(parseProxyHeader(Buffer.concat([start, bytes])).kind);
    }),
    { numRuns: 2000 },
  );
});
