import { expect, test } from 'vitest';
import {
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
  prefixContains,
} from '../../../steering/routing/ip-address.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:201', '192.0.2.1'],
  ['2001:DB8::1', '2001:db8::1'],
  ['::1', '::1'],
  ['fe80::1%eth0', 'fe80::1'],
])('%s is the address %s', (text, expected) => {
  const address = parseAddress(text);
  expect(address && formatAddress(address)).toBe(expected);
});

test.each([
  '',
  '192.0.2',
  '0x7f.1',
  '192.0.2.256',
  '192.0.2.1:80',
  'example.net',
  '[::1]',
  '2001:db8:::1',
  '1.2.3.4.5',
])("'%s' is no address", (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['192.0.2.1/32', '192.0.2.1/32'],
  ['2001:db8::/32', '2001:db8::/32'],
  ['::/0', '::/0'],
  ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
])('%s is the prefix %s', (text, expected) => {
  const prefix = parsePrefix(text);
  expect('problem' in prefix ? prefix.problem : formatPrefix(prefix)).toBe(expected);
});

test.each([
  ['10.0.0.1/8', 'has bits set beyond its length: 10.0.0.0/8 is meant?'],
  ['10.0.0.0/33', 'has a length outside 0 to 32'],
  ['2001:db8::/129', 'has a length outside 0 to 128'],
  ['10.0.0.0', 'is not ADDRESS/LENGTH'],
  ['10.0.0.0/', 'is not ADDRESS/LENGTH'],
  ['10.0.0.0/-1', 'is not ADDRESS/LENGTH'],
  ['::ffff:10.0.0.0/90', 'has a length outside 0 to 32'],
])("'%s' %s", (text, problem) => {
  expect(parsePrefix(text)).toEqual({ problem });
});

test('a prefix contains its own family only', () => {
  const all = parsePrefix('0.0.0.0/0');
  const loopback = parseAddress('::1');
  if ('problem' in all || loopback === undefined) throw new Error('unreachable');
  expect(prefixContains(all, loopback)).toBe(false);
});
