import { expect, test } from 'vitest';
import { parseAddress } from '../../../steering/routing/ip-address.ts';
import { PrefixTable } from '../../../steering/routing/prefix-table.ts';
import { ReportLedger } from '../../../steering/routing/reports/report-ledger.ts';
import { RouteTable } from '../../../steering/routing/route-table.ts';
import { prefixOf, RULES, report } from './reports/reports.ts';

const row = (text: string, siteId: string) => ({ prefix: prefixOf(text), siteId });

function tableOf(...reports: ReadonlyArray<ReturnType<typeof report>>) {
  const ledger = new ReportLedger(RULES);
  for (const each of reports) ledger.take(each, undefined);
  const { table } = ledger.build(0);
  if (table === undefined) throw new Error('no table');
  return new PrefixTable(table);
}

function siteOf(table: RouteTable, text: string): string | undefined {
  const address = parseAddress(text);
  return address && table.current().find(address)?.siteId;
}

test('reports and file are one table: the longest prefix wins, and for equal ones the file', () => {
  const table = new RouteTable();
  table.setFileTable(PrefixTable.of([row('8.0.0.0/8', 'file'), row('9.0.0.0/8', 'file')]));
  table.setReportTable(tableOf(report('a', 'north', ['8.8.8.0/24', '9.0.0.0/8'])));
  expect(siteOf(table, '8.8.8.8')).toBe('north');
  expect(siteOf(table, '8.8.9.8')).toBe('file');
  expect(siteOf(table, '9.9.9.9')).toBe('file');
  expect(table.current().size).toBe(4);
});

test('routes that were taken stay as they were while the next ones come', () => {
  const table = new RouteTable();
  table.setReportTable(tableOf(report('a', 'north', ['8.8.8.0/24'])));
  const before = table.current();
  table.setFileTable(PrefixTable.of([row('8.8.8.0/24', 'south')]));
  expect(before.find({ words: [0x08080808] })?.siteId).toBe('north');
  expect(siteOf(table, '8.8.8.8')).toBe('south');
});

test('the version names the content: the same for the same rows in another order, another for others', () => {
  const version = (...rows: ReadonlyArray<ReturnType<typeof row>>): string => {
    const table = new RouteTable();
    table.setFileTable(PrefixTable.of(rows));
    return table.current().version;
  };
  const a = row('8.0.0.0/8', 'north');
  const b = row('9.0.0.0/8', 'north');
  expect(version(a, b)).toBe(version(b, a));
  expect(version(a, b)).not.toBe(version(a));
  expect(version(a)).not.toBe(version(row('8.0.0.0/8', 'south')));
});
