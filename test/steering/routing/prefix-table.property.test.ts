import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildPrefixTable } from '../../../steering/routing/build-prefix-table.ts';
import {
  formatAddress,
  formatPrefix,
  type IpAddress,
  type IpPrefix,
  maskAddress,
} from '../../../steering/routing/ip-address.ts';
import { type PrefixRow, PrefixRows } from '../../../steering/routing/prefix-rows.ts';
import { PrefixTable } from '../../../steering/routing/prefix-table.ts';

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
      const table = PrefixTable.of(rows);
      for (const address of [...edgesOf(rows), ...extra]) {
        const expected = findSlowly(rows, address);
        const found = table.find(address);
        expect(found && { ...found, at: formatAddress(address) }).toEqual(
          expected && { prefix: expected.prefix, value: expected.siteId, at: formatAddress(address) },
        );
      }
    }),
    { numRuns: 1500 },
  );
});

test('equal prefixes are one; given to two sites they are told as a contradiction', () => {
  const prefix = { address: { words: [0x0a000000] }, length: 8 };
  const rows = new PrefixRows();
  for (const siteId of ['north', 'north', 'south']) rows.add(prefix, rows.siteNumber(siteId) ?? 0);
  const { data, conflicts } = buildPrefixTable(rows);
  expect(data.size).toBe(1);
  expect(conflicts).toEqual([{ words: [0x0a000000], length: 8 }]);
  expect(new PrefixTable(data).find({ words: [0x0a010203] })?.value).toBe('north');
});

test('columns grow with their rows', () => {
  const rows = new PrefixRows();
  for (let index = 0; index < 5000; index += 1) {
    rows.add({ address: { words: [(index * 65_536) >>> 0] }, length: 16 }, rows.siteNumber(`s${index % 7}`) ?? 0);
    rows.add({ address: { words: [0x20010000 + index, 0, 0, 0] }, length: 32 }, rows.siteNumber(`t${index % 5}`) ?? 0);
  }
  const table = new PrefixTable(buildPrefixTable(rows).data);
  expect(table.size).toBe(10_000);
  for (const index of [0, 1, 1023, 1024, 2048, 4999]) {
    expect(table.find({ words: [index * 65_536 + 99] })?.value).toBe(`s${index % 7}`);
    expect(table.find({ words: [0x20010000 + index, 1, 2, 3] })?.value).toBe(`t${index % 5}`);
  }
});
