import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPrefix, maskAddress } from '../../../steering/routing/ip-address.ts';
import { isMass, massChange, measureChange } from '../../../steering/routing/measure-change.ts';
import type { PrefixRow } from '../../../steering/routing/prefix-rows.ts';
import { PrefixTable } from '../../../steering/routing/prefix-table.ts';
import { prefixOf } from './reports/reports.ts';

/** IPv4 of 20.0.0.0/22 only, so that every address of it can be looked at one by one. */
const SPACE = 0x14000000;
const rows = fc
  .uniqueArray(
    fc.tuple(fc.nat(1023), fc.integer({ min: 22, max: 32 })).map(([at, length]) => ({
      address: maskAddress({ words: [SPACE + at] }, length),
      length,
    })),
    { selector: formatPrefix, maxLength: 12 },
  )
  .chain((prefixes) =>
    fc
      .array(fc.constantFrom('north', 'south', 'west'), { minLength: prefixes.length, maxLength: prefixes.length })
      .map((sites) => prefixes.map((prefix, index): PrefixRow => ({ prefix, siteId: sites[index] ?? 'north' }))),
  );

const same = (siteId: string): string => siteId;
const change = (before: readonly PrefixRow[], after: readonly PrefixRow[]) =>
  measureChange(PrefixTable.of(before).data, PrefixTable.of(after).data, same);

/** Each address that had a site, one by one. */
function shareSlowly(before: readonly PrefixRow[], after: readonly PrefixRow[], of?: string): number {
  const [old, fresh] = [PrefixTable.of(before), PrefixTable.of(after)];
  let [total, changed] = [0, 0];
  for (let at = 0; at < 1024; at += 1) {
    const address = { words: [SPACE + at] };
    const was = old.find(address)?.value;
    if (was === undefined || (of !== undefined && was !== of)) continue;
    total += 1;
    if (fresh.find(address)?.value !== was) changed += 1;
  }
  return total === 0 ? 0 : changed / total;
}

test('the share is that of the addresses, one by one, of all and of each site', () => {
  fc.assert(
    fc.property(rows, rows, (before, after) => {
      const { share, bySite } = change(before, after);
      expect(share).toBeCloseTo(shareSlowly(before, after), 10);
      for (const site of ['north', 'south', 'west'])
        expect(bySite.get(site)?.share ?? 0).toBeCloseTo(shareSlowly(before, after, site), 10);
    }),
    { numRuns: 200 },
  );
});

test('nothing changes against itself or from nothing, and everything to nothing', () => {
  fc.assert(
    fc.property(rows, (all) => {
      expect(change(all, all)).toEqual({ share: 0, stretches: 0, bySite: new Map() });
      expect(change([], all).share).toBe(0);
      expect(change(all, []).share).toBe(all.length === 0 ? 0 : 1);
    }),
  );
});

test('IPv6 counts for itself: its share is not drowned by IPv4', () => {
  const ipv4 = { prefix: prefixOf('20.0.0.0/8'), siteId: 'north' };
  const ipv6 = { prefix: prefixOf('2a00:1450::/32'), siteId: 'south' };
  expect(change([ipv4, ipv6], [ipv4])).toMatchObject({ share: 1, stretches: 1 });
});

test('a mass is a share and a number', () => {
  const rules = { maxShare: 0.5, minStretches: 10 };
  expect(isMass({ share: 0.6, stretches: 10 }, rules)).toBe(true);
  expect(isMass({ share: 0.5, stretches: 100 }, rules)).toBe(false);
  expect(isMass({ share: 1, stretches: 9 }, rules)).toBe(false);
  expect(massChange({ share: 1, stretches: 10, bySite: new Map() }, { ...rules, maxShare: 1 })).toBeUndefined();
});
