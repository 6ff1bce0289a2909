import { readDictionary } from '../../src/http/structured-fields.ts';

/**
 * Records of players about their playback: CTA-5004-B event mode, one structured-field dictionary per line. We take
 * from it what tells of an appliance's quality and nothing that tells of a viewer. Values of the wrong type are as if
 * absent, key by key (section 6.3); a line that is no dictionary, or of a version that we do not know, is left out.
 */
export interface CmcdRecord {
  /** The host that delivered: key `h`, or that of `url`. */
  readonly host: string | undefined;
  /** Buffer starved since the last record (`bs`), or the state says so. */
  readonly stalled: boolean;
  readonly failed: boolean;
  readonly throughputKbitPerSec: number | undefined;
}

const NEWEST_VERSION = 2;
const MAX_RECORDS = 1000;

/** @returns the records that can be read, and how many lines cannot */
export function parseCmcd(body: string): { readonly records: readonly CmcdRecord[]; readonly malformed: number } {
  const lines = body
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const records = lines.slice(0, MAX_RECORDS).flatMap((line) => parseRecord(line) ?? []);
  return { records, malformed: lines.length - records.length };
}

function parseRecord(line: string): CmcdRecord | undefined {
  const fields = readDictionary(line);
  if (fields === undefined) return undefined;
  const version = fields.get('v');
  if (version?.kind === 'number' && version.value > NEWEST_VERSION) return undefined;
  const text = (key: string): string | undefined => {
    const field = fields.get(key);
    return field?.kind === 'string' || field?.kind === 'token' ? field.value : undefined;
  };
  const starved = fields.get('bs');
  return {
    host: text('h') ?? hostOf(text('url')),
    stalled: (starved?.kind === 'boolean' && starved.value) || text('sta') === 'r',
    failed: text('e') === 'e' || text('sta') === 'f' || fields.has('ec'),
    throughputKbitPerSec: throughputOf(line, fields.get('mtp')),
  };
}

type Field = ReturnType<NonNullable<ReturnType<typeof readDictionary>>['get']>;

/** `mtp` is a number in version 1 and a list with one member per object type in version 2. */
function throughputOf(line: string, field: Field): number | undefined {
  if (field?.kind === 'number') return field.value >= 0 ? field.value : undefined;
  const first = field?.kind === 'other' ? /(?:^|,)\s*mtp=\(\s*(\d{1,12})/.exec(line)?.[1] : undefined;
  return first === undefined ? undefined : Number(first);
}

function hostOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).host : undefined;
}
