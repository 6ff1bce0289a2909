import { compareRows, type FamilyColumns, type ReportColumns } from './report-columns.ts';

/**
 * How much of what an appliance heard is announced by another AS now (RFC 7908 calls it a re-origination leak; it is
 * also what a hijack looks like). One prefix that changes hands is business, many at once are not.
 * @returns the share of the addresses of prefixes that both reports have with an origin, the larger of both families
 */
export function measureOrigins(
  before: ReportColumns,
  after: ReportColumns,
): { readonly share: number; readonly stretches: number } {
  let share = 0;
  let stretches = 0;
  for (const family of ['ipv4', 'ipv6'] as const) {
    const { known, changed, prefixes } = compareFamily(before[family], after[family]);
    if (known > 0) share = Math.max(share, changed / known);
    stretches += prefixes;
  }
  return { share, stretches };
}

function compareFamily(
  before: FamilyColumns,
  after: FamilyColumns,
): { known: number; changed: number; prefixes: number } {
  let [known, changed, prefixes] = [0, 0, 0];
  let [old, fresh] = [0, 0];
  while (old < before.count && fresh < after.count) {
    const order = compareRows(before, old, after, fresh);
    if (order === 0) {
      const [was, is] = [before.originAsns[old] ?? 0, after.originAsns[fresh] ?? 0];
      const addresses = 2 ** -(before.lengths[old] ?? 0);
      if (was !== 0 && is !== 0) known += addresses;
      if (was !== 0 && is !== 0 && was !== is) {
        changed += addresses;
        prefixes += 1;
      }
    }
    if (order <= 0) old += 1;
    if (order >= 0) fresh += 1;
  }
  return { known, changed, prefixes };
}
