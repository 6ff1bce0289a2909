import { describe, expect, test } from 'vitest';
import {
  formatContentRange,
  formatUnsatisfiedRange,
  maxRangeSpecs,
  parseContentRange,
  parseRangeHeader,
  selectRanges,
} from '../../../src/http/byte-range.ts';

function select(header: string, sizeBytes: number): ReturnType<typeof selectRanges> {
  return selectRanges(parseRangeHeader(header), sizeBytes);
}

function ranges(...pairs: readonly (readonly [number, number])[]): ReturnType<typeof selectRanges> {
  return { kind: 'ranges', ranges: pairs.map(([first, last]) => ({ first, last })) };
}

describe('one range (RNG-1 to RNG-4)', () => {
  test('RNG-1: a range inside the object is sent as asked, with its Content-Range', () => {
    expect(select('bytes=0-499', 1000)).toEqual(ranges([0, 499]));
    expect(formatContentRange({ first: 0, last: 499 }, 1000)).toBe('bytes 0-499/1000');
    expect(formatContentRange({ first: 0, last: 499 }, undefined)).toBe('bytes 0-499/*');
  });

  test('RNG-2: an open range and one that ends beyond any integer both end with the object', () => {
    expect(select('bytes=500-', 1000)).toEqual(ranges([500, 999]));
    expect(select('bytes=500-99999999999999999999', 1000)).toEqual(ranges([500, 999]));
  });

  test('RNG-2: positions near 2^53 are not rounded', () => {
    expect(parseRangeHeader('bytes=9007199254740990-9007199254740991')).toEqual([
      { kind: 'from', first: 9_007_199_254_740_990, last: 9_007_199_254_740_991 },
    ]);
    expect(parseRangeHeader('bytes=9007199254740993-')).toEqual([
      { kind: 'from', first: Number.MAX_SAFE_INTEGER, last: undefined },
    ]);
    expect(parseRangeHeader(`bytes=${'0'.repeat(40)}7-8`)).toEqual([{ kind: 'from', first: 7, last: 8 }]);
  });

  test('RNG-2: whether a range is inverted is decided on its digits, not on clamped numbers', () => {
    expect(parseRangeHeader('bytes=99999999999999999999-99999999999999999998')).toBe('ignore');
    expect(parseRangeHeader('bytes=99999999999999999998-99999999999999999999')).not.toBe('ignore');
    expect(parseRangeHeader('bytes=010-9')).toBe('ignore');
    expect(parseRangeHeader('bytes=9-010')).not.toBe('ignore');
  });

  test('RNG-3: a suffix is the end of the object, all of it when longer, and nothing when of length zero', () => {
    expect(select('bytes=-500', 1000)).toEqual(ranges([500, 999]));
    expect(select('bytes=-5000', 1000)).toEqual(ranges([0, 999]));
    expect(select('bytes=-99999999999999999999', 1000)).toEqual(ranges([0, 999]));
    expect(select('bytes=-0', 1000)).toEqual({ kind: 'unsatisfiable' });
  });

  test('RNG-4: a range that starts at or behind the end is unsatisfiable', () => {
    expect(select('bytes=1000-', 1000)).toEqual({ kind: 'unsatisfiable' });
    expect(select('bytes=99999999999999999999-', 1000)).toEqual({ kind: 'unsatisfiable' });
    expect(select('bytes=999-', 1000)).toEqual(ranges([999, 999]));
    expect(formatUnsatisfiedRange(1000)).toBe('bytes */1000');
  });
});

describe('what is ignored (RNG-5, RNG-6, RNG-8)', () => {
  test.each([
    'bytes=5-4',
    'bytes=a-b',
    'bytes=',
    'bytes=-',
    'bytes=1e3-',
    'bytes=+1-5',
    'bytes=0x10-0x20',
    'bytes=1.5-3',
    'bytes=--1',
    'bytes=1-2-3',
    'bytes=1 - 2',
    'bytes=0-1,5-4',
    'bytes=0-1;5-6',
    'bytes=,,',
    'bytes',
    'bytes 0-1',
    'bytes =0-1',
    '=0-1',
    '',
    'bytes=٣-٤',
  ])('RNG-5: the invalid set %j asks for nothing in particular: the whole object', (header) => {
    expect(parseRangeHeader(header)).toBe('ignore');
    expect(select(header, 1000)).toEqual({ kind: 'whole' });
  });

  test('RNG-6: another unit is ignored, and the unit is compared without case', () => {
    expect(select('items=0-5', 1000)).toEqual({ kind: 'whole' });
    expect(select('BYTES=0-1', 1000)).toEqual(ranges([0, 1]));
  });

  test('RNG-8: empty list elements and blanks do not make a second range', () => {
    expect(select('bytes= ,, 0-1 \t,', 1000)).toEqual(ranges([0, 1]));
  });
});

