import { OperationalError } from '../errors/operational-error.ts';

/**
 * A calendar as a table of a spreadsheet: one line per entry, RFC 4180. Each kind of entry uses some of the columns;
 * an empty cell is a member that is left out. The result is the document that the planner takes, and the planner
 * judges what is in it; here only the table is read, with its line numbers.
 */
const COLUMNS = {
  kind: 'word',
  title: 'text',
  rendition: 'text',
  at: 'text',
  until: 'text',
  regions: 'list',
  like: 'text',
  factor: 'number',
  bytesPerDay: 'number',
  embargo: 'flag',
  graceDays: 'number',
  part: 'text',
  cluster: 'text',
  site: 'text',
  region: 'text',
  reason: 'text',
} as const;
type Column = keyof typeof COLUMNS;

const LISTS = { launch: 'launches', retirement: 'retirements', pin: 'pins' } as const;

type ByList<T> = Record<(typeof LISTS)[keyof typeof LISTS], T[]>;

export interface CalendarTable {
  readonly calendar: ByList<object>;
  /** The line of the file that each entry begins in. */
  readonly lines: ByList<number>;
}

/** @throws OperationalError CONFIG_INVALID with the line that is wrong */
export function readCalendarCsv(text: string, file: string): CalendarTable {
  const calendar: ByList<object> = { launches: [], retirements: [], pins: [] };
  const lines: ByList<number> = { launches: [], retirements: [], pins: [] };
  const fail = (line: number, what: string): never => {
    throw new OperationalError('CONFIG_INVALID', `${file} line ${line}: ${what}`);
  };
  const [header, ...rows] = readRows(text.replace(/^\uFEFF/, ''), fail);
  const columns = (header?.cells ?? []).map((name): Column => {
    const column = name.trim();
    if (Object.hasOwn(COLUMNS, column)) return column as Column;
    return fail(1, `no column '${column}': there are ${Object.keys(COLUMNS).join(', ')}`);
  });
  if (!columns.includes('kind')) fail(1, "the first line must name the columns, with 'kind' among them");
  for (const { line, cells } of rows) {
    if (cells.length > columns.length) fail(line, `${cells.length} cells under ${columns.length} columns`);
    const entry: Record<string, unknown> = {};
    for (const [index, column] of columns.entries()) {
      const cell = cells[index]?.trim() ?? '';
      if (cell !== '') entry[column] = valueOf(column, cell, (what) => fail(line, what));
    }
    const { kind, ...members } = entry;
    const word = typeof kind === 'string' ? kind : '';
    const list = Object.hasOwn(LISTS, word) ? LISTS[word as keyof typeof LISTS] : undefined;
    if (list === undefined) fail(line, `kind must be ${Object.keys(LISTS).join(', ')}, not '${word}'`);
    else {
      calendar[list].push(members);
      lines[list].push(line);
    }
  }
  return { calendar, lines };
}

/** What a planner finds wrong in the document, in the lines of the table: `retirements.0.at: ...` is `line 3: at: ...`. */
export const inLinesOf = ({ lines }: CalendarTable, problem: string): string =>
  problem.replace(/\b(launches|retirements|pins)\.(\d+)(?:\.|: )/g, (place, list: keyof typeof lines, index) => {
    const line = lines[list][Number(index)];
    return line === undefined ? place : `line ${line}: `;
  });

function valueOf(column: Column, cell: string, fail: (what: string) => never): unknown {
  switch (COLUMNS[column]) {
    case 'list':
      return cell.split(/[\s;,]+/).filter((part) => part !== '');
    case 'number':
      return Number.isFinite(Number(cell)) ? Number(cell) : fail(`${column} must be a number, not '${cell}'`);
    case 'flag':
      return (
        /^(?:true|yes|1)$/i.test(cell) || (/^(?:false|no|0)$/i.test(cell) ? false : fail(`${column} must be yes or no`))
      );
    case 'word':
    case 'text':
      return cell;
  }
}

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
}

/** RFC 4180, with ';' as well where the first line has more of them than commas, as spreadsheets of some countries do. */
function readRows(text: string, fail: (line: number, what: string) => never): Row[] {
  const firstLine = text.split('\n', 1)[0] ?? '';
  const separator = firstLine.split(';').length > firstLine.split(',').length ? ';' : ',';
  const rows: Row[] = [];
  let cells: string[] = [];
  let [cell, line, startLine, isQuoted] = ['', 1, 1, false];
  const endRow = (): void => {
    cells.push(cell);
    if (cells.some((each) => each.trim() !== '')) rows.push({ line: startLine, cells });
    [cells, cell, startLine] = [[], '', line];
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === '\n') line += 1;
    if (isQuoted) {
      if (character !== '"') cell += character;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (character === '"' && cell === '') isQuoted = true;
    else if (character === separator) {
      cells.push(cell);
      cell = '';
    } else if (character === '\n') endRow();
    else if (character !== '\r') cell += character;
  }
  if (isQuoted) fail(startLine, 'a quoted cell that begins here never ends');
  endRow();
  return rows;
}
