import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Heartbeat } from '../../../../src/contracts/heartbeat.ts';
import { nominalBitsPerSec } from '../../../../steering/fleet/admission/nominal-bitrate.ts';
import { PlacedSessions } from '../../../../steering/fleet/admission/placed-sessions.ts';
import { FleetRegistry } from '../../../../steering/fleet/fleet-registry.ts';
import { rankAppliances } from '../../../../steering/ranking/rank-appliances.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { candidateFor, sessionOf } from '../../ranking-samples.ts';
import { heartbeat, title } from '../../samples.ts';

const SILENT_AFTER_MS = 6000;
const sessions = fc.array(
  fc.record({
    session: fc.nat(30).map((number) => `s${number}`),
    slot: fc.nat(3),
    bits: fc.integer({ min: 1, max: 9 }).map((number) => number * 1e6),
  }),
  { maxLength: 60 },
);

describe('sessions that were placed', () => {
  it('count once each, where they went last, until they must be in what was measured', () => {
    fc.assert(
      fc.property(sessions, fc.nat(900), (placed, afterMs) => {
        const table = new PlacedSessions({ silentAfterMs: SILENT_AFTER_MS });
        const last = new Map<string, { slot: number; bits: number }>();
        for (const { session, slot, bits } of placed) {
          table.place(session, slot, bits, 100_000 + afterMs);
          if (last.get(session)?.slot !== slot) last.set(session, { slot, bits });
        }
        for (let slot = 0; slot < 4; slot += 1) {
          const expected = [...last.values()].reduce((sum, one) => sum + (one.slot === slot ? one.bits : 0), 0);
          expect(table.pendingBitsPerSec[slot]).toBeCloseTo(expected, -1);
        }
        for (let slot = 0; slot < 4; slot += 1) table.measured(slot, 100_000 + afterMs + 6000);
        expect([...table.pendingBitsPerSec].every((bits) => bits === 0)).toBe(true);
      }),
    );
  });

  it('are in the next heartbeats by and by: what is reported and what is pending say the same', () => {
    const table = new PlacedSessions({ silentAfterMs: SILENT_AFTER_MS });
    for (let index = 0; index < 100; index += 1) table.place(`s${index}`, 0, 1e6, 10_500);
    for (const [atMs, share] of [
      [11_500, 0.8],
      [13_000, 0.5],
      [15_000, 0.1],
      [15_500, 0],
    ] as const) {
      table.measured(0, atMs);
      expect(table.pendingBitsPerSec[0]).toBeCloseTo(share * 1e8, 0);
    }
  });

  it('that ask again are not counted again, and one that plays there already is not counted at all', () => {
    const table = new PlacedSessions({ silentAfterMs: SILENT_AFTER_MS });
    for (let second = 0; second < 100; second += 1) table.place('s', 0, 1e6, second * 1000);
    expect(table.pendingBitsPerSec[0]).toBe(1e6);
    table.place('t', 1, 0, 1000);
    expect(table.pendingBitsPerSec[1]).toBe(0);
  });

  it('of a silent appliance do not fill it for ever', () => {
    const table = new PlacedSessions({ silentAfterMs: SILENT_AFTER_MS });
    table.place('s', 0, 1e6, 1000);
    table.passOverSilent(1001);
    expect(table.pendingBitsPerSec[0]).toBe(1e6);
    table.passOverSilent(20_000);
    expect(table.pendingBitsPerSec[0]).toBe(0);
  });

  it('are forgotten with the appliance, and more appliances than there was room for have their places', () => {
    const table = new PlacedSessions({ silentAfterMs: SILENT_AFTER_MS });
    table.place('s', 7, 1e6, 1000);
    table.place('t', 900, 2e6, 1000);
    expect([table.pendingBitsPerSec[7], table.pendingBitsPerSec[900]]).toEqual([1e6, 2e6]);
    table.forget(7);
    expect(table.pendingBitsPerSec[7]).toBe(0);
  });

  it('are remembered in a table that does not grow: a session that was pushed out is counted once more', () => {
    const table = new PlacedSessions({ silentAfterMs: SILENT_AFTER_MS, remembered: 16 });
    for (let index = 0; index < 1000; index += 1) table.place(`s${index}`, 0, 1, 1000);
    for (let index = 0; index < 1000; index += 1) table.place(`s${index}`, 0, 1, 1000);
    expect(table.pendingBitsPerSec[0]).toBeGreaterThan(1900);
    expect(table.pendingBitsPerSec[0]).toBeLessThanOrEqual(2000);
  });
});

describe('ten thousand starts within one second', () => {
  const BARS = title('bars', { hls: undefined, durationMs: 8000 });
  const NOMINAL = nominalBitsPerSec(BARS);

  it('over one idle box and nine half full ones pass no hard limit, where there is room for all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 1.02, max: 1.2, noNaN: true }), (seed, room) => {
        const world = new FakeWorld();
        const placed = new PlacedSessions({ silentAfterMs: SILENT_AFTER_MS });
        const fleet = new FleetRegistry({
          clock: world.clock,
          leaseMs: SILENT_AFTER_MS,
          preserveMs: 0,
          pendingBitsPerSec: () => placed.pendingBitsPerSec,
        });
        // Idle and nine half full: 5.5 boxes' room for all of them, times `room`.
        const hardEgressBitsPerSec = (10_000 * NOMINAL * room) / 5.5;
        const soft = { softEgressBitsPerSec: hardEgressBitsPerSec * 0.8, hardEgressBitsPerSec, maxActiveRequests: 1e6 };
        for (let index = 0; index < 10; index += 1) {
          const load = { egressBitsPerSec: index === 0 ? 0 : hardEgressBitsPerSec / 2, activeRequests: 0, cpuShare: 0 };
          const changes: Partial<Heartbeat> = { load, capacity: soft };
          fleet.accept(heartbeat(`oca-${index}`, changes));
        }
        const taken = new Map<string, number>();
        const { members, pendingBitsPerSec } = fleet.view();
        for (let index = 0; index < 10_000; index += 1) {
          const sessionId = `${seed}-${index}`;
          const candidates = members.map((member) =>
            candidateFor(member, { pendingBitsPerSec: pendingBitsPerSec[member.slot] ?? 0 }),
          );
          const session = sessionOf(sessionId, { siteId: 'north', nominalBitsPerSec: NOMINAL });
          const first = rankAppliances(candidates, session).ranked[0]?.candidate.member;
          if (first === undefined) throw new Error('sent to the origin although there is room');
          placed.place(sessionId, fleet.view().byId.get(first.id)?.slot ?? -1, NOMINAL, world.clock.monotonicMs());
          taken.set(first.id, (taken.get(first.id) ?? first.egressBitsPerSec) + NOMINAL);
        }
        for (const bits of taken.values()) expect(bits).toBeLessThan(hardEgressBitsPerSec + NOMINAL);
      }),
      { numRuns: 3 },
    );
  });
});