describe('several ranges (RNG-9 to RNG-12)', () => {
  test('RNG-9: ranges come in the order of the request', () => {
    expect(select('bytes=0-9,990-999', 1000)).toEqual(ranges([0, 9], [990, 999]));
    expect(select('bytes=-10,0-9', 1000)).toEqual(ranges([990, 999], [0, 9]));
    expect(select('bytes= 0-999, 4500-5499, -1000', 10_000)).toEqual(ranges([0, 999], [4500, 5499], [9000, 9999]));
  });

  test('RNG-10: ranges that overlap or touch become one', () => {
    expect(select('bytes=500-700,601-999', 10_000)).toEqual(ranges([500, 999]));
    expect(select('bytes=500-600,601-999', 10_000)).toEqual(ranges([500, 999]));
    expect(select('bytes=100-900,200-300', 10_000)).toEqual(ranges([100, 900]));
  });

  test('RNG-10: a gap of 79 bytes is sent along, one of 80 is not', () => {
    expect(select('bytes=0-9,89-99', 1000)).toEqual(ranges([0, 99]));
    expect(select('bytes=0-9,90-99', 1000)).toEqual(ranges([0, 9], [90, 99]));
  });

  test('RNG-10: joined ranges take the place of the first of them that was asked for', () => {
    expect(select('bytes=5000-5999,0-999,6000-6999', 10_000)).toEqual(ranges([5000, 6999], [0, 999]));
    expect(select('bytes=6000-6999,0-999,5000-5999', 10_000)).toEqual(ranges([5000, 6999], [0, 999]));
  });

  test('RNG-11: unsatisfiable members are left out while one is satisfiable', () => {
    expect(select('bytes=2000-3000,0-9,-0', 1000)).toEqual(ranges([0, 9]));
    expect(select('bytes=2000-3000,-0', 1000)).toEqual({ kind: 'unsatisfiable' });
  });

  test(`RNG-12: ${maxRangeSpecs} ranges are answered, one more and the header is ignored`, () => {
    const header = (count: number): string =>
      `bytes=${Array.from({ length: count }, (_, index) => `${index * 5000}-${index * 5000 + 4000}`).join(',')}`;
    expect(select(header(maxRangeSpecs), 1_000_000)).toMatchObject({ kind: 'ranges' });
    expect(parseRangeHeader(header(maxRangeSpecs + 1))).toBe('ignore');
    expect(select(header(maxRangeSpecs + 1), 1_000_000)).toEqual({ kind: 'whole' });
    const spec = { kind: 'suffix', lengthBytes: 1 } as const;
    expect(
      selectRanges(
        Array.from({ length: maxRangeSpecs + 1 }, () => spec),
        10,
      ),
    ).toEqual({ kind: 'whole' });
  });

  test('RNG-12: a pair of overlapping ranges is joined, a third overlapping range makes the set suspicious', () => {
    expect(select('bytes=0-10,5-20', 1000)).toEqual(ranges([0, 20]));
    expect(select('bytes=0-10,5-20,15-30', 1000)).toEqual({ kind: 'whole' });
    expect(select('bytes=0-,0-,0-,0-', 1000)).toEqual({ kind: 'whole' });
  });

  test('RNG-12: many small ranges are answered in ascending order and ignored in any other', () => {
    expect(select('bytes=0-9,200-209,400-409,600-609,800-809', 1000)).toMatchObject({ kind: 'ranges' });
    expect(select('bytes=800-809,600-609,400-409,200-209,0-9', 1000)).toEqual({ kind: 'whole' });
    expect(select('bytes=600-609,400-409,200-209,0-9', 1000)).toMatchObject({ kind: 'ranges' });
    expect(select('bytes=0-9,0-19,200-209,400-409,600-609', 1000)).toMatchObject({ kind: 'ranges' });
  });

  test('RNG-12: ranges of 1 KiB count as large, one byte less as small', () => {
    const descending = (lengthBytes: number): string =>
      `bytes=${[8, 6, 4, 2, 0].map((place) => `${place * 1024}-${place * 1024 + lengthBytes - 1}`).join(',')}`;
    expect(select(descending(1024), 10_000)).toMatchObject({ kind: 'ranges' });
    expect(select(descending(1023), 10_000)).toEqual({ kind: 'whole' });
  });

  test('RNG-12: a header of many members is given up at the seventeenth', () => {
    const header = `bytes=${Array.from({ length: 4000 }, (_, index) => `${index}-`).join(',')}x`;
    expect(parseRangeHeader(header)).toBe('ignore');
  });
});

test('RNG-16: of an empty object an offset is unsatisfiable, and a suffix is the whole of it', () => {
  expect(select('bytes=0-', 0)).toEqual({ kind: 'unsatisfiable' });
  expect(select('bytes=0-0', 0)).toEqual({ kind: 'unsatisfiable' });
  expect(select('bytes=-1', 0)).toEqual({ kind: 'whole' });
  expect(select('bytes=0-,-1', 0)).toEqual({ kind: 'whole' });
  expect(select('bytes=-0', 0)).toEqual({ kind: 'unsatisfiable' });
});

describe('Content-Range of an upstream', () => {
  test('a range with and without a known size, and the answer of a 416, are understood', () => {
    expect(parseContentRange('bytes 0-499/1000')).toEqual({ kind: 'range', first: 0, last: 499, sizeBytes: 1000 });
    expect(parseContentRange('bytes 0-499/*')).toEqual({ kind: 'range', first: 0, last: 499, sizeBytes: undefined });
    expect(parseContentRange('bytes */1000')).toEqual({ kind: 'unsatisfied', sizeBytes: 1000 });
    expect(parseContentRange('Bytes 0-0/1')).toEqual({ kind: 'range', first: 0, last: 0, sizeBytes: 1 });
    expect(parseContentRange('bytes 0-9007199254740990/9007199254740991')).toMatchObject({ kind: 'range' });
  });

  test.each([
    'bytes 5-4/1000',
    'bytes 0-1000/1000',
    'bytes */*',
    'bytes 0-499',
    'bytes  0-499/1000',
    'bytes 0-499/1000 ',
    'bytes 0 - 499/1000',
    'bytes=0-499/1000',
    'bytes -499/1000',
    'bytes 0-/1000',
    'bytes 0-9007199254740992/*',
    'bytes 0-1/9007199254740992',
    'bytes 0-1/99999999999999999999',
    'items 0-499/1000',
    'bytes 0-499/1000, bytes 0-499/1000',
    'bytes +0-1/2',
    '',
  ])('%j is not believed', (value) => {
    expect(parseContentRange(value)).toBeUndefined();
  });
});
