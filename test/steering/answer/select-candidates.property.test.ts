import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHoldings, type HoldingLevel } from '../../../src/contracts/holdings.ts';
import { selectCandidates } from '../../../steering/answer/select-candidates.ts';
import { type FleetMember, type FleetView, makeView } from '../../../steering/fleet/fleet-registry.ts';
import { HeldTitles } from '../../../steering/fleet/held-titles.ts';
import { exclude } from '../../../steering/ranking/exclude.ts';
import { candidateFor, sessionOf } from '../ranking-samples.ts';
import { renditionIds, title } from '../samples.ts';

const BARS = title('bars');
const LEVELS: readonly HoldingLevel[] = ['none', 'head', 'part', 'whole'];

const member = (slot: number, siteId: string, isWell: boolean): FleetMember => ({
  id: `oca-${slot}`,
  slot,
  siteId,
  clusterId: 'c',
  baseUrl: `http://oca-${slot}.example`,
  softwareVersion: '1.0.0',
  lease: { kind: 'current' },
  state: isWell ? 'serving' : 'draining',
  healthy: true,
  healthReasons: [],
  egressBitsPerSec: 0,
  activeRequests: 0,
  softEgressBitsPerSec: 1e9,
  hardEgressBitsPerSec: 2e9,
  maxActiveRequests: 100,
  withheld: undefined,
  atHardLimit: false,
  capacityShare: 1,
  lastHeardAtMs: 0,
});

interface World {
  readonly fleet: FleetView;
  readonly held: HeldTitles;
}

/** Large fleets, over few sites, of which each appliance holds its own part. */
const worlds: fc.Arbitrary<World> = fc
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
    };
  });

const ids = (members: readonly FleetMember[]): string[] => members.map(({ id }) => id);
const select = ({ fleet, held }: World, siteId: string | undefined, sessionId = 's1'): readonly FleetMember[] =>
  selectCandidates(fleet, held.holdersOf('bars'), { siteId, sessionId });
const canServe = ({ held }: World, one: FleetMember): boolean =>
  exclude(candidateFor(one, { held: held.held(one.id, 'bars') }), sessionOf('s')) === undefined;

describe('selecting candidates from a large fleet', () => {
  it("takes the whole of the client's site, and of the others only such as serve and hold", () => {
    fc.assert(
      fc.property(worlds, fc.nat(10), (world, site) => {
        const siteId = `site-${site}`;
        const selected = select(world, siteId);
        const own = selected.filter((one) => one.siteId === siteId);
        const others = selected.filter((one) => one.siteId !== siteId);
        expect(ids(own)).toEqual(ids(world.fleet.members.filter((one) => one.siteId === siteId)));
        expect(others.every((one) => canServe(world, one))).toBe(true);
        expect(new Set(ids(selected)).size).toBe(selected.length);
        const possible = world.fleet.members.filter((one) => one.siteId !== siteId && canServe(world, one));
        expect(others).toHaveLength(Math.min(14, possible.length));
      }),
      { numRuns: 200 },
    );
  });

  it('prefers those that hold the whole title', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const holdsWhole = (one: FleetMember): boolean => {
          const held = world.held.held(one.id, 'bars');
          return held.kind === 'known' && held.share === 1;
        };
        const selected = select(world, undefined);
        const wholes = world.fleet.members.filter((one) => canServe(world, one) && holdsWhole(one));
        expect(selected.filter(holdsWhole)).toHaveLength(Math.min(14, wholes.length));
      }),
      { numRuns: 200 },
    );
  });

  it('one that leaves moves only its own place', () => {
    fc.assert(
      fc.property(worlds, fc.nat(10), (world, site) => {
        const before = select(world, `site-${site}`);
        const gone = before.find((one) => one.siteId !== `site-${site}`);
        if (gone === undefined) return;
        const members = world.fleet.members.map((one) => (one === gone ? { ...one, state: 'drained' as const } : one));
        const after = ids(select({ ...world, fleet: makeView(members, false) }, `site-${site}`));
        const lost = ids(before).filter((id) => !after.includes(id));
        expect(lost).toEqual([gone.id]);
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
    const world = {
      fleet: makeView(
        members.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        false,
      ),
      held,
    };
    const seen = new Set(Array.from({ length: 500 }, (_, index) => ids(select(world, undefined, `s${index}`))).flat());
    expect(seen.size).toBeGreaterThan(180);
  });
});
