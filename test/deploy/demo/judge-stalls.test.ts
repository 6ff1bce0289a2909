import { expect, test } from 'vitest';
import { judgeStalls, type Standstill, sayStalls } from '../../../deploy/demo/judge-stalls.ts';

const stood = (changes: Partial<Standstill>): Standstill => ({
  at: 5000,
  dryMs: 0,
  heldMs: 0,
  aheadSec: 8,
  lateMs: 0,
  ...changes,
});
const busy = (): number => 0.1;
const idle = (): number => 1.4;

test('with nothing to play, a second is the most on a busy machine, and nothing is allowed where one had time', () => {
  expect(judgeStalls([stood({ dryMs: 900 })], busy)).toEqual([]);
  expect(judgeStalls([stood({ dryMs: 1001 })], busy)).toEqual([
    'nothing to play for 1001 ms with 0.1 processors idle and timers 0 ms late',
  ]);
  expect(judgeStalls([stood({ dryMs: 150 })], idle)).toHaveLength(1);
  // What a browser takes to go on after it is its own.
  expect(judgeStalls([stood({ dryMs: 900, heldMs: 800 })], busy)).toEqual([]);
});

test('with media at hand a busy machine is excused, for a while; one that had time is not', () => {
  expect(judgeStalls([stood({ heldMs: 4900 })], busy)).toEqual([]);
  expect(judgeStalls([stood({ heldMs: 5100 })], busy)).toEqual([
    'stood still for 5100 ms with 8.0 s at hand, with 0.1 processors idle and timers 0 ms late',
  ]);
  expect(judgeStalls([stood({ heldMs: 1200 })], idle)).toHaveLength(1);
  expect(judgeStalls([stood({ heldMs: 900 })], idle)).toEqual([]);
});

test('where the timers of the page came late something else had the processors, whatever the system counted', () => {
  expect(judgeStalls([stood({ heldMs: 1200, lateMs: 800 })], idle)).toEqual([]);
  expect(judgeStalls([stood({ heldMs: 1200, lateMs: 100 })], idle)).toHaveLength(1);
});

test('idle time is asked of just the time that the picture stood', () => {
  const asked: number[][] = [];
  judgeStalls([stood({ dryMs: 200, heldMs: 300 })], (...times) => asked.push(times));
  expect(asked).toEqual([[5000, 5500]]);
});

test('both kinds are told apart in one line', () => {
  expect(sayStalls([])).toBe('0 stalls for want of media; 0 because the browser was too slow');
  expect(sayStalls([stood({ heldMs: 300 }), stood({ heldMs: 1234.5 }), stood({ dryMs: 120, heldMs: 9000 })])).toBe(
    '1 stalls for want of media, longest 120 ms; 2 because the browser was too slow, longest 1235 ms',
  );
});
