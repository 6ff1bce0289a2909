import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BreakerPass, type BreakerSettings, CircuitBreaker } from '../../../src/resilience/circuit-breaker.ts';

const settings: BreakerSettings = {
  failuresInRow: 3,
  failureShare: 0.5,
  minResults: 8,
  windowMs: 10_000,
  firstMs: 1000,
  maxMs: 8000,
};

const step = fc.record({
  do: fc.constantFrom('ask' as const, 'succeed' as const, 'fail' as const, 'refuse' as const, 'leave' as const),
  /** Which of the requests on their way. */
  which: fc.nat(20),
  afterMs: fc.nat(3000),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

interface Life {
  readonly breaker: CircuitBreaker;
  readonly passes: BreakerPass[];
  nowMs: number;
}

function live(
  life: Life,
  taken: Pick<typeof step extends fc.Arbitrary<infer T> ? T : never, 'do' | 'which' | 'random'>,
) {
  const { breaker, passes, nowMs } = life;
  if (taken.do === 'ask') {
    const pass = breaker.tryPass(nowMs);
    if (pass !== undefined) passes.push(pass);
    return;
  }
  const [pass] = passes.splice(taken.which % Math.max(1, passes.length), 1);
  if (pass === undefined) return;
  if (taken.do === 'succeed') breaker.succeeded(pass, nowMs);
  else if (taken.do === 'leave') breaker.abandoned(pass);
  else breaker.failed(pass, nowMs, taken.random, taken.do === 'fail' ? 'silent' : 'answered');
}

describe('a circuit breaker, whatever happens', () => {
  it('lets nobody ask while it is open, never rests longer than its longest while, and one ask when that is over', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const life: Life = { breaker: new CircuitBreaker(settings), passes: [], nowMs: 0 };
        for (const taken of steps) {
          life.nowMs += taken.afterMs;
          const restMs = life.breaker.restMs(life.nowMs);
          expect(restMs).toBeLessThanOrEqual(settings.maxMs);
          const before = life.passes.length;
          live(life, taken);
          if (taken.do === 'ask') expect(life.passes.length > before).toBe(restMs === 0);
        }
        life.nowMs += settings.maxMs;
        expect(life.breaker.tryPass(life.nowMs)).toBeDefined();
      }),
    );
  });

  it('has one probe at a time, and is closed by its success', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const life: Life = { breaker: new CircuitBreaker(settings), passes: [], nowMs: 0 };
        for (const taken of steps) {
          life.nowMs += taken.afterMs;
          live(life, taken);
        }
        life.breaker.trip(life.nowMs, 0.5);
        life.nowMs += settings.maxMs;
        const probe = life.breaker.tryPass(life.nowMs);
        expect(probe?.isProbe).toBe(true);
        expect(life.breaker.tryPass(life.nowMs)).toBeUndefined();
        // Whatever those of before say now is of before.
        for (const pass of life.passes) {
          life.breaker.failed(pass, life.nowMs, 0);
          life.breaker.succeeded(pass, life.nowMs);
        }
        expect(life.breaker.state(life.nowMs)).toBe('half-open');
        if (probe !== undefined) life.breaker.succeeded(probe, life.nowMs);
        expect(life.breaker.state(life.nowMs)).toBe('closed');
      }),
    );
  });
});

describe('a circuit breaker', () => {
  const fail = (breaker: CircuitBreaker, nowMs: number, kind?: 'silent' | 'answered'): void => {
    const pass = breaker.tryPass(nowMs);
    if (pass === undefined) throw new Error('nobody may ask');
    breaker.failed(pass, nowMs, 0, kind);
  };
  const succeed = (breaker: CircuitBreaker, nowMs: number): void => {
    const pass = breaker.tryPass(nowMs);
    if (pass === undefined) throw new Error('nobody may ask');
    breaker.succeeded(pass, nowMs);
  };

  it('opens on so many failures in a row, and not on one fewer', () => {
    const breaker = new CircuitBreaker(settings);
    for (let round = 0; round < 3; round += 1) {
      fail(breaker, round);
      fail(breaker, round);
      succeed(breaker, round);
    }
    expect(breaker.state(10)).toBe('closed');
  });

  it('opens on half of many, though never many in a row', () => {
    const breaker = new CircuitBreaker(settings);
    for (let round = 0; round < 3; round += 1) {
      succeed(breaker, 0);
      fail(breaker, 0);
    }
    expect(breaker.state(0)).toBe('closed');
    succeed(breaker, 0);
    fail(breaker, 0);
    expect(breaker.state(0)).toBe('open');
  });

  it('opens on answers that refuse by their share alone', () => {
    const breaker = new CircuitBreaker(settings);
    for (let round = 0; round < 7; round += 1) fail(breaker, 0, 'answered');
    expect(breaker.state(0)).toBe('closed');
    fail(breaker, 0, 'answered');
    expect(breaker.state(0)).toBe('open');
  });

  it('waits twice as long after each failed probe, and as at first once it was closed', () => {
    const breaker = new CircuitBreaker(settings);
    let nowMs = 0;
    for (let round = 0; round < 3; round += 1) fail(breaker, nowMs);
    const rests: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      rests.push(breaker.restMs(nowMs));
      nowMs += breaker.restMs(nowMs);
      expect(breaker.state(nowMs)).toBe('half-open');
      fail(breaker, nowMs);
    }
    expect(rests).toEqual([500, 1000, 2000, 4000, 4000]);
    nowMs += breaker.restMs(nowMs);
    succeed(breaker, nowMs);
    for (let round = 0; round < 3; round += 1) fail(breaker, nowMs);
    expect(breaker.restMs(nowMs)).toBe(500);
  });

  it('takes another probe when the first said nothing, at once when it was given back', () => {
    const breaker = new CircuitBreaker(settings);
    breaker.trip(0, 0);
    const given = breaker.tryPass(500);
    if (given !== undefined) breaker.abandoned(given);
    expect(breaker.tryPass(500)?.isProbe).toBe(true);
    expect(breaker.tryPass(500 + settings.maxMs - 1)).toBeUndefined();
    expect(breaker.tryPass(500 + settings.maxMs)?.isProbe).toBe(true);
  });
});
