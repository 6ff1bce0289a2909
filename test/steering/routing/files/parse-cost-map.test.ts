import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCostMap } from '../../../../steering/routing/files/parse-cost-map.ts';
import { parseAddress } from '../../../../steering/routing/ip-address.ts';
import { PrefixTable } from '../../../../steering/routing/prefix-table.ts';

/** Costs at an address, or what is wrong with the map. */
function costs(text: string, at: string): unknown {
  const parsed = parseCostMap(Buffer.from(text));
  if (parsed.kind === 'broken') return parsed.problems;
  const address = parseAddress(at);
  const found = address && new PrefixTable(parsed.table).find(address)?.value;
  return found && Object.fromEntries(found);
}

const CSV = `prefix,site,cost
20.0.0.0/8,north,10
20.0.0.0/8,south,7.5
20.1.0.0/16,south,1 # a town
"2a00:1450::/32", "north", 3
`;

test('CSV: the rows of the longest prefix count, and those around it do not', () => {
  expect(costs(CSV, '20.9.0.1')).toEqual({ north: 10, south: 7.5 });
  expect(costs(CSV, '20.1.0.1')).toEqual({ south: 1 });
  expect(costs(CSV, '2a00:1450::1')).toEqual({ north: 3 });
  expect(costs(CSV, '30.0.0.1')).toBeUndefined();
});

test('JSON: a list, or the maps of ALTO', () => {
  const list = JSON.stringify([{ prefix: '20.0.0.0/8', site: 'north', cost: 0 }]);
  expect(costs(list, '20.0.0.1')).toEqual({ north: 0 });
  const alto = JSON.stringify({
    'network-map': { town: { ipv4: ['20.1.0.0/16'], ipv6: ['2a00:1450::/32'] }, rest: { ipv4: ['20.0.0.0/8'] } },
    'cost-map': { town: { north: 1, south: 5 }, rest: { north: 9 } },
  });
  expect(costs(alto, '20.1.0.1')).toEqual({ north: 1, south: 5 });
  expect(costs(alto, '2a00:1450::1')).toEqual({ north: 1, south: 5 });
  expect(costs(alto, '20.2.0.1')).toEqual({ north: 9 });
});

test.each([
  ['20.0.0.0/8,north', "line 1: '20.0.0.0/8,north' is not PREFIX,SITE,COST"],
  ['20.0.0.0/8,north,-1', "line 1: '-1' is no cost from 0 to 1000000000"],
  ['20.0.0.0/8,north,near', "line 1: 'near' is no cost from 0 to 1000000000"],
  ['20.0.0.0/8,north,', "line 1: '' is no cost from 0 to 1000000000"],
  ['20.0.0.1/8,north,1', "line 1: '20.0.0.1/8' has bits set beyond its length: 20.0.0.0/8 is meant?"],
  ['20.0.0.0/8,NORTH,1', "line 1: site 'NORTH' must be 1 to 32 of a-z 0-9 . _ - and begin with a letter or digit"],
  ['20.0.0.0/8,north,1\n20.0.0.0/8,north,2', 'line 2: site north costs 2 here and 1 before'],
  ['{"cost-map":{}}', /^file: is neither a list nor an ALTO map/],
  ['[{"prefix":"20.0.0.0/8"}]', 'entry 1: is not {"prefix": TEXT, "site": TEXT, "cost": NUMBER}'],
])('%j is refused whole, with its line', (text, problem) => {
  expect(costs(text, '20.0.0.1')).toEqual([typeof problem === 'string' ? problem : expect.stringMatching(problem)]);
});

test('the order of rows and of sites means nothing', () => {
  const row = fc.tuple(fc.constantFrom('20.0.0.0/8', '20.1.0.0/16', '2a00:1450::/32'), fc.constantFrom('a', 'b', 'c'));
  const rows = fc.uniqueArray(row, { selector: String, minLength: 1 });
  fc.assert(
    fc.property(
      rows.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      ([all, shuffled]) => {
        const version = (some: typeof all) => {
          const parsed = parseCostMap(
            Buffer.from(some.map(([prefix, site]) => `${prefix},${site},${site.charCodeAt(0)}`).join('\n')),
          );
          if (parsed.kind === 'broken') throw new Error(parsed.problems.join());
          const table = new PrefixTable(parsed.table);
          return ['20.1.0.1', '20.2.0.1', '2a00:1450::1'].map((text) => {
            const address = parseAddress(text);
            return [...((address && table.find(address)?.value) ?? [])];
          });
        };
        expect(version(shuffled)).toEqual(version(all));
      },
    ),
  );
});
