import { expect, test } from 'vitest';
import { inLinesOf, readCalendarCsv } from '../../../src/cli/calendar-csv.ts';

test('a table becomes the document that the planner takes: quotes, lists, numbers and flags included', () => {
  const text = [
    'kind,title,at,regions,like,factor,embargo,reason,rendition,part',
    'launch,season-2,2026-12-01T19:00Z,de at,season-1,1.3,yes,,,',
    '',
    'retirement,old,2026-12-31T23:00Z,,,,,,,',
    'pin,,,,,,,"for ""them"", and\nothers",news/v1080,head',
  ].join('\r\n');
  expect(readCalendarCsv(`\uFEFF${text}`, 'plan.csv').calendar).toEqual({
    launches: [
      {
        title: 'season-2',
        at: '2026-12-01T19:00Z',
        regions: ['de', 'at'],
        like: 'season-1',
        factor: 1.3,
        embargo: true,
      },
    ],
    retirements: [{ title: 'old', at: '2026-12-31T23:00Z' }],
    pins: [{ reason: 'for "them", and\nothers', rendition: 'news/v1080', part: 'head' }],
  });
});

test('a spreadsheet that separates by semicolons is read as well', () => {
  expect(readCalendarCsv('kind;title;at\npin;film;\n', 'f').calendar.pins).toEqual([{ title: 'film' }]);
});

test.each([
  ['kind,colour\n', /f line 1: no column 'colour': there are kind, title/],
  ['title\nfilm\n', /f line 1: .*'kind'/],
  ['kind,title\nparty,film\n', /f line 2: kind must be launch, retirement, pin, not 'party'/],
  ['kind,title,factor\nlaunch,film,much\n', /f line 2: factor must be a number, not 'much'/],
  ['kind,title,embargo\nlaunch,film,perhaps\n', /f line 2: embargo must be yes or no/],
  ['kind,title\npin,film,more\n', /f line 2: 3 cells under 2 columns/],
  ['kind,title\npin,"film\n', /f line 2: a quoted cell that begins here never ends/],
])('%j is refused with its line', (text, says) => {
  expect(() => readCalendarCsv(text, 'f')).toThrow(says);
});

test('what the planner refuses is told by the line of the table', () => {
  const table = readCalendarCsv('kind,title,at\npin,film,\n\nretirement,old,soon\n', 'f');
  expect(inLinesOf(table, "not a valid calendar: retirements.0.at: 'soon' is no time; pins.0: too many")).toBe(
    "not a valid calendar: line 4: at: 'soon' is no time; line 2: too many",
  );
  expect(inLinesOf(table, 'launches.7.at: of another document')).toBe('launches.7.at: of another document');
});
