import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultBudgets as budgets,
  judgeVolume,
  type VolumeFacts,
} from '../../../../appliance/store/volumes/judge-volume.ts';

const facts = (some: Partial<VolumeFacts>): VolumeFacts => ({
  operations: 0,
  errors: 0,
  slow: 0,
  errorsInARow: 0,
  longestRunningMs: 0,
  ...some,
});
const kindOf = (some: Partial<VolumeFacts>, isSuspect = false) => judgeVolume(facts(some), budgets, isSuspect).kind;

describe('a disk is', () => {
  it.each([
    ['sound when nothing is asked of it', {}, 'sound'],
    ['sound with one bad sector', { operations: 5, errors: 1, errorsInARow: 1 }, 'sound'],
    ['sound with two errors of a hundred', { operations: 200, errors: 2, errorsInARow: 2 }, 'sound'],
    ['suspect with three errors', { operations: 10_000, errors: 3, errorsInARow: 1 }, 'suspect'],
    ['suspect with a large share of errors', { operations: 50, errors: 1, errorsInARow: 0 }, 'suspect'],
    [
      'failing with five errors in a row, however good the minute was',
      { operations: 9e5, errors: 5, errorsInARow: 5 },
      'failing',
    ],
    ['failing when half of what it does fails', { operations: 12, errors: 6, errorsInARow: 1 }, 'failing'],
    ['sound with a few slow operations', { operations: 100, slow: 9 }, 'sound'],
    ['suspect with a tenth of slow operations', { operations: 100, slow: 10 }, 'suspect'],
    ['failing with half of slow operations', { operations: 100, slow: 50 }, 'failing'],
    ['sound when it is slow and hardly used', { operations: 19, slow: 19 }, 'sound'],
    ['suspect when an operation runs for long', { longestRunningMs: 5000 }, 'suspect'],
    ['failing when an operation does not end', { longestRunningMs: 10_000 }, 'failing'],
  ] as const)('%s', (_, some, kind) => expect(kindOf(some)).toBe(kind));
});

it('says of a disk that does not answer that it hangs, and in words what is wrong of every other', () => {
  expect(judgeVolume(facts({ longestRunningMs: 60_000 }), budgets, false)).toMatchObject({ hangs: true });
  expect(judgeVolume(facts({ operations: 5, errors: 5, errorsInARow: 5 }), budgets, false)).toEqual({
    kind: 'failing',
    hangs: false,
    why: '5 operations failed in a row',
  });
});

it('keeps a suspect disk suspect until it is calm', () => {
  expect(kindOf({ operations: 100, slow: 7 }, false)).toBe('sound');
  expect(kindOf({ operations: 100, slow: 7 }, true)).toBe('suspect');
  expect(kindOf({ operations: 100, slow: 4 }, true)).toBe('sound');
  expect(kindOf({ operations: 1000, errors: 2 }, true)).toBe('suspect');
  expect(kindOf({ operations: 1000, errors: 1 }, true)).toBe('sound');
});

it('never thinks better of a disk for one more error, slow operation or second of waiting', () => {
  const rank = { sound: 0, suspect: 1, failing: 2 };
  const count = fc.nat({ max: 200 });
  fc.assert(
    fc.property(
      count,
      count,
      count,
      fc.nat({ max: 20_000 }),
      fc.boolean(),
      (good, errors, slow, longestRunningMs, was) => {
        const some = { operations: good + errors + slow, errors, slow, errorsInARow: errors, longestRunningMs };
        const before = rank[kindOf(some, was)];
        const oneMore = { operations: some.operations + 1 };
        expect(rank[kindOf({ ...some, ...oneMore, errors: errors + 1, errorsInARow: errors + 1 }, was)] >= before).toBe(
          true,
        );
        expect(rank[kindOf({ ...some, longestRunningMs: longestRunningMs + 1000 }, was)] >= before).toBe(true);
      },
    ),
  );
});
