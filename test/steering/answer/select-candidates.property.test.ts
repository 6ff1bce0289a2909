import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHoldings, type HoldingLevel } from '../../../src/contracts/holdings.ts';
import { selectCandidates } from '../../../steering/answer/select-candidates.ts';
import { type FleetMember, type FleetView, makeView } from '../../../steering/fleet/fleet-registry.ts';
import { HeldTitles } from '../../../steering/fleet/held-titles.ts';
import type { Candidate } from '../../../steering/ranking/candidate.ts';
import { exclude } from '../../../steering/ranking/exclude.ts';
import { rankAppliances } from '../../../steering/ranking/rank-appliances.ts';
import type { SessionFacts } from '../../../steering/ranking/session-facts.ts';
import { makeSiteTable, NO_SITES, type SiteTable } from '../../../steering/sites/site-table.ts';
import { appliance, candidateFor, sessionOf } from '../ranking-samples.ts';
import { renditionIds, title } from '../samples.ts';

const BARS = title('bars');
const LEVELS: readonly HoldingLevel[] = ['none', 'head', 'part', 'whole'];

const member = (slot: number, siteId: string, isWell: boolean): FleetMember => ({
  ...appliance(`oca-${slot}`, { siteId, state: isWell ? 'serving' : 'draining' }),
  slot,
  clusterId: 'c',
  lastHeardAtMs: 0,
});

interface World {
  readonly fleet: FleetView;
  readonly held: HeldTitles;
  readonly sites: SiteTable;
  readonly siteCosts: ReadonlyMap<string, number>;
}

/** Large fleets, over few sites, of which each appliance holds its own part. */
const plainWorlds: fc.Arbitrary<World> = fc
  .array(fc.tuple(fc.nat(9), fc.nat(5), fc.nat(4)), { minLength: 40, maxLength: 150 })
  .map((rows) => {
    const held = new HeldTitles();
    held.setCatalogue([BARS]);
    const members = rows.map(([site, well, level], index) => {
      const id = `oca-${index}`;
      const slot = held.slots.take(id);
      if (level < 4) {
        const levels = renditionIds(BARS).map(() => LEVELS[level] ?? 'none');
        held.setHoldings(id, encodeHoldings(1, levels));
        held.setList({ version: 1, applianceId: id, planVersion: 1, renditions: renditionIds(BARS) });
      } else held.setHoldings(id, encodeHoldings(7, ['whole']));
      return member(slot, `site-${site}`, well > 0);
    });
    return {
      fleet: makeView(
        members.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        false,
      ),
      held,
      sites: NO_SITES,
      siteCosts: new Map(),
    };
  });

/** The same with sites of all kinds, networks, rooms and costs. */
const worlds: fc.Arbitrary<World> = fc
  .tuple(plainWorlds, fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)), { minLength: 12, maxLength: 12 }))
  .map(([world, rows]) => ({
    ...world,
    sites: makeSiteTable(
      'test',
      rows.map(([kind, network, room], index) => ({
        id: `site-${index}`,
        kind: (['embedded', 'embedded', 'peering', 'transit'] as const)[kind] ?? 'embedded',
        network: network < 2 ? `isp-${network}` : undefined,
        failureDomain: `room-${room}`,
        location: undefined,
        egressCapBitsPerSec: undefined,
        timeZone: undefined,
        maintenance: [],
      })),
    ),
    siteCosts: new Map(rows.flatMap(([, , , cost], index) => (cost === 0 ? [] : [[`site-${index}`, cost] as const]))),
  }));

const ids = (members: readonly FleetMember[]): string[] => members.map(({ id }) => id);
const select = (
  { fleet, held, sites, siteCosts }: World,
  siteId: string | undefined,
  changes: Partial<SessionFacts> = {},
): readonly FleetMember[] =>
  selectCandidates({ fleet, sites }, held.holdersOf('bars'), sessionOf('s1', { siteId, ...changes }), { siteCosts });
const candidateIn = ({ held, sites, siteCosts }: World, one: FleetMember): Candidate =>
  candidateFor(one, {
    held: held.held(one.id, 'bars'),
    site: sites.of(one.siteId),
    siteCost: siteCosts.get(one.siteId),
  });
const canServe = (world: World, one: FleetMember): boolean =>
  exclude(candidateIn(world, one), sessionOf('s')) === undefined;

