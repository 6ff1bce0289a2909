import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../../src/resilience/token-bucket.ts';
import type { Clock } from '../../../src/world/world.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const settled = (clock: FakeWorld['clock']): Promise<void> => clock.advance(0);

describe('a token bucket', () => {
  it('lets units pass at its rate, from an empty start', async () => {
    const { clock } = new FakeWorld();
    const bucket = new TokenBucket(clock, 100);
    const passedAtMs: number[] = [];
    const startMs = clock.monotonicMs();
    for (let index = 0; index < 5; index += 1)
      void bucket.take(50).then(() => passedAtMs.push(clock.monotonicMs() - startMs));
    await clock.advance(10_000);
    expect(passedAtMs).toEqual([500, 1000, 1500, 2000, 2500]);
  });

  it('holds no more than a second’s worth after an idle hour', async () => {
    const { clock } = new FakeWorld();
    const bucket = new TokenBucket(clock, 100);
    await clock.advance(3_600_000);
    let passed = 0;
    for (let index = 0; index < 4; index += 1) void bucket.take(50).then(() => (passed += 50));
    await settled(clock);
    expect(passed).toBe(100);
  });

  it('never waits at one go for longer than a timer can', async () => {
    const { clock } = new FakeWorld();
    const waits: number[] = [];
    const watched: Clock = {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (delayMs, task) => clock.setTimer(delayMs, task),
      delay(delayMs, signal) {
        waits.push(delayMs);
        return clock.delay(delayMs, signal);
      },
    };
    const bucket = new TokenBucket(watched, 1);
    let isPast = false;
    void bucket.take(2 ** 23).then(() => (isPast = true));
    await clock.advance(2 ** 23 * 1000);
    expect(isPast).toBe(true);
    expect(Math.max(...waits)).toBeLessThan(2 ** 31);
  });

  it('lets a take that is larger than itself pass whole, after its time', async () => {
    const { clock } = new FakeWorld();
    const bucket = new TokenBucket(clock, 10);
    let isPast = false;
    void bucket.take(100).then(() => (isPast = true));
    await clock.advance(9999);
    expect(isPast).toBe(false);
    await clock.advance(1);
    expect(isPast).toBe(true);
  });

  it('follows a change of the rate', async () => {
    const { clock } = new FakeWorld();
    const bucket = new TokenBucket(clock, 1);
    bucket.setRate(1000);
    let isPast = false;
    void bucket.take(500).then(() => (isPast = true));
    await clock.advance(500);
    expect(isPast).toBe(true);
  });

  it('leaves no debt to others when a take is cut off', async () => {
    const { clock } = new FakeWorld();
    const bucket = new TokenBucket(clock, 10);
    const abort = new AbortController();
    const cut = bucket.take(1_000_000, abort.signal);
    let isPast = false;
    void bucket.take(10).then(() => (isPast = true));
    await clock.advance(1000);
    abort.abort(new Error('enough'));
    await expect(cut).rejects.toThrow('enough');
    await clock.advance(1000);
    expect(isPast).toBe(true);
  });

  it('rejects at once a take whose signal was aborted before', async () => {
    const bucket = new TokenBucket(new FakeWorld().clock, 10);
    await expect(bucket.take(1, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });

  it('gives back what was not used, and never more than it can hold', async () => {
    const { clock } = new FakeWorld();
    const bucket = new TokenBucket(clock, 100);
    await clock.advance(1000);
    await bucket.take(100);
    bucket.giveBack(100);
    bucket.giveBack(1_000_000);
    let passed = 0;
    for (let index = 0; index < 4; index += 1) void bucket.take(50).then(() => (passed += 50));
    await settled(clock);
    expect(passed).toBe(100);
  });

  it('never lets more pass than its rate and one second’s worth, in any order of takes and waits', async () => {
    const step = fc.record({ take: fc.integer({ min: 1, max: 300 }), waitMs: fc.nat(4000) });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.array(step, { maxLength: 15 }), async (rate, steps) => {
        const { clock } = new FakeWorld();
        const bucket = new TokenBucket(clock, rate);
        const startMs = clock.monotonicMs();
        let passed = 0;
        for (const { take, waitMs } of steps) {
          void bucket.take(take).then(() => {
            passed += take;
            expect(passed).toBeLessThanOrEqual(rate * ((clock.monotonicMs() - startMs) / 1000 + 1) + 1e-6);
          });
          await clock.advance(waitMs);
        }
        await clock.advance(10_000_000);
        expect(passed).toBe(steps.reduce((sum, { take }) => sum + take, 0));
      }),
      { numRuns: 50 },
    );
  });
});
