import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../../src/http/http-date.ts';

const nowMs = Date.UTC(2026, 10, 20);
const exampleMs = Date.UTC(1994, 10, 6, 8, 49, 37);

test('the three formats of RFC 9110 section 5.6.7 name the same second', () => {
  expect(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT', nowMs)).toBe(exampleMs);
  expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', nowMs)).toBe(exampleMs);
  expect(parseHttpDate('Sun Nov  6 08:49:37 1994', nowMs)).toBe(exampleMs);
  expect(parseHttpDate('sun, 06 nov 1994 08:49:37 gmt', nowMs)).toBe(exampleMs);
  expect(formatHttpDate(exampleMs + 999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
});

test.each([
  '0',
  '-1',
  '',
  'now',
  '1994-11-06T08:49:37Z',
  'Sun, 6 Nov 1994 08:49:37 GMT',
  'Sun, 06 Nov 1994 08:49:37',
  'Sun, 06 Nov 1994 08:49:37 +0000',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:60:00 GMT',
  'Sun, 06 Nov 1994 08:49:61 GMT',
  'Sun, 31 Feb 1994 08:49:37 GMT',
  'Sun, 00 Nov 1994 08:49:37 GMT',
  'Sun, 06 Nox 1994 08:49:37 GMT',
  'Sun, 06-Nov-94 08:49:37 GMT',
  'Sun Nov 6 08:49:37 1994',
  ' Sun, 06 Nov 1994 08:49:37 GMT',
])('%j is no date', (text) => {
  expect(parseHttpDate(text, nowMs)).toBeUndefined();
});

test('a leap second is the second after', () => {
  expect(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', nowMs)).toBe(Date.UTC(2017, 0, 1));
});

describe('a two-digit year', () => {
  function yearOf(text: string, atMs: number): number {
    return new Date(parseHttpDate(text, atMs) ?? Number.NaN).getUTCFullYear();
  }

  test('lies at most fifty years ahead of now, to the second', () => {
    expect(yearOf('Friday, 20-Nov-76 00:00:00 GMT', nowMs)).toBe(2076);
    expect(yearOf('Friday, 20-Nov-76 00:00:01 GMT', nowMs)).toBe(1976);
    expect(yearOf('Friday, 20-Nov-75 12:00:00 GMT', nowMs)).toBe(2075);
    expect(yearOf('Friday, 20-Nov-99 12:00:00 GMT', nowMs)).toBe(1999);
    expect(yearOf('Friday, 20-Nov-00 12:00:00 GMT', nowMs)).toBe(2000);
  });

  test('may lie in the next century', () => {
    const lateInCentury = Date.UTC(2080, 5, 1);
    expect(yearOf('Friday, 20-Nov-10 00:00:00 GMT', lateInCentury)).toBe(2110);
    expect(yearOf('Friday, 20-Nov-79 00:00:00 GMT', lateInCentury)).toBe(2079);
  });
});

test('every second of the years 0 to 9999 is written and read back', () => {
  const second = fc.integer({ min: Date.parse('0000-01-01T00:00:00Z') / 1000, max: Date.UTC(9999, 11, 31) / 1000 });
  fc.assert(
    fc.property(second, (value) => {
      expect(parseHttpDate(formatHttpDate(value * 1000), nowMs)).toBe(value * 1000);
    }),
  );
});

test('a date in the RFC 850 format within fifty years of now is read back', () => {
  const second = fc.integer({ min: Date.UTC(1977, 0, 1) / 1000, max: Date.UTC(2076, 10, 19) / 1000 });
  const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
  fc.assert(
    fc.property(second, (value) => {
      const imf = formatHttpDate(value * 1000);
      const [, day, month, year, time] = imf.split(' ');
      const text = `${days[new Date(value * 1000).getUTCDay()]}, ${day}-${month}-${year?.slice(2)} ${time} GMT`;
      expect(parseHttpDate(text, nowMs)).toBe(value * 1000);
    }),
  );
});

test('no text makes the reader throw', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^(Sun|Sunday), \d\d[ -][A-Za-z]{3}[ -](\d\d){1,2} \d\d:\d\d:\d\d GMT$/),
  );
  fc.assert(
    fc.property(text, (value) => {
      const ms = parseHttpDate(value, nowMs);
      expect(ms === undefined || Number.isSafeInteger(ms)).toBe(true);
    }),
  );
});
