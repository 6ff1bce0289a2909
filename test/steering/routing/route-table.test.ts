import { expect, test } from 'vitest';
import type { RouteReport } from '../../../src/contracts/route-report.ts';
import { filterRoutes } from '../../../steering/routing/filter-routes.ts';
import { formatPrefix, parseAddress, parsePrefix } from '../../../steering/routing/ip-address.ts';
import { PrefixTable } from '../../../steering/routing/prefix-table.ts';
import { RouteTable } from '../../../steering/routing/route-table.ts';

const report = (
  applianceId: string,
  siteId: string,
  routes: Array<string | RouteReport['routes'][number]>,
  reportedAtMs = 1000,
): RouteReport => ({
  version: 1,
  applianceId,
  siteId,
  reportedAtMs,
  routes: routes.map((route) => (typeof route === 'string' ? { prefix: route } : route)),
});

const row = (text: string, siteId: string) => {
  const prefix = parsePrefix(text);
  if ('problem' in prefix) throw new Error(prefix.problem);
  return { prefix, siteId };
};

function siteOf(table: RouteTable, text: string): string | undefined {
  const address = parseAddress(text);
  return address && table.current().find(address)?.siteId;
}

test('default routes, routes too short or too long, private space and nonsense are refused and counted', () => {
  const routes = [
    '0.0.0.0/0',
    '::/0',
    '8.0.0.0/7',
    '8.8.8.8/32',
    '2a00::/12',
    '2a00:1450::/64',
    '10.0.0.0/8',
    'x',
    '8.8.8.0/24',
    '2a00:1450::/32',
  ];
  const { routes: kept, refused } = filterRoutes(report('a', 'north', routes), false);
  expect(kept.map(({ prefix }) => formatPrefix(prefix))).toEqual(['8.8.8.0/24', '2a00:1450::/32']);
  expect(refused).toEqual({ malformed: 1, default: 2, 'too-short': 2, 'too-long': 2, 'special-purpose': 1 });
});

test('development may allow private and loopback space, but never a default route', () => {
  const { routes } = filterRoutes(report('a', 'north', ['127.0.0.0/8', '10.1.2.3/32', 'fd00::/64', '0.0.0.0/0']), true);
  expect(routes.map(({ prefix }) => formatPrefix(prefix))).toEqual(['127.0.0.0/8', '10.1.2.3/32', 'fd00::/64']);
});

test('reports and file are one table: the longest prefix wins, and for equal ones the file', () => {
  const table = new RouteTable({ allowPrivate: false });
  table.setFileTable(PrefixTable.of([row('8.0.0.0/8', 'file'), row('9.0.0.0/8', 'file')]));
  table.setReport(report('a', 'north', ['8.8.8.0/24', '9.0.0.0/8']));
  expect(siteOf(table, '8.8.8.8')).toBe('north');
  expect(siteOf(table, '8.8.9.8')).toBe('file');
  expect(siteOf(table, '9.9.9.9')).toBe('file');
});

test('of two sites that announce the same prefix the shorter path wins, then the lower MED, then the lower name', () => {
  const routes = (asPathLength: number, med: number) => [{ prefix: '8.8.8.0/24', asPathLength, med }];
  for (const [north, south, winner] of [
    [routes(2, 0), routes(1, 9), 'south'],
    [routes(1, 5), routes(1, 9), 'north'],
    [routes(1, 5), routes(1, 5), 'north'],
  ] as const) {
    for (const order of [0, 1]) {
      const table = new RouteTable({ allowPrivate: false });
      const reports = [report('n', 'north', [...north]), report('s', 'south', [...south])];
      for (const each of order === 0 ? reports : reports.reverse()) table.setReport(each);
      expect(siteOf(table, '8.8.8.8')).toBe(winner);
    }
  }
});

test("an appliance's new report takes the place of the one before; an older one that comes late changes nothing", () => {
  const table = new RouteTable({ allowPrivate: false });
  table.setReport(report('a', 'north', ['8.8.8.0/24'], 2000));
  expect(table.setReport(report('a', 'north', ['9.9.9.0/24'], 1000))).toBeUndefined();
  expect(siteOf(table, '8.8.8.8')).toBe('north');
  table.setReport(report('a', 'north', ['9.9.9.0/24'], 3000));
  expect(siteOf(table, '8.8.8.8')).toBeUndefined();
  expect(siteOf(table, '9.9.9.9')).toBe('north');
});

test('a table that was taken stays as it was while the next one is built', () => {
  const table = new RouteTable({ allowPrivate: false });
  table.setReport(report('a', 'north', ['8.8.8.0/24']));
  const before = table.current();
  table.setFileTable(PrefixTable.of([row('8.8.8.0/24', 'south')]));
  expect(before.find({ words: [0x08080808] })?.siteId).toBe('north');
  expect(siteOf(table, '8.8.8.8')).toBe('south');
});
