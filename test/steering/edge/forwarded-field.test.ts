import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientAddress, parseTrustedProxies } from '../../../steering/edge/client-address.ts';
import { forwardedFrom } from '../../../steering/edge/forwarded-field.ts';

const textsOf = (field: string): string[] =>
  forwardedFrom(field, 16).map((node) => (node.kind === 'address' ? node.text : 'hidden'));

test.each([
  ['for=192.0.2.43', ['192.0.2.43']],
  ['For="[2001:db8:cafe::17]:4711"', ['2001:db8:cafe::17']],
  ['for=192.0.2.60;proto=http;by=203.0.113.43', ['192.0.2.60']],
  ['for=192.0.2.43, for=198.51.100.17', ['198.51.100.17', '192.0.2.43']],
  ['for=192.0.2.43,for="[2001:db8::17]";by=_b,for=unknown', ['hidden', '2001:db8::17', '192.0.2.43']],
  ['for=_hidden, for=_SEVKISEK', ['hidden', 'hidden']],
  ['for="_gazonk:_port"', ['hidden']],
  ['for="192.0.2.1:80"', ['192.0.2.1']],
  ['for=[2001:db8::1]:443', ['2001:db8::1']],
  ['for=2001:db8::1', ['2001:db8::1']],
  [' for=192.0.2.1 ; proto=https , , for=192.0.2.2', ['192.0.2.2', '192.0.2.1']],
  ['by=1;host="a, for=9.9.9.9";for=192.0.2.1', ['192.0.2.1']],
  [String.raw`for=192.0.2.1;host="a\", for=9.9.9.9"`, ['192.0.2.1']],
  [String.raw`for=192.0.2.1;host="a\\"`, ['192.0.2.1']],
  ['', []],
  ['for', []],
  ['for=', []],
  ['for=""', []],
  ['for="192.0.2.1', []],
  ['for=192.0.2.1"', []],
  ['proto=https', []],
  ['for=1.1.1.1;for=192.0.2.1', []],
  ['for=1.1.1.1, proto=https, for=192.0.2.1', ['192.0.2.1']],
  ['for=1.1.1.1 for=192.0.2.1', []],
  ['for=example.com', []],
])('%s', (field, expected) => {
  expect(textsOf(field)).toEqual(expected);
});

test('whatever a client puts in front, the element of our proxy counts and is the first', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60, unit: fc.constantFrom(...'for="\\,;[]: 1._x'.split('')) }), (invented) => {
      expect(textsOf(`${invented}, for=198.51.100.7;proto=https`)[0]).toBe('198.51.100.7');
    }),
    { numRuns: 5000 },
  );
});

test('no text makes it throw or take long', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (field) => {
      expect(forwardedFrom(field, 16).length).toBeLessThanOrEqual(16);
    }),
  );
  expect(textsOf(`${'\\'.repeat(8000)}"`)).toEqual([]);
  expect(textsOf('for=192.0.2.1,'.repeat(1000))).toHaveLength(16);
});

const PROXIES = parseTrustedProxies(['10.0.0.0/8']);

test.each([
  ['a proxy names its client', 'for=198.51.100.1', '198.51.100.1'],
  ['a chain of proxies is followed', 'for=198.51.100.1, for=10.0.0.2', '198.51.100.1'],
  ['what stands left of the first stranger was invented', 'for=1.1.1.1, for=198.51.100.1', '198.51.100.1'],
  ['an open quote swallows nothing', 'for="1.1.1.1, for=198.51.100.1', '198.51.100.1'],
  ['whoever hides is the proxy', 'for=1.1.1.1, for=_hidden', '10.0.0.1'],
  ['nonsense is the proxy', 'for=999.1.1.1', '10.0.0.1'],
])('%s', (_sentence, field, expected) => {
  expect(clientAddress('10.0.0.1', field, PROXIES, 'forwarded')).toBe(expected);
});
