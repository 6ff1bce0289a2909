import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { History } from './history.ts';

const PERIODS = ['2023H1', '2023H2', '2024H1', '2024H2'] as const;

/** Published lists and catalogues of a large service. @returns undefined when the folder does not hold them all */
export function readHistory(dir: string): History | undefined {
  const files = ['weekly-global.tsv', 'weekly-countries.tsv.gz', ...PERIODS.map((name) => `catalogue-${name}.tsv.gz`)];
  const [weekly, regional, ...catalogues] = files.map((name) => join(dir, name));
  if (weekly === undefined || regional === undefined) return undefined;
  if (![weekly, regional, ...catalogues].every((file) => existsSync(file))) return undefined;
  return {
    source: dir,
    weekly: rowsOf(weekly).map(([week = '', group = '', , title = '', hours, runtime, age]) => ({
      week,
      group,
      title,
      hours: Number(hours),
      runtimeHours: statedHours(runtime),
      ageWeeks: Number(age),
    })),
    regional: rowsOf(regional).map(([week = '', region = '', group = '', rank, title = '', age]) => ({
      week,
      region,
      group,
      rank: Number(rank),
      title,
      ageWeeks: Number(age),
    })),
    periods: catalogues.map((file, index) => ({
      name: PERIODS[index] ?? '',
      startsOn: `${PERIODS[index]?.slice(0, 4)}-${PERIODS[index]?.endsWith('1') === true ? '01' : '07'}-01`,
      titles: rowsOf(file).map(([kind = '', title = '', show = '', season, isGlobal, releasedOn, hours, runtime]) => ({
        title,
        show,
        season: Number(season ?? 0),
        kind,
        isGlobal: isGlobal === 'Yes',
        releasedOn: releasedOn === '' ? undefined : releasedOn,
        hours: Number(hours),
        runtimeHours: statedHours(runtime),
      })),
    })),
  };
}

/** The tables write 0 or nothing where a runtime is not known. */
function statedHours(text = ''): number | undefined {
  return Number(text) > 0 ? Number(text) : undefined;
}

function rowsOf(file: string): string[][] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const [, ...lines] = text.trimEnd().split('\n');
  return lines.map((line) => line.split('\t'));
}
