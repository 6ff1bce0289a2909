import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, NO_VERDICT } from '../../../steering/ranking/candidate.ts';
import { exclude } from '../../../steering/ranking/exclude.ts';
import { MAX_APPLIANCES, rankAppliances } from '../../../steering/ranking/rank-appliances.ts';
import type { SessionFacts } from '../../../steering/ranking/session-facts.ts';
import { largeFleets as fleets, sessions } from '../arbitraries.ts';
import { appliance, candidateFor, sessionOf } from '../ranking-samples.ts';

const RUNS = { numRuns: 500 };
const idsOf = (candidates: readonly Candidate[], session: SessionFacts): string[] =>
  rankAppliances(candidates, session).ranked.map(({ candidate }) => candidate.member.id);
const canServe = (candidate: Candidate, session: SessionFacts): boolean => exclude(candidate, session) === undefined;

/** The same fleet with changes of its appliances. */
const changed = (fleet: readonly Candidate[], change: (candidate: Candidate, index: number) => Partial<Candidate>) =>
  fleet.map((candidate, index) => ({ ...candidate, ...change(candidate, index) }));

test('an excluded appliance never ranks, and every appliance is ranked, excluded or beyond the seventh place', () => {
  fc.assert(
    fc.property(fleets, sessions, (fleet, session) => {
      const { ranked, excluded } = rankAppliances(fleet, session);
      const rankedIds = new Set(ranked.map(({ candidate }) => candidate.member.id));
      expect(excluded.some(({ id }) => rankedIds.has(id))).toBe(false);
      expect(excluded.map(({ id }) => id).sort()).toEqual(
        fleet
          .filter((candidate) => !canServe(candidate, session))
          .map(({ member }) => member.id)
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

test('what was written down as JSON ranks as it did', () => {
  fc.assert(
    fc.property(fleets, sessions, (fleet, session) => {
      const copy = JSON.parse(JSON.stringify({ fleet, session })) as { fleet: Candidate[]; session: SessionFacts };
      expect(idsOf(copy.fleet, copy.session)).toEqual(idsOf(fleet, session));
    }),
    RUNS,
  );
});

test('one that leaves moves its own sessions and nobody else, where all others are as usual', () => {
  fc.assert(
    fc.property(fleets, sessions, fc.nat(), (fleet, session, pick) => {
      const calm = changed(fleet, ({ member }) => ({
        pendingBitsPerSec: 0,
        quality: NO_VERDICT,
        member: {
          ...member,
          egressBitsPerSec: 0,
          activeRequests: 0,
          capacityShare: 1,
          lease: member.lease.kind === 'doubtful' ? { kind: 'current' } : member.lease,
        },
      }));
      const gone = calm[pick % Math.max(1, calm.length)]?.member.id;
      const before = idsOf(calm, session);
      const after = idsOf(
        calm.filter(({ member }) => member.id !== gone),
        session,
      );
      if (before[0] !== gone) expect(after[0]).toBe(before[0]);
      // Of the other places the spread over failure domains may bring one forward, and it loses nobody.
      for (const id of before.filter((one) => one !== gone)) expect(after).toContain(id);
    }),
    RUNS,
  );
});

test('no viewer moves who need not: what comes, returns or warms up takes nobody who plays from its equal', () => {
  const share = fc.constantFrom(0.1, 0.5, 1);
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.nat(), share, share, (size, seed, before, after) => {
      const fleetOf = (count: number, capacityShare: number) =>
        Array.from({ length: count }, (_, index) =>
          candidateFor(appliance(`box-${index}`, { capacityShare: index === 0 ? capacityShare : 1 })),
        );
      const session = sessionOf(`s${seed}`);
      const [first] = idsOf(fleetOf(size, before), session);
      const playing = { ...session, playing: first === undefined ? [] : [first] };
      expect(idsOf(fleetOf(size, after), playing)[0]).toBe(first);
      expect(idsOf(fleetOf(size + 8, after), playing)[0]).toBe(first);
    }),
    RUNS,
  );
});

test('draining a site moves nobody who was not there', () => {
  fc.assert(
    fc.property(fleets, sessions, fc.constantFrom('north', 'south', 'west'), (some, asking, siteId) => {
      // In calm weather: who is loaded, doubted or reported bad may give way to whoever steps into a place that is free.
      const fleet = changed(some, ({ member }) => ({
        pendingBitsPerSec: 0,
        quality: NO_VERDICT,
        member: {
          ...member,
          egressBitsPerSec: 0.4 * member.softEgressBitsPerSec,
          activeRequests: 0,
          capacityShare: 1,
          lease: { kind: 'current' as const },
        },
      }));
      const session = { ...asking, playing: [] };
      const drained = changed(fleet, ({ member }) => ({
        member: { ...member, withheld: member.siteId === siteId ? 'drained' : member.withheld },
      }));
      const [before] = rankAppliances(fleet, session).ranked;
      fc.pre(before !== undefined && before.candidate.member.siteId !== siteId);
      expect(idsOf(drained, session)[0]).toBe(before?.candidate.member.id);
    }),
    { numRuns: 300 },
  );
});

type Weather = Readonly<Record<'load' | 'pending' | 'capacityShare' | 'probeShare', number>> & {
  readonly qualityClass: 0 | 2;
  readonly isDoubtful: boolean;
};

test('what changes from minute to minute changes the order of a session’s appliances and not who they are', () => {
  const weathers = fc.array(
    fc.record({
      load: fc.double({ min: 0, max: 1.4, noNaN: true }),
      pending: fc.constantFrom(0, 0.1, 0.5),
      capacityShare: fc.constantFrom(1, 0.1, 0.5),
      qualityClass: fc.constantFrom(0 as const, 2 as const),
      probeShare: fc.constantFrom(0, 0.5, 1),
      isDoubtful: fc.boolean(),
    }),
    { minLength: 24, maxLength: 24 },
  );
  const underWeather = (fleet: readonly Candidate[], weather: readonly Weather[]): Candidate[] =>
    changed(fleet, ({ member }, index) => {
      const { load = 0, pending = 0, capacityShare = 1, isDoubtful = false, ...quality } = weather[index] ?? {};
      return {
        pendingBitsPerSec: pending * 1e9,
        quality: { qualityClass: 0, probeShare: 1, ...quality, because: undefined },
        member: {
          ...member,
          egressBitsPerSec: load * 1e9,
          activeRequests: 0,
          capacityShare,
          lease: isDoubtful ? { kind: 'doubtful', because: 'silent with many others' } : { kind: 'current' },
        },
      };
    });
  fc.assert(
    fc.property(fleets, sessions, weathers, weathers, (fleet, session, now, later) => {
      const [first, second] = [now, later].map((weather) => idsOf(underWeather(fleet, weather), session));
      expect(second?.toSorted()).toEqual(first?.toSorted());
    }),
    RUNS,
  );
});

test('rules are asked in turn: no place is before one that is better in an earlier rule', () => {
  fc.assert(
    fc.property(fleets, sessions, (fleet, session) => {
      const { ranked } = rankAppliances(fleet, {
        ...session,
        policy: { ...session.policy, spreadFailureDomains: false },
      });
      const keys = ranked.map(({ score }) => [
        Number(score.demoted),
        Number(!score.preferred),
        score.distance,
        score.kindRank,
        score.siteCost ?? Number.MAX_VALUE,
        Number(score.doubtful),
        Number(!score.softwareFits),
        score.qualityClass,
        Number(score.yields),
        4 - score.heldClass,
        Number(score.crowded),
        Number(!score.stays),
        -score.rendezvous,
      ]);
      for (const [place, key] of keys.slice(1).entries()) {
        const before = keys[place] ?? [];
        const at = key.findIndex((value, rule) => value !== before[rule]);
        if (at !== -1) expect(key[at]).toBeGreaterThan(before[at] ?? 0);
      }
    }),
    RUNS,
  );
});

test('the first three places lie in two failure domains wherever two are to be had, and the first stays first', () => {
  fc.assert(
    fc.property(fleets, sessions, (fleet, session) => {
      const ranking = (spreadFailureDomains: boolean) =>
        rankAppliances(fleet, { ...session, policy: { ...session.policy, spreadFailureDomains } }).ranked;
      const [spread, plain] = [ranking(true), ranking(false)];
      expect(spread[0]?.candidate.member.id).toBe(plain[0]?.candidate.member.id);
      expect(idsIn(spread).toSorted()).toEqual(idsIn(plain).toSorted());
      const domains = (places: typeof spread) => new Set(places.map(({ candidate }) => candidate.site.failureDomain));
      const first = spread[0];
      if (first === undefined) return;
      const domain = first.candidate.site.failureDomain;
      // A session's own are of two domains wherever the fleet is (who must have other software is left out there).
      const eligible = fleet.filter((candidate) => canServe(candidate, session));
      if (session.policy.software?.rule !== 'require' && eligible.some(({ site }) => site.failureDomain !== domain))
        expect(domains(plain).size).toBeGreaterThanOrEqual(2);
      // Those of them that fail their viewers are no choice.
      const possible = plain.filter(({ score }) => !score.demoted);
      if (first.score.demoted || possible.length < 3) return;
      if (possible.some(({ candidate: { site } }) => site.failureDomain !== domain))
        expect(domains(spread.slice(0, 3)).size).toBeGreaterThanOrEqual(2);
    }),
    RUNS,
  );
});

const idsIn = (ranked: ReturnType<typeof rankAppliances>['ranked']): string[] =>
  ranked.map(({ candidate }) => candidate.member.id);

test('every place says why, and all but the first what put them there', () => {
  fc.assert(
    fc.property(fleets, sessions, (fleet, session) => {
      for (const [place, { reasons, decidedBy }] of rankAppliances(fleet, session).ranked.entries()) {
        expect(reasons.length).toBeGreaterThanOrEqual(3);
        for (const reason of reasons) expect(reason.length).toBeLessThanOrEqual(200);
        expect(decidedBy === undefined).toBe(place === 0);
      }
    }),
    { numRuns: 200 },
  );
});

test('ten times the sessions within one view do not all go to the one idle box', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 10 }), fc.nat(), (size, seed) => {
      const members = Array.from({ length: size }, (_, index) =>
        appliance(`box-${index}`, { egressBitsPerSec: index === 0 ? 0 : 0.7e9 }),
      );
      const placed = new Map<string, number>();
      const arrivals = 400;
      // Together as much as all boxes have room for up to their soft limits.
      const bits = (1e9 + (size - 1) * 0.3e9) / arrivals;
      for (let index = 0; index < arrivals; index += 1) {
        const candidates = members.map((member) =>
          candidateFor(member, { pendingBitsPerSec: placed.get(member.id) ?? 0 }),
        );
        const [first = ''] = idsOf(candidates, sessionOf(`${seed}-${index}`, { siteId: 'north' }));
        placed.set(first, (placed.get(first) ?? 0) + bits);
      }
      const loads = members.map(({ id, egressBitsPerSec }) => egressBitsPerSec + (placed.get(id) ?? 0));
      expect(Math.max(...loads)).toBeLessThan(1.35e9);
      expect((placed.get('box-0') ?? 0) / bits).toBeLessThan(arrivals * 0.9);
    }),
    { numRuns: 50 },
  );
});
