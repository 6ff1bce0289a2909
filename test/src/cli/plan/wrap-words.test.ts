import { expect, test } from 'vitest';
import { wrapWords } from '../../../../src/cli/plan/wrap-words.ts';

test('text that fits stays as it is; what does not keeps its margin and is broken between words', () => {
  expect(wrapWords('  a  b', 20, '')).toBe('  a  b');
  expect(wrapWords('  ten renditions are not worth fetching', 24, '    ')).toBe(
    '  ten renditions are not\n    worth fetching',
  );
});

test('a word that is longer than a line stands alone, whole', () => {
  expect(wrapWords(`see ${'x'.repeat(40)} there`, 24, '')).toBe(`see\n${'x'.repeat(40)}\nthere`);
});
