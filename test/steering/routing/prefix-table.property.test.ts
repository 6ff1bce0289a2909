import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatAddress,
  formatPrefix,
  type IpAddress,
  type IpPrefix,
  maskAddress,
} from '../../../steering/routing/ip-address.ts';
import { type PrefixRow, PrefixTable } from '../../../steering/routing/prefix-table.ts';

/** Bits as text, the most significant first: the slow matcher shares no code with the table. */
const bitsOf = ({ words }: IpAddress): string => words.map((word) => word.toString(2).padStart(32, '0')).join('');

function findSlowly(rows: readonly PrefixRow[], address: IpAddress): PrefixRow | undefined {
  const bits = bitsOf(address);
  return rows
    .filter(({ prefix }) => prefix.address.words.length === address.words.length)
    .filter(({ prefix }) => bits.startsWith(bitsOf(prefix.address).slice(0, prefix.length)))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

// Few distinct words make prefixes that nest and touch; random ones would never meet.
const words = fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xc0a80000, 0xc0a80100, 0xfffffffe, 0xffffffff);
const ipv4 = words.map((word): IpAddress => ({ words: [word] }));
const ipv6 = fc.tuple(words, words, words, words).map((all): IpAddress => ({ words: all }));

const prefixes = (addresses: fc.Arbitrary<IpAddress>, bits: number): fc.Arbitrary<IpPrefix> =>
  fc.tuple(addresses, fc.nat(bits)).map(([address, length]) => ({ address: maskAddress(address, length), length }));

const tables = fc
  .uniqueArray(fc.oneof(prefixes(ipv4, 32), prefixes(ipv6, 128)), { selector: formatPrefix, maxLength: 40 })
  .map((all): PrefixRow[] => all.map((prefix, index) => ({ prefix, siteId: `site-${index}` })));

/** The addresses where something may change: both ends of every prefix and their neighbours outside. */
function edgesOf(rows: readonly PrefixRow[]): IpAddress[] {
  return rows.flatMap(({ prefix }) => {
    const bits = prefix.address.words.length * 32;
    const first = BigInt(`0b${bitsOf(prefix.address)}`);
    const last = first + (1n << BigInt(bits - prefix.length)) - 1n;
    return [first - 1n, first, last, last + 1n]
      .filter((value) => value >= 0n && value < 1n << BigInt(bits))
      .map((value) => fromBigInt(value, bits));
  });
}

function fromBigInt(value: bigint, bits: number): IpAddress {
  const text = value.toString(2).padStart(bits, '0');
  return { words: (text.match(/.{32}/g) ?? []).map((word) => Number.parseInt(word, 2)) };
}

test('the table finds what a slow matcher finds, at every edge of every prefix and in between', () => {
  fc.assert(
    fc.property(tables, fc.array(fc.oneof(ipv4, ipv6), { maxLength: 10 }), (rows, extra) => {
      const table = new PrefixTable(rows);
      for (const address of [...edgesOf(rows), ...extra]) {
        const expected = findSlowly(rows, address);
        const found = table.find(address);
        expect(found && { ...found, at: formatAddress(address) }).toEqual(
          expected && { ...expected, at: formatAddress(address) },
        );
      }
    }),
    { numRuns: 1500 },
  );
});

test('of equal prefixes the last counts', () => {
  const prefix = { address: { words: [0x0a000000] }, length: 8 };
  const table = new PrefixTable([
    { prefix, siteId: 'first' },
    { prefix, siteId: 'last' },
  ]);
  expect(table.find({ words: [0x0a010203] })?.siteId).toBe('last');
});
