import { expect, test } from 'vitest';
import { cmsdDynamic } from '../../../src/http/cmsd.ts';

test('CMSD-1: our own member comes last, those of others are kept, and there are no blanks', () => {
  expect(cmsdDynamic(undefined, 'oca-7', false)).toBe('"oca-7"');
  expect(cmsdDynamic('"origin"; etp=96;  rtt=8 ,\t"tier a";du', 'oca-7', false)).toBe(
    '"origin";etp=96;rtt=8,"tier a";du,"oca-7"',
  );
  expect(cmsdDynamic('  ', 'oca-7', false)).toBe('"oca-7"');
});

test('CMSD-2: `du` is there exactly under duress', () => {
  expect(cmsdDynamic('"origin";du', 'oca-7', false)).toBe('"origin";du,"oca-7"');
  expect(cmsdDynamic('"origin"', 'oca-7', true)).toBe('"origin","oca-7";du');
});
