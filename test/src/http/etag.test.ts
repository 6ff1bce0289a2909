import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatEtag, parseEtag, parseEtagList, strongMatch, weakMatch } from '../../../src/http/etag.ts';

const strong = { weak: false, opaque: '1' };
const weak = { weak: true, opaque: '1' };

test('a strong, a weak and an empty tag are read', () => {
  expect(parseEtag('"xyzzy"')).toEqual({ weak: false, opaque: 'xyzzy' });
  expect(parseEtag('W/"xyzzy"')).toEqual({ weak: true, opaque: 'xyzzy' });
  expect(parseEtag('""')).toEqual({ weak: false, opaque: '' });
  expect(parseEtag('"\xe9,\\"')).toEqual({ weak: false, opaque: '\xe9,\\' });
});

test.each(['xyzzy', '"xyzzy', 'xyzzy"', 'w/"xyzzy"', 'W/xyzzy', '"a b"', '"a"b"', ' "a"', '"a" ', '*', '"\u0100"', ''])(
  '%j is no entity tag',
  (text) => {
    expect(parseEtag(text)).toBeUndefined();
  },
);

test('the comparisons are those of the table in RFC 9110 section 8.8.3.2', () => {
  const other = { weak: true, opaque: '2' };
  expect([strongMatch(weak, weak), weakMatch(weak, weak)]).toEqual([false, true]);
  expect([strongMatch(weak, other), weakMatch(weak, other)]).toEqual([false, false]);
  expect([strongMatch(weak, strong), weakMatch(weak, strong)]).toEqual([false, true]);
  expect([strongMatch(strong, weak), weakMatch(strong, weak)]).toEqual([false, true]);
  expect([strongMatch(strong, strong), weakMatch(strong, strong)]).toEqual([true, true]);
});

describe('a list of tags', () => {
  test('may hold commas inside tags, blanks, empty elements and weak tags', () => {
    expect(parseEtagList('"a,b", W/"c" ,,"d"')).toEqual([
      { weak: false, opaque: 'a,b' },
      { weak: true, opaque: 'c' },
      { weak: false, opaque: 'd' },
    ]);
    expect(parseEtagList(' * ')).toBe('*');
  });

  test.each(['', ',', 'abc', '"a" "b"', '"a"x', '"a", *', '*, "a"', '"a", "b'])('%j is unreadable', (text) => {
    expect(parseEtagList(text)).toBeUndefined();
  });

  test('of any tags, written and read, holds the same tags', () => {
    const opaque = fc.string({ unit: fc.constantFrom(...'!#,*;W/abc\\\xff'.split('')) });
    const tags = fc.array(fc.record({ weak: fc.boolean(), opaque }), { minLength: 1 });
    fc.assert(
      fc.property(tags, (list) => {
        expect(parseEtagList(list.map(formatEtag).join(', '))).toEqual(list);
      }),
    );
  });

  test('is read or refused, whatever the text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('"', 'W', '/', ',', ' ') }));
    fc.assert(
      fc.property(text, (value) => {
        const single = parseEtag(value);
        if (single !== undefined) expect(parseEtagList(value)).toEqual([single]);
        else parseEtagList(value);
      }),
    );
  });
});