/** What a client is told of, in turn: who it is and where, other sites, the site where the flow puts it. */
const clients = fc.record({
  siteId: fc.option(fc.nat(11), { nil: undefined }).map((site) => (site === undefined ? undefined : `site-${site}`)),
  network: fc.constantFrom(undefined, 'isp-0', 'isp-1'),
  otherSites: fc.constantFrom([], ['site-3'], ['site-2', 'site-8']),
  refusingSites: fc.constantFrom([], [], ['site-4']),
  preferredSiteId: fc.constantFrom(undefined, undefined, 'site-5'),
  playing: fc.constantFrom([], ['oca-7']),
});

describe('selecting candidates from a large fleet', () => {
  it('takes what the manifest declared, each once and in whatever state, so that it is judged like all others', () => {
    fc.assert(
      fc.property(plainWorlds, fc.nat(10), fc.array(fc.nat(60)), (world, site, numbers) => {
        const { fleet, held, sites, siteCosts } = world;
        const declared = numbers.flatMap((at) => ids(fleet.members.slice(at, at + 1)));
        const session = sessionOf('s1', { siteId: `site-${site}` });
        const selected = ids(
          selectCandidates({ fleet, sites }, held.holdersOf('bars'), session, { siteCosts, declared }),
        );
        expect(selected).toEqual(expect.arrayContaining(declared));
        expect(new Set(selected).size).toBe(selected.length);
      }),
    );
  });

  it("takes the whole of the client's site, and of the others only such as serve and hold", () => {
    fc.assert(
      fc.property(plainWorlds, fc.nat(10), (world, site) => {
        const siteId = `site-${site}`;
        const selected = select(world, siteId);
        const own = selected.filter((one) => one.siteId === siteId);
        const others = selected.filter((one) => one.siteId !== siteId);
        expect(ids(own)).toEqual(ids(world.fleet.members.filter((one) => one.siteId === siteId)));
        expect(others.every((one) => canServe(world, one))).toBe(true);
        expect(new Set(ids(selected)).size).toBe(selected.length);
        expect(others.length).toBeLessThanOrEqual(12);
      }),
      { numRuns: 200 },
    );
  });

  it('loses nothing: the places are as good in every lasting rule as if all had been ranked', () => {
    fc.assert(
      fc.property(worlds, clients, (world, client) => {
        const session = sessionOf('s1', client);
        const places = (members: readonly FleetMember[], spreadFailureDomains: boolean) =>
          rankAppliances(
            members.map((one) => candidateIn(world, one)),
            { ...session, policy: { ...session.policy, spreadFailureDomains } },
          ).ranked;
        const worth = (members: readonly FleetMember[]) =>
          places(members, false)
            .slice(0, 3)
            .map(({ score }) => [score.preferred, score.distance, score.kindRank, score.siteCost, score.heldClass]);
        const domains = (members: readonly FleetMember[]): number =>
          new Set(
            places(members, true)
              .slice(0, 3)
              .map(({ candidate }) => candidate.site.failureDomain),
          ).size;
        const selected = select(world, client.siteId, client);
        expect(worth(selected)).toEqual(worth(world.fleet.members));
        expect(Math.min(2, domains(selected))).toBe(Math.min(2, domains(world.fleet.members)));
      }),
      { numRuns: 300 },
    );
  });

  it('one that leaves gives its place to one that comes next', () => {
    fc.assert(
      fc.property(plainWorlds, fc.nat(10), (world, site) => {
        const before = select(world, `site-${site}`);
        const gone = before.find((one) => one.siteId !== `site-${site}`);
        if (gone === undefined) return;
        const members = world.fleet.members.map((one) => (one === gone ? { ...one, state: 'drained' as const } : one));
        const after = ids(select({ ...world, fleet: makeView(members, false) }, `site-${site}`));
        expect(after).not.toContain(gone.id);
        // Of its failure domain another may come in, and the last of the order goes for it.
        const lost = ids(before).filter((id) => !after.includes(id));
        expect(lost.length).toBeLessThanOrEqual(2);
      }),
      { numRuns: 200 },
    );
  });

  it('spreads clients whose site nobody knows over the fleet', () => {
    const held = new HeldTitles();
    held.setCatalogue([BARS]);
    const members = Array.from({ length: 200 }, (_, index) => {
      const id = `oca-${index}`;
      held.setHoldings(id, encodeHoldings(7, ['whole']));
      return member(held.slots.take(id), `site-${index % 40}`, true);
    });
    const fleet = makeView(
      members.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      false,
    );
    const world = { fleet, held, sites: NO_SITES, siteCosts: new Map<string, number>() };
    const seen = new Set(
      Array.from({ length: 500 }, (_, index) =>
        ids(select(world, undefined, { sessionId: `s${index}`, unit: (index + 0.5) / 500 })),
      ).flat(),
    );
    expect(seen.size).toBeGreaterThan(180);
  });
});
