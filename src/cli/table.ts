import { wrapWords } from './plan/wrap-words.ts';

const GAP = 2;
/** Columns up to this wide are left alone: a time or a name in pieces is harder to read than a long line. */
const NARROW = 20;
/** Unless the whole table fits so. */
const NARROWEST = 8;

/**
 * Rows as a table of plain text: left-aligned first column, the others right-aligned where every value is a number. Where
 * it is wider than a terminal, the widest columns are broken between words; elsewhere (a file, a pipe) a row is one line.
 * @param given control characters in them become question marks
 * @param width of the terminal in characters; undefined when there is none
 */
export function formatTable(
  header: readonly string[],
  given: ReadonlyArray<readonly string[]>,
  width: number | undefined = process.stdout.columns,
): string {
  // What other machines say stands in them, and an escape is an order to the terminal.
  const rows = given.map((row) => row.map((cell) => cell.replaceAll(/\p{Cc}/gu, '?')));
  const natural = header.map((name, column) => Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)));
  const numeric = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^-?[\d.,]+(?: ?[%a-zA-Z/]+)?$/.test(row[column] ?? '')),
  );
  const widths = width === undefined ? natural : fitWidths(header, rows, natural, width);
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join(' '.repeat(GAP))
      .trimEnd();
  const lines = (cells: readonly string[]): string => {
    const pieces = cells.map((cell, column) =>
      cell.length <= (widths[column] ?? 0) ? [cell] : wrapWords(cell, widths[column] ?? 0, '').split('\n'),
    );
    const height = Math.max(1, ...pieces.map(({ length }) => length));
    return Array.from({ length: height }, (_, at) => line(pieces.map((piece) => piece[at] ?? ''))).join('\n');
  };
  return [line(header), line(widths.map((each) => '-'.repeat(each))), ...rows.map(lines)].join('\n');
}

/** Widths that fit, as far as words allow. */
function fitWidths(
  header: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
  natural: readonly number[],
  width: number,
): number[] {
  const wide = narrowed(header, rows, natural, width, NARROW);
  const tight = narrowed(header, rows, natural, width, NARROWEST);
  return lineLength(tight) <= width ? (lineLength(wide) <= width ? wide : tight) : wide;
}

const lineLength = (widths: readonly number[]): number => widths.reduce((sum, each) => sum + each + GAP, -GAP);

/** The widest column gives first, and none gets narrower than its words or so many characters. */
function narrowed(
  header: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
  natural: readonly number[],
  width: number,
  narrow: number,
): number[] {
  const widths = [...natural];
  let excess = lineLength(widths) - width;
  const columns = widths.map((_, column) => column).toSorted((a, b) => (natural[b] ?? 0) - (natural[a] ?? 0));
  for (const column of columns) {
    if (excess <= 0) break;
    const words = rows.flatMap((row) => (row[column] ?? '').split(' ').map(({ length }) => length));
    const least = Math.max(narrow, header[column]?.length ?? 0, ...words);
    const given = Math.max(0, Math.min(excess, (widths[column] ?? 0) - least));
    widths[column] = (widths[column] ?? 0) - given;
    excess -= given;
  }
  return widths;
}
