import { formatBytes } from '../quantity.ts';
import { formatTable } from '../table.ts';
import type { PlanDiffs } from './plan-answers.ts';

const SHOWN_ROWS = 20;

/** What changed between plans, for people: one line per appliance, or every rendition of a single one. */
export function describeDiffs({ diffs }: PlanDiffs, appliance: string | undefined): string {
  const [only] = diffs;
  if (appliance !== undefined && only !== undefined) return describeDiff(only);
  if (diffs.length === 0) return 'no appliance has two plans to compare yet\n';
  const rows = diffs.map((diff) => [
    diff.applianceId,
    `${diff.fromVersion} -> ${diff.toVersion}`,
    String(diff.comes.length),
    formatBytes(diff.comesBytes),
    String(diff.goes.length + diff.leftCatalogue.length),
    formatBytes(diff.goesBytes),
    formatBytes(diff.staysBytes),
    `${formatBytes(diff.servedBeforeBytes)} -> ${formatBytes(diff.servedAfterBytes)}`,
  ]);
  const header = ['APPLIANCE', 'PLANS', 'COMES', 'SIZE', 'GOES', 'SIZE', 'STAYS', 'SERVES A DAY'];
  return `${formatTable(header, rows)}\n`;
}

type Diff = PlanDiffs['diffs'][number];

function describeDiff(diff: Diff): string {
  const {
    applianceId,
    fromVersion,
    toVersion,
    leftCatalogue,
    comes,
    goes,
    comesBytes,
    goesBytes,
    staysCount,
    staysBytes,
  } = diff;
  return [
    `${applianceId}: plan ${fromVersion} -> ${toVersion}\n`,
    `  comes  ${comes.length} renditions, ${formatBytes(comesBytes)}\n`,
    `  goes   ${goes.length} renditions, ${formatBytes(goesBytes)}\n`,
    ...(leftCatalogue.length === 0
      ? []
      : [`         and ${leftCatalogue.length} that left the catalogue: ${listed(leftCatalogue)}\n`]),
    `  stays  ${staysCount} renditions, ${formatBytes(staysBytes)}\n`,
    `  expected to serve a day ${effectOf(diff)}\n`,
    rowsOf('+', comes),
    rowsOf('-', goes),
  ].join('');
}

const listed = (names: readonly string[]): string =>
  names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and others`;

function rowsOf(sign: string, rows: Diff['comes']): string {
  if (rows.length === 0) return '';
  const shown = rows
    .slice(0, SHOWN_ROWS)
    .map(({ rendition, part, sizeBytes, expectedBytes }) => [
      sign,
      rendition,
      part,
      formatBytes(sizeBytes),
      formatBytes(expectedBytes),
    ]);
  const more = rows.length > SHOWN_ROWS ? `${sign}  and ${rows.length - SHOWN_ROWS} more, worth less\n` : '';
  return `\n${formatTable(['', 'RENDITION', 'PART', 'SIZE', 'ASKED FOR A DAY'], shown)}\n${more}`;
}

function effectOf({ servedBeforeBytes, servedAfterBytes }: Diff): string {
  const change = servedAfterBytes - servedBeforeBytes;
  const sign = change < 0 ? '-' : '+';
  return `${formatBytes(servedBeforeBytes)} -> ${formatBytes(servedAfterBytes)} (${sign}${formatBytes(Math.abs(change))})`;
}
