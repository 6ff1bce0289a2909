import { siteIdSchema } from '../../../src/contracts/ids.ts';
import { buildPrefixTable, type PrefixConflict } from '../build-prefix-table.ts';
import { formatPrefix, parsePrefix } from '../ip-address.ts';
import { MAX_SITES, PrefixRows } from '../prefix-rows.ts';
import type { ParsedTable } from './load-table.ts';
import { csvRow, isJson, linesOf, type RawRow, rawRows } from './prefix-file-rows.ts';
import { type PlainRow, readPlainRow } from './read-plain-row.ts';

const MAX_PROBLEMS = 20;

/**
 * Reads `PREFIX,SITE` lines (a header line, blank lines and `#` comments may be there), a JSON array of
 * `{"prefix": ..., "site": ...}`, or a coverage zone file of Apache Traffic Control (JSON, `coverageZones` by cache
 * group, which is the site; its `network` and `network6` are lists of prefixes). It is all or nothing: with one line wrong the table is broken, because a table that
 * lost some lines sends their viewers to the wrong site without anybody noticing.
 *
 * A million lines are read byte by byte where they are plain; only the others become text. Nothing remembers lines:
 * where two rows contradict each other, the file is read once more to say which.
 */
export function parsePrefixFile(bytes: Buffer): ParsedTable<string> {
  const taker = new RowTaker();
  if (isJson(bytes)) for (const row of rawRows(bytes)) taker.take(row);
  else takeCsv(bytes, taker);
  if (taker.problemCount > 0) return brokenBy(taker.problems, taker.problemCount);
  const { data, conflicts } = buildPrefixTable(taker.rows);
  if (conflicts.length === 0) return { kind: 'table', table: data };
  return describeConflicts(bytes, conflicts);
}

function takeCsv(bytes: Buffer, taker: RowTaker): void {
  const row: PlainRow = { word: 0, length: 0, siteStart: 0, siteEnd: 0 };
  let hasRows = false;
  for (const { number, start, end } of linesOf(bytes)) {
    const plain = readPlainRow(bytes, start, end, row);
    if (plain !== undefined) {
      hasRows = true;
      taker.takePlain(bytes, plain, number);
      continue;
    }
    const careful = csvRow(number, bytes.toString('utf8', start, end), !hasRows);
    hasRows ||= careful !== undefined;
    if (careful !== undefined && careful !== 'header') taker.take(careful);
  }
}

/** Puts rows into columns, and keeps what is wrong with them. */
class RowTaker {
  readonly rows = new PrefixRows();
  readonly problems: string[] = [];
  problemCount = 0;
  /** Neighbouring lines mostly are of one site. */
  #lastSite: { readonly bytes: Buffer; readonly number: number } | undefined;

  takePlain(bytes: Buffer, { word, length, siteStart, siteEnd }: PlainRow, line: number): void {
    const last = this.#lastSite;
    if (last === undefined || bytes.compare(last.bytes, 0, last.bytes.length, siteStart, siteEnd) !== 0) {
      const number = this.#siteOf(`line ${line}`, bytes.toString('latin1', siteStart, siteEnd));
      if (number === undefined) return;
      this.#lastSite = { bytes: bytes.subarray(siteStart, siteEnd), number };
    }
    this.rows.addIpv4(word, length, this.#lastSite?.number ?? 0);
  }

  take({ where, prefix: text, siteId, problem }: RawRow): void {
    const parsed = problem === undefined ? parsePrefix(text) : { problem };
    if ('problem' in parsed) return this.#refuse(`${where}: '${text}' ${parsed.problem}`);
    const site = this.#siteOf(where, siteId);
    if (site !== undefined) this.rows.add(parsed, site);
  }

  #siteOf(where: string, siteId: string): number | undefined {
    const problem = this.rows.hasSite(siteId) ? undefined : problemOfSite(siteId);
    const site = problem === undefined ? this.rows.siteNumber(siteId) : undefined;
    if (site === undefined) this.#refuse(`${where}: ${problem ?? `more than ${MAX_SITES} sites`}`);
    return site;
  }

  #refuse(problem: string): void {
    if (this.problemCount < MAX_PROBLEMS) this.problems.push(problem);
    this.problemCount += 1;
  }
}

/** Reads the file again for the lines that give one prefix to two sites. */
function describeConflicts(bytes: Buffer, conflicts: readonly PrefixConflict[]): ParsedTable<string> {
  const told = conflicts
    .slice(0, MAX_PROBLEMS)
    .map(({ words, length }) => formatPrefix({ address: { words }, length }));
  const wanted = new Set(told);
  const first = new Map<string, RawRow>();
  const problems: string[] = [];
  for (const row of rawRows(bytes)) {
    const parsed = parsePrefix(row.prefix);
    const name = 'problem' in parsed ? '' : formatPrefix(parsed);
    if (!wanted.has(name)) continue;
    const before = first.get(name);
    if (before === undefined) first.set(name, row);
    else if (before.siteId !== row.siteId) {
      problems.push(
        `${row.where}: ${name} belongs to site ${before.siteId} by ${before.where}, and here to ${row.siteId}`,
      );
    }
  }
  return brokenBy(problems, problems.length + conflicts.length - told.length);
}

function brokenBy(problems: readonly string[], count: number): ParsedTable<string> {
  const told = problems.slice(0, MAX_PROBLEMS);
  const more = count - told.length;
  return { kind: 'broken', problems: more > 0 ? [...told, `and ${more} more`] : told };
}

function problemOfSite(siteId: string): string | undefined {
  const result = siteIdSchema.safeParse(siteId);
  return result.success ? undefined : `site '${siteId}' ${result.error.issues[0]?.message ?? 'is no site id'}`;
}
