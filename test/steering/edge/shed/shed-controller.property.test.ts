import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  admits,
  afterWindow,
  NOTHING_SHED,
  type ShedState,
  SLICES,
  shedShare,
} from '../../../../steering/edge/shed/shed-controller.ts';
import { WORK_CLASSES, type WorkClass } from '../../../../steering/edge/shed/work-class.ts';

const FULL = WORK_CLASSES.length * SLICES;
const OPTIONS = { targetDelayMs: 20 };
const WINDOW_MS = 250;

test('no question is ranked while a more important class is shed, and a smaller mark never ranks more', () => {
  fc.assert(
    fc.property(fc.nat(FULL), fc.string(), fc.string(), fc.nat(3), fc.nat(3), (mark, one, other, a, b) => {
      const [high, low] = [WORK_CLASSES[Math.min(a, b)], WORK_CLASSES[Math.max(a, b)]] as [WorkClass, WorkClass];
      if (high !== low && admits({ mark }, low, other)) expect(admits({ mark }, high, one)).toBe(true);
      if (mark > 0 && admits({ mark: mark - 1 }, low, one)) expect(admits({ mark }, low, one)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test('a session that is shed stays shed while the load stays, and others take turns only as the mark moves', () => {
  const state = { mark: SLICES / 2 };
  const ranked = Array.from({ length: 1000 }, (_, index) => admits(state, 'first', `s${index}`));
  expect(ranked).toEqual(Array.from({ length: 1000 }, (_, index) => admits(state, 'first', `s${index}`)));
  expect(ranked.filter(Boolean).length / 1000).toBeCloseTo(0.5, 1);
});

/** Questions per second of each class, in hundredths, as a service in the evening sees them. */
const MIX: Readonly<Record<WorkClass, number>> = { first: 20, running: 50, ask: 15, report: 15 };
const RANKED_COST_MS = 0.1;
const STATIC_COST_MS = 0.02;

interface Second {
  readonly ranked: Readonly<Record<WorkClass, number>>;
  readonly answered: number;
  readonly delayMs: number;
}

/** One process with a queue: work that does not fit into a window waits in front of the next one. */
function simulate(loads: readonly number[], shed: boolean): Second[] {
  let state: ShedState = NOTHING_SHED;
  let queuedMs = 0;
  return loads.map((askedPerSec) => {
    const ranked = { first: 0, running: 0, ask: 0, report: 0 };
    let answered = 0;
    for (let window = 0; window < 1000 / WINDOW_MS; window += 1) {
      const waitedMs = queuedMs;
      let workMs = 0;
      let count = 0;
      for (const work of WORK_CLASSES) {
        const asked = Math.round((askedPerSec * MIX[work]) / 100 / (1000 / WINDOW_MS));
        for (let index = 0; index < asked; index += 1) {
          const isRanked = !shed || admits(state, work, `${work}-${window}-${index}`);
          ranked[work] += Number(isRanked);
          workMs += isRanked ? RANKED_COST_MS : STATIC_COST_MS;
          count += 1;
        }
      }
      // What waits longer than a player is patient was work for nobody.
      if (waitedMs < 1000) answered += count;
      queuedMs = Math.max(0, queuedMs + workMs - WINDOW_MS);
      state = afterWindow(state, { standingDelayMs: queuedMs, overLimit: false }, OPTIONS);
    }
    return { ranked, answered, delayMs: queuedMs };
  });
}

const CAPACITY_PER_SEC = 1000 / RANKED_COST_MS;
const constant = (times: number, seconds: number): number[] =>
  Array.from({ length: seconds }, () => times * CAPACITY_PER_SEC);

test('answers in time stay flat from half to four times the capacity, where without shedding they fall to nothing', () => {
  for (const times of [0.5, 0.9, 1.5, 2, 3, 4]) {
    const settled = simulate(constant(times, 30), true).slice(10);
    for (const { answered, delayMs } of settled) {
      expect(answered / (times * CAPACITY_PER_SEC)).toBeGreaterThan(0.98);
      expect(delayMs).toBeLessThan(250);
    }
  }
  expect(simulate(constant(2, 30), false).at(-1)?.answered).toBe(0);
});

test('under load that is not overload nothing is shed', () => {
  for (const { ranked } of simulate(constant(0.9, 20), true))
    expect(ranked.first + ranked.running + ranked.ask + ranked.report).toBeCloseTo(0.9 * CAPACITY_PER_SEC, -2);
});

test('under overload first answers are kept to the end, and reports are the first to go', () => {
  for (const times of [1.3, 2, 3]) {
    const settled = simulate(constant(times, 40), true).slice(15);
    const sum = (work: WorkClass): number =>
      settled.reduce((total, { ranked }) => total + ranked[work], 0) /
      (settled.length * times * CAPACITY_PER_SEC * (MIX[work] / 100));
    const shares = WORK_CLASSES.map(sum);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
  }
});

test('five seconds after a surge everything is ranked again', () => {
  const seconds = simulate([...constant(4, 30), ...constant(0.6, 6)], true);
  const last = seconds.at(-1)?.ranked;
  expect(seconds.at(29)?.ranked.report).toBe(0);
  expect(Object.values(last ?? {}).reduce((sum, count) => sum + count, 0)).toBeCloseTo(0.6 * CAPACITY_PER_SEC, -2);
});

test('a queue between half the target and the target moves nothing, so it does not swing', () => {
  const state = { mark: 100 };
  expect(afterWindow(state, { standingDelayMs: 15, overLimit: false }, OPTIONS)).toEqual(state);
  expect(shedShare(afterWindow(state, { standingDelayMs: 25, overLimit: false }, OPTIONS))).toBeGreaterThan(
    shedShare(state),
  );
  expect(shedShare(afterWindow(state, { standingDelayMs: 0, overLimit: true }, OPTIONS))).toBeGreaterThan(
    shedShare(state),
  );
});
