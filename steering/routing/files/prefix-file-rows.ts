import { z } from 'zod';

/** One row as the file has it, or what is wrong with it. */
export interface RawRow {
  readonly where: string;
  readonly prefix: string;
  readonly siteId: string;
  readonly problem?: string;
}

const LINE_FEED = 10;

/** The rows of a table of prefixes, in text. JSON when the first character is a bracket or a brace, else CSV. */
export function* rawRows(bytes: Buffer): Generator<RawRow> {
  if (isJson(bytes)) {
    yield* jsonRows(bytes.toString('utf8'));
    return;
  }
  let hasRows = false;
  for (const { number, start, end } of linesOf(bytes)) {
    const row = csvRow(number, bytes.toString('utf8', start, end), !hasRows);
    if (row === 'header') hasRows = true;
    else if (row !== undefined) {
      hasRows = true;
      yield row;
    }
  }
}

export const isJson = (bytes: Buffer): boolean => /^\s*[[{]/.test(bytes.toString('latin1', 0, 4096));

/** Where each line is, without its end. The object is the same every time: read it before the next. */
export function* linesOf(
  bytes: Buffer,
): Generator<{ readonly number: number; readonly start: number; readonly end: number }> {
  const line = { number: 0, start: 0, end: 0 };
  while (line.start < bytes.length) {
    const feed = bytes.indexOf(LINE_FEED, line.start);
    line.end = feed === -1 ? bytes.length : feed;
    line.number += 1;
    yield line;
    line.start = line.end + 1;
  }
}

/** Undefined for a line without a row. @param mayBeHeader nothing but blank lines and comments came before */
export function csvRow(number: number, text: string, mayBeHeader: boolean): RawRow | 'header' | undefined {
  const line = (text.split('#')[0] ?? '').trim();
  if (line === '') return undefined;
  const cells = line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
  if (mayBeHeader && cells[0]?.toLowerCase() === 'prefix') return 'header';
  const where = `line ${number}`;
  if (cells.length === 2) return { where, prefix: cells[0] ?? '', siteId: cells[1] ?? '' };
  return { where, prefix: line, siteId: '', problem: 'is not PREFIX,SITE' };
}

function* jsonRows(text: string): Generator<RawRow> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    yield { where: 'file', prefix: '', siteId: '', problem: `is not JSON: ${String(error)}` };
    return;
  }
  if (!Array.isArray(parsed)) {
    yield* coverageZoneRows(parsed);
    return;
  }
  for (const [index, item] of parsed.entries() as Iterable<[number, unknown]>) {
    const where = `entry ${index + 1}`;
    const row = typeof item === 'object' && item !== null ? item : {};
    const prefix = 'prefix' in row && typeof row.prefix === 'string' ? row.prefix : undefined;
    const site = 'site' in row && typeof row.site === 'string' ? row.site : undefined;
    if (prefix !== undefined && site !== undefined) yield { where, prefix, siteId: site };
    else yield { where, prefix: prefix ?? '', siteId: '', problem: 'is not {"prefix": TEXT, "site": TEXT}' };
  }
}

const zoneSchema = z.object({
  coverageZones: z.record(
    z.string(),
    z.object({ network: z.array(z.string()).optional(), network6: z.array(z.string()).optional() }),
  ),
});

/** Apache Traffic Control's coverage zones; what else stands in one (revision, customer's name, coordinates) is left. */
function* coverageZoneRows(document: unknown): Generator<RawRow> {
  const checked = zoneSchema.safeParse(document);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const problem = `is neither a list nor coverage zones: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`;
    yield { where: 'file', prefix: '', siteId: '', problem };
    return;
  }
  for (const [siteId, { network = [], network6 = [] }] of Object.entries(checked.data.coverageZones)) {
    for (const prefix of [...network, ...network6]) yield { where: `zone ${siteId}`, prefix, siteId };
  }
}
