import { expect, test } from 'vitest';
import { compilePattern, fitsPattern } from '../../../appliance/purge/url-pattern.ts';

const fits = (pattern: string, target: string, options: { caseSensitive?: boolean; matchQueryString?: boolean } = {}) =>
  fitsPattern(compilePattern({ pattern, caseSensitive: true, matchQueryString: false, ...options }), target);

test.each([
  ['/live/*', '/live/a/b.m4s', true],
  ['/live/*', '/lives/a', false],
  ['/live/*/v?.m4s', '/live/1/2/v3.m4s', true],
  ['/live/*/v?.m4s', '/live/1/v34.m4s', false],
  ['/a', '/a?session=1', true],
  ['/a', '/a/', false],
  ['*.m4s', '/x/y.m4s', true],
  ['/price$$$*$?', '/price$*?', false],
  ['/price$$$*', '/price$*', true],
  ['/*/*', '/one', false],
  ['/**', '/', true],
])('%s on %s: %s', (pattern, target, expected) => {
  expect(fits(pattern, target)).toBe(expected);
});

test('case and query count where they are asked for', () => {
  expect(fits('/Live/*', '/live/x')).toBe(false);
  expect(fits('/Live/*', '/live/X', { caseSensitive: false })).toBe(true);
  expect(fits('/a', '/a?b=1', { matchQueryString: true })).toBe(false);
  expect(fits('/a$?b=*', '/a?b=1', { matchQueryString: true })).toBe(true);
});

test('a pattern that would blow up a regular expression is answered in steps, not in years', () => {
  expect(fits(`/${'*a'.repeat(200)}b`, `/${'a'.repeat(2000)}`)).toBe(false);
});
