import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimerWheel } from '../../../../appliance/fast-path/wire/timer-wheel.ts';

const COUNT = 20;
const TICK_MS = 250;

type Step =
  | { readonly kind: 'set'; readonly index: number; readonly inMs: number }
  | { readonly kind: 'clear'; readonly index: number }
  | { readonly kind: 'turn'; readonly afterMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    index: fc.nat(COUNT - 1),
    inMs: fc.oneof(fc.nat(2000), fc.nat(200_000)),
  }),
  fc.record({ kind: fc.constant('clear' as const), index: fc.nat(COUNT - 1) }),
  fc.record({ kind: fc.constant('turn' as const), afterMs: fc.oneof(fc.nat(1000), fc.nat(100_000)) }),
);

test('every deadline is told once, never early, and at most a tick late', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1e9), (steps, startMs) => {
      let nowMs = startMs;
      const wheel = new TimerWheel(nowMs);
      wheel.reserve(COUNT / 2);
      wheel.reserve(COUNT);
      const expected = new Map<number, number>();
      for (const each of steps) {
        if (each.kind === 'set') {
          wheel.set(each.index, nowMs + each.inMs);
          expected.set(each.index, nowMs + each.inMs);
        } else if (each.kind === 'clear') {
          wheel.clear(each.index);
          expected.delete(each.index);
        } else {
          nowMs += each.afterMs;
          wheel.turn(nowMs, (index) => {
            const deadlineMs = expected.get(index);
            expect(deadlineMs, `${index} was told of nothing`).toBeDefined();
            expect(deadlineMs).toBeLessThanOrEqual(nowMs);
            expected.delete(index);
          });
          for (const deadlineMs of expected.values()) expect(deadlineMs).toBeGreaterThan(nowMs - TICK_MS);
        }
        if (expected.size > 0) {
          const restMs = wheel.restMs(nowMs);
          expect(restMs).toBeGreaterThanOrEqual(0);
          expect(restMs).toBeLessThanOrEqual(TICK_MS);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('who is told may set, put off and clear any other', () => {
  const wheel = new TimerWheel(0);
  wheel.reserve(4);
  for (let index = 0; index < 4; index += 1) wheel.set(index, 1000);
  const told: number[] = [];
  wheel.turn(1250, (index) => {
    told.push(index);
    if (told.length > 1) return;
    for (let other = 0; other < 4; other += 1) {
      if (other === (index + 1) % 4) wheel.clear(other);
      else if (other !== (index + 2) % 4) wheel.set(other, 5000);
    }
  });
  expect(told).toHaveLength(2);
  wheel.turn(5250, (index) => told.push(index));
  expect(told).toHaveLength(4);
  expect(new Set(told).size).toBe(3);
  expect(wheel.restMs(5250)).toBe(-1);
});

test('nothing to wait for is no reason to wake', () => {
  const wheel = new TimerWheel(0);
  expect(wheel.restMs(0)).toBe(-1);
  wheel.reserve(1);
  wheel.set(0, 100);
  wheel.clear(0);
  wheel.turn(500, () => expect.unreachable());
  expect(wheel.restMs(500)).toBe(-1);
});
