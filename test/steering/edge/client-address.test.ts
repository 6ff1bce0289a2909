import { expect, test } from 'vitest';
import { ClientAddresses, clientAddress, parseTrustedProxies } from '../../../steering/edge/client-address.ts';

const PROXIES = parseTrustedProxies(['10.0.0.0/8', '::1/128']);

test.each([
  ['a direct client is its socket', '203.0.113.7', undefined, '203.0.113.7'],
  ['IPv4 in IPv6 clothes is IPv4', '::ffff:203.0.113.7', undefined, '203.0.113.7'],
  ['a client that is no proxy is not believed', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
  ['a trusted proxy names its client', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['what stands left of the first stranger was invented', '10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
  ['a chain of trusted proxies is followed', '::1', '198.51.100.1, 10.0.0.2', '198.51.100.1'],
  ['a chain of nothing but proxies ends at the last', '::1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['nonsense ends the chain', '10.0.0.1', '198.51.100.1, unknown', '10.0.0.1'],
  ['an empty header changes nothing', '10.0.0.1', '', '10.0.0.1'],
  ['ports are dropped', '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
  ['ports are dropped from IPv4 too', '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
])('%s', (_sentence, socket, forwarded, expected) => {
  expect(clientAddress(socket, forwarded, PROXIES)).toBe(expected);
});

test('several headers are one list', () => {
  expect(clientAddress('10.0.0.1', ['198.51.100.1', '10.0.0.2'], PROXIES)).toBe('198.51.100.1');
});

test('a header of any length is read for a few hops only', () => {
  const endless = Array.from({ length: 10_000 }, () => '10.0.0.2').join(',');
  expect(clientAddress('10.0.0.1', endless, PROXIES)).toBe('10.0.0.2');
});

test('a proxy that is no CIDR is named', () => {
  expect(() => parseTrustedProxies(['10.0.0.1'])).toThrow("'10.0.0.1' is not ADDRESS/LENGTH");
});

test('who asks is found for each request of a connection anew, for any number of clients and connections in turn', () => {
  const addresses = new ClientAddresses(PROXIES, 'x-forwarded-for');
  const ask = (socket: string, forwarded?: string) =>
    addresses.of(socket, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded });
  for (let round = 0; round < 2; round += 1) {
    expect(ask('10.0.0.1', '198.51.100.1')).toBe('198.51.100.1');
    expect(ask('10.0.0.1', '198.51.100.2')).toBe('198.51.100.2');
    expect(ask('10.0.0.1')).toBe('10.0.0.1');
    expect(ask('203.0.113.7', '198.51.100.1')).toBe('203.0.113.7');
    for (let client = 0; client < 30_000; client += 1)
      expect(ask('10.0.0.1', `198.51.${client >> 8}.${client & 255}`)).toBe(`198.51.${client >> 8}.${client & 255}`);
  }
});
