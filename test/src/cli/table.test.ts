import { expect, test } from 'vitest';
import { formatTable } from '../../../src/cli/table.ts';

const HEADER = ['APPLIANCE', 'SIZE', 'WHY'];
const ROWS = [
  ['oca-a1', '4.69 MB', 'pinned by the operator because of a contract with the city that runs to the end of the year'],
  ['oca-a2', '12.0 MB', 'launch'],
];

test('numbers stand right, words left; without a terminal a row is one line', () => {
  expect(formatTable(HEADER, ROWS, undefined).split('\n').slice(0, 2)).toEqual([
    'APPLIANCE     SIZE  WHY',
    `---------  -------  ${'-'.repeat(ROWS[0]?.[2]?.length ?? 0)}`,
  ]);
  expect(formatTable(HEADER, ROWS, undefined).split('\n')).toHaveLength(4);
});

test.each([48, 80])('in a terminal of %i columns the widest column is broken between words', (width) => {
  const lines = formatTable(HEADER, ROWS, width).split('\n');
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
  expect(lines.slice(2).join(' ').replaceAll(/ +/g, ' ')).toBe(ROWS.map((row) => row.join(' ')).join(' '));
  expect(lines[3]).toMatch(/^ {20}\S/);
});

test('what has no words to break at is left as it is', () => {
  const path = `/vod/${'x'.repeat(60)}.mp4`;
  expect(formatTable(['FILE', 'AT'], [[path, '2030-01-01 00:00Z']], 40)).toContain(`${path}  2030-01-01 00:00Z`);
});

test('what another machine says gives the terminal no orders', () => {
  const table = formatTable(HEADER, [['a1', '1 B', 'bad disk\u001B[2J\u009B1A\r\nall is well']]);
  expect(table).toContain('bad disk?[2J?1A??all is well');
  expect(table.split('\n')).toHaveLength(3);
});

test('a column gets narrower than a time where the whole row then fits', () => {
  const rows = [
    ['a-name-of-some-length', '183 kB -> 367 kB'],
    ['b', '0 B -> 189 kB'],
  ];
  const text = formatTable(['APPLIANCE', 'A DAY'], rows, 32);
  expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(32);
  expect(text).toContain('a-name-of-some-length  183 kB');
});
