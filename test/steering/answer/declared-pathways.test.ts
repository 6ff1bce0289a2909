import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDeclared, keepDeclared, parseDeclared } from '../../../steering/answer/declared-pathways.ts';

const ids = fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,10}$/), { maxLength: 8 });

test('what a manifest declared comes back as it was, through every way in which players write URLs', () => {
  fc.assert(
    fc.property(ids, (declared) => {
      fc.pre(!declared.includes('origin') && declared.every((id) => id !== 'origin-retry'));
      const url = new URL(`https://steer.example/v1/steering/hls?a=bars&s=x&d=${formatDeclared(declared)}`);
      const asWritten = url.href;
      // hls.js and video.js write the whole query anew when they add a parameter.
      url.searchParams.set('_HLS_pathway', 'oca');
      expect(url.href).toBe(`${asWritten}&_HLS_pathway=oca`);
      expect(parseDeclared(url.searchParams.get('d') ?? undefined)).toEqual(declared.length === 0 ? [] : declared);
    }),
  );
});

test.each([
  [undefined, undefined],
  ['', []],
  ['a*a*b', ['a', 'b']],
  ['origin*a*origin-retry', ['a']],
  ['A*..*a b*<x>*ok', ['ok']],
  [Array.from({ length: 5000 }, (_, at) => `oca-${at}`).join('*'), Array.from({ length: 8 }, (_, at) => `oca-${at}`)],
])('a list that somebody made up is bounded, and what is no id is dropped: %j', (text, expected) => {
  expect(parseDeclared(text)).toEqual(expected);
});

const all = (): boolean => true;

test('declared appliances that the ranking passed over come behind it, in place of those that the player cannot use', () => {
  const seven = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'];
  expect(keepDeclared(seven, ['a', 'b'], all, 7)).toEqual(['n1', 'n2', 'n3', 'n4', 'n5', 'a', 'b']);
  expect(keepDeclared(['n1', 'b', 'n2', 'n3', 'n4', 'n5', 'n6'], ['a', 'b'], all, 7)).toEqual([
    'n1',
    'b',
    'n2',
    'n3',
    'n4',
    'n5',
    'a',
  ]);
  expect(keepDeclared(['b', 'a'], ['a', 'b'], all, 7)).toEqual(['b', 'a']);
});

test('one that may not serve is not put back', () => {
  expect(keepDeclared(['n1'], ['a', 'b'], (id) => id !== 'a', 7)).toEqual(['n1', 'b']);
});

test('the answer stays bounded and without doubles, and no declared appliance that was ranked is lost', () => {
  fc.assert(
    fc.property(ids, ids, fc.integer({ min: 0, max: 7 }), (ranked, declared, length) => {
      const order = ranked.slice(0, length);
      const kept = keepDeclared(order, declared, all, 7);
      expect(kept.length).toBeLessThanOrEqual(7);
      expect(new Set(kept).size).toBe(kept.length);
      for (const id of order.filter((each) => declared.includes(each))) expect(kept).toContain(id);
      for (const id of declared.slice(0, 7 - order.filter((each) => declared.includes(each)).length))
        if (declared.length <= 7) expect(kept).toContain(id);
    }),
  );
});
