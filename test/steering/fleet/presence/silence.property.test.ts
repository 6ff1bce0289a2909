import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/world/world.ts';
import { FleetRegistry } from '../../../../steering/fleet/fleet-registry.ts';
import { ListeningTime, TICK_MS } from '../../../../steering/fleet/presence/listening-time.ts';
import { heartbeat, NOW_MS } from '../../samples.ts';

/**
 * A fleet that beats, a steering that ticks, and what goes wrong between them, in steps of a quarter of a second. What
 * is checked is what viewers would feel: an appliance that serves is taken from them although it is there.
 */
const LEASE_MS = 6000;
const BEAT_MS = 2000;
const PRESERVE_MS = 300_000;

class StepClock {
  ms = 1000;
  wallMs = NOW_MS;
  readonly clock = { nowMs: () => this.wallMs, monotonicMs: () => this.ms } as unknown as Clock;
}

interface Weather {
  /** Whether the appliance is alive. */
  readonly alive?: (index: number, nowMs: number) => boolean;
  /** Whether its heartbeats get through. */
  readonly through?: (index: number, nowMs: number) => boolean;
  /** Whether steering stands still. */
  readonly stalled?: (nowMs: number) => boolean;
  readonly wallJumpMs?: (nowMs: number) => number;
}

/** Runs a fleet through the weather. @returns per appliance the times at which it was not offered to viewers */
function run(count: number, untilMs: number, weather: Weather): Map<string, number[]> {
  const time = new StepClock();
  const listening = new ListeningTime(time.clock, LEASE_MS / 2);
  const options = { leaseMs: LEASE_MS, preserveMs: PRESERVE_MS, listening, clock: time.clock };
  const fleet = new FleetRegistry(options);
  const missing = new Map<string, number[]>();
  const { alive = () => true, through = () => true, stalled = () => false, wallJumpMs = () => 0 } = weather;
  let sequence = 0;
  for (let nowMs = 0; nowMs < untilMs; nowMs += TICK_MS) {
    time.ms = 1000 + nowMs;
    time.wallMs += TICK_MS + wallJumpMs(nowMs);
    if (stalled(nowMs)) continue;
    // The worst order: first the decisions that waited, then the timers, then the heartbeats in the sockets.
    const offered = new Set(
      fleet
        .view()
        .members.filter(({ lease }) => lease.kind !== 'expired')
        .map(({ id }) => id),
    );
    listening.tick();
    sequence += 1;
    for (let index = 0; index < count; index += 1) {
      const id = `oca-${index}`;
      const isItsTurn =
        Math.floor((nowMs + index * 37) / BEAT_MS) !== Math.floor((nowMs - TICK_MS + index * 37) / BEAT_MS);
      if (isItsTurn && alive(index, nowMs) && through(index, nowMs)) fleet.accept(heartbeat(id, { sequence }));
      if (nowMs > LEASE_MS && !offered.has(id)) missing.set(id, [...(missing.get(id) ?? []), nowMs]);
    }
  }
  return missing;
}

describe('a steering that hears badly', () => {
  it('takes nobody from viewers for its own stalls, whatever the size of the fleet', () => {
    const stalls = fc.array(fc.record({ atMs: fc.nat(110_000), forMs: fc.integer({ min: 1000, max: 60_000 }) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), stalls, (count, when) => {
        const stalled = (nowMs: number): boolean =>
          nowMs > LEASE_MS && when.some(({ atMs, forMs }) => nowMs >= atMs && nowMs < atMs + forMs);
        expect([...run(count, 120_000, { stalled })]).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('takes nobody for a wall clock that jumps', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 20 }), (jumps) => {
        const wallJumpMs = (nowMs: number): number => jumps[Math.floor(nowMs / 3000)] ?? 0;
        expect([...run(5, 60_000, { wallJumpMs })]).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('keeps those that it hears no more together, for any part that is most of them, and takes them all back', () => {
    const partitions = fc.record({
      count: fc.integer({ min: 3, max: 24 }),
      atMs: fc.integer({ min: 20_000, max: 40_000 }),
      forMs: fc.integer({ min: 1000, max: 120_000 }),
      share: fc.double({ min: 0.51, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(partitions, ({ count, atMs, forMs, share }) => {
        const cut = Math.ceil(count * share);
        fc.pre(cut >= 3 && cut * 2 > count);
        const through = (index: number, nowMs: number): boolean =>
          index >= cut || nowMs < atMs || nowMs >= atMs + forMs;
        const missing = run(count, 200_000, { through });
        if (forMs >= LEASE_MS + BEAT_MS) expect([...missing]).toEqual([]);
        // One whose heartbeats fell into a shorter fault is like one that died, until its next one.
        for (const times of missing.values())
          for (const nowMs of times) expect(nowMs).toBeLessThan(atMs + LEASE_MS + BEAT_MS + 2 * TICK_MS);
      }),
      { numRuns: 40 },
    );
  });

  it('keeps the last known fleet for as long as it hears nobody, however long', () => {
    const through = (_index: number, nowMs: number): boolean => nowMs < 20_000;
    expect([...run(8, 20_000 + 2 * PRESERVE_MS, { through })]).toEqual([]);
  });
});

describe('a steering that hears well', () => {
  it('loses those that die one by one within their lease, however many they are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 10 }), (count) => {
        const deathOf = (index: number): number => 20_000 + index * 30_000;
        const missing = run(count + 1, 20_000 + count * 30_000, {
          alive: (index, nowMs) => index === count || nowMs < deathOf(index),
        });
        for (let index = 0; index < count - 1; index += 1) {
          const [first = Number.NaN] = missing.get(`oca-${index}`) ?? [];
          expect(first).toBeGreaterThanOrEqual(deathOf(index) + LEASE_MS - BEAT_MS);
          expect(first).toBeLessThanOrEqual(deathOf(index) + LEASE_MS + 2 * TICK_MS);
        }
        expect(missing.has(`oca-${count}`)).toBe(false);
      }),
      { numRuns: 8 },
    );
  });

  it('loses one that comes and goes only while it is away, and never another for it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 40 }), fc.integer({ min: 5, max: 40 }), (onSec, offSec) => {
        const period = (onSec + offSec) * 1000;
        const alive = (index: number, nowMs: number): boolean => index > 0 || nowMs % period < onSec * 1000;
        const missing = run(6, 300_000, { alive });
        expect([...missing.keys()].filter((id) => id !== 'oca-0')).toEqual([]);
        for (const nowMs of missing.get('oca-0') ?? []) {
          const since = nowMs % period;
          const isAway = since >= onSec * 1000 || since <= BEAT_MS + TICK_MS;
          expect(isAway).toBe(true);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('of most that vanished and half of which came back, drops the dead when the grace is over', () => {
    const atMs = 20_000;
    const alive = (index: number, nowMs: number): boolean => nowMs < atMs || (index < 7 && nowMs >= 60_000);
    const missing = run(10, 120_000, { alive: (index, nowMs) => index >= 8 || alive(index, nowMs) });
    const times = missing.get('oca-7') ?? [];
    expect(Math.max(...times)).toBe(120_000 - TICK_MS);
    expect(times.find((nowMs) => nowMs > 40_000)).toBeLessThanOrEqual(60_000 + BEAT_MS + LEASE_MS + 4 * TICK_MS);
  });
});
