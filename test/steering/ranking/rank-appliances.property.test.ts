import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Candidate } from '../../../steering/ranking/candidate.ts';
import { exclude } from '../../../steering/ranking/exclude.ts';
import { MAX_APPLIANCES, rankAppliances } from '../../../steering/ranking/rank-appliances.ts';
import type { SessionFacts } from '../../../steering/ranking/score.ts';
import { fleets, sessions } from '../arbitraries.ts';

const RUNS = { numRuns: 2000 };
const idsOf = (candidates: readonly Candidate[], session: SessionFacts): string[] =>
  rankAppliances(candidates, session).ranked.map(({ candidate }) => candidate.id);

test('an excluded appliance never ranks, and every appliance is ranked, excluded or beyond the seventh place', () => {
  fc.assert(
    fc.property(fleets, sessions, (fleet, session) => {
      const { ranked, excluded } = rankAppliances(fleet, session);
      const rankedIds = new Set(ranked.map(({ candidate }) => candidate.id));
      expect(excluded.some(({ id }) => rankedIds.has(id))).toBe(false);
      expect(excluded.map(({ id }) => id).sort()).toEqual(
        fleet
          .filter((candidate) => exclude(candidate) !== undefined)
          .map(({ id }) => id)
          .sort(),
      );
      expect(ranked.length).toBe(Math.min(MAX_APPLIANCES, fleet.length - excluded.length));
      expect(rankedIds.size).toBe(ranked.length);
    }),
    RUNS,
  );
});

test('the order in which appliances are known makes no difference', () => {
  fc.assert(
    fc.property(fleets, sessions, fc.nat(), (fleet, session, seed) => {
      const other = fleet.map((item, index) => ({ item, key: Math.sin(seed + index) })).sort((a, b) => a.key - b.key);
      const shuffled = other.map(({ item }) => item);
      expect(rankAppliances(shuffled, session)).toEqual(rankAppliances(fleet, session));
    }),
    RUNS,
  );
});

test('taking one appliance away does not reorder the others', () => {
  fc.assert(
    fc.property(fleets, sessions, fc.nat(), (fleet, session, pick) => {
      const gone = fleet[pick % Math.max(1, fleet.length)];
      const before = idsOf(fleet, session).filter((id) => id !== gone?.id);
      const after = idsOf(
        fleet.filter(({ id }) => id !== gone?.id),
        session,
      );
      expect(after.filter((id) => before.includes(id))).toEqual(before);
    }),
    RUNS,
  );
});

test('what a manifest declared stays in later answers whatever the load does, as long as it is not excluded', () => {
  const loads = fc.array(fc.double({ min: 0, max: 1.99, noNaN: true }), { minLength: 24, maxLength: 24 });
  fc.assert(
    fc.property(fleets, sessions, loads, (fleet, session, laterLoads) => {
      const declared = idsOf(fleet, session).slice(0, 3);
      const later = fleet.map((candidate, index) => ({
        ...candidate,
        egressBitsPerSec: (laterLoads[index] ?? 0) * 1e9,
      }));
      // More of the fleet may have become eligible; the four free places are there for that.
      const eligible = (candidates: readonly Candidate[]): number =>
        candidates.filter((candidate) => exclude(candidate) === undefined).length;
      fc.pre(eligible(later) <= eligible(fleet) + (MAX_APPLIANCES - 3));
      const answer = idsOf(later, session);
      const kept = declared.filter((id) => {
        const candidate = later.find((item) => item.id === id);
        return candidate !== undefined && exclude(candidate) === undefined;
      });
      expect(answer).toEqual(expect.arrayContaining(kept));
    }),
    RUNS,
  );
});

test("appliances of the client's site go before all others, and doubtful ones behind those that are heard there", () => {
  fc.assert(
    fc.property(fleets, sessions, (fleet, session) => {
      const { ranked } = rankAppliances(fleet, session);
      const classes = ranked.map(({ candidate }) => {
        const elsewhere = session.siteId === undefined || candidate.siteId !== session.siteId;
        return (elsewhere ? 2 : 0) + (candidate.lease.kind === 'doubtful' ? 1 : 0);
      });
      expect(classes).toEqual([...classes].sort((a, b) => a - b));
    }),
    RUNS,
  );
});

test('every place says why', () => {
  fc.assert(
    fc.property(fleets, sessions, (fleet, session) => {
      for (const { reasons } of rankAppliances(fleet, session).ranked) {
        expect(reasons.length).toBeGreaterThanOrEqual(3);
        for (const reason of reasons) expect(reason.length).toBeLessThanOrEqual(200);
      }
    }),
    { numRuns: 200 },
  );
});
