import { setImmediate as breathe } from 'node:timers/promises';
import { siteIdSchema } from '../../src/contracts/ids.ts';
import { formatPrefix, type IpPrefix, parsePrefix } from './ip-address.ts';
import type { PrefixRow } from './prefix-table.ts';

/** The rows of a table of client prefixes, or everything that is wrong with it, each with its line. */
export type ParsedPrefixFile =
  | { readonly kind: 'rows'; readonly rows: readonly PrefixRow[] }
  | { readonly kind: 'broken'; readonly problems: readonly string[] };

const MAX_PROBLEMS = 20;
/** A large table is read in pieces, so that players are answered in between. */
const LINES_PER_PIECE = 10_000;

/**
 * Reads `PREFIX,SITE` lines (a header line, blank lines and `#` comments may be there) or a JSON array of
 * `{"prefix": ..., "site": ...}`. It is all or nothing: with one line wrong the table is broken, because a table that
 * lost some lines sends their viewers to the wrong site without anybody noticing.
 */
export async function parsePrefixFile(text: string): Promise<ParsedPrefixFile> {
  const reader = text.trimStart().startsWith('[') ? readJson(text) : readCsv(text);
  const rows: PrefixRow[] = [];
  const problems: string[] = [];
  const seen = new Map<string | number, { where: string; siteId: string }>();
  const goodSites = new Set<string>();
  let count = 0;
  for (const { where, prefix: prefixText, siteId, problem: unreadable } of reader) {
    count += 1;
    if (count % LINES_PER_PIECE === 0) await breathe();
    const parsed = unreadable === undefined ? parsePrefix(prefixText) : { problem: unreadable };
    const problem = 'problem' in parsed ? `'${prefixText}' ${parsed.problem}` : problemOfSite(siteId, goodSites);
    if (problem !== undefined || 'problem' in parsed) {
      problems.push(`${where}: ${problem ?? ''}`);
      continue;
    }
    const key = keyOf(parsed);
    const before = seen.get(key);
    if (before !== undefined && before.siteId !== siteId) {
      problems.push(
        `${where}: ${formatPrefix(parsed)} belongs to site ${before.siteId} by ${before.where}, and here to ${siteId}`,
      );
    } else if (before === undefined) {
      seen.set(key, { where, siteId });
      rows.push({ prefix: parsed, siteId });
    }
  }
  if (problems.length === 0) return { kind: 'rows', rows };
  const more = problems.length - MAX_PROBLEMS;
  return { kind: 'broken', problems: [...problems.slice(0, MAX_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])] };
}

interface RawRow {
  readonly where: string;
  readonly prefix: string;
  readonly siteId: string;
  readonly problem?: string;
}

function* readCsv(text: string): Generator<RawRow> {
  let number = 0;
  let first = true;
  for (const raw of text.split('\n')) {
    number += 1;
    const line = (raw.split('#')[0] ?? '').trim();
    if (line === '') continue;
    const cells = line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
    const isHeader = first && cells[0]?.toLowerCase() === 'prefix';
    first = false;
    if (isHeader) continue;
    const where = `line ${number}`;
    if (cells.length === 2) yield { where, prefix: cells[0] ?? '', siteId: cells[1] ?? '' };
    else yield { where, prefix: line, siteId: '', problem: 'is not PREFIX,SITE' };
  }
}

function* readJson(text: string): Generator<RawRow> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    yield { where: 'file', prefix: '', siteId: '', problem: `is not JSON: ${String(error)}` };
    return;
  }
  if (!Array.isArray(parsed)) return;
  for (const [index, item] of parsed.entries() as Iterable<[number, unknown]>) {
    const where = `entry ${index + 1}`;
    const row = typeof item === 'object' && item !== null ? item : {};
    const prefix = 'prefix' in row && typeof row.prefix === 'string' ? row.prefix : undefined;
    const site = 'site' in row && typeof row.site === 'string' ? row.site : undefined;
    if (prefix !== undefined && site !== undefined) yield { where, prefix, siteId: site };
    else yield { where, prefix: prefix ?? '', siteId: '', problem: 'is not {"prefix": TEXT, "site": TEXT}' };
  }
}

/** A number where it is exact: a million texts as keys would take longer than all the rest. */
function keyOf({ address, length }: IpPrefix): string | number {
  return address.words.length === 1 ? (address.words[0] ?? 0) * 64 + length : formatPrefix({ address, length });
}

function problemOfSite(siteId: string, goodSites: Set<string>): string | undefined {
  if (goodSites.has(siteId)) return undefined;
  const result = siteIdSchema.safeParse(siteId);
  if (!result.success) return `site '${siteId}' ${result.error.issues[0]?.message ?? 'is no site id'}`;
  goodSites.add(siteId);
  return undefined;
}
