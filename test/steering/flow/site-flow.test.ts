import { expect, test, vi } from 'vitest';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { DemandLedger } from '../../../steering/flow/demand-ledger.ts';
import { type FlowSolver, ThreadFlowSolver } from '../../../steering/flow/flow-solver.ts';
import { ArcFinder } from '../../../steering/flow/plan/build-flow-problem.ts';
import { planFlow } from '../../../steering/flow/plan/plan-flow.ts';
import type { FlowSite } from '../../../steering/flow/site-cost.ts';
import { type FlowOutcome, SiteFlow } from '../../../steering/flow/site-flow.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { flowPlace, flowSite } from './flow-samples.ts';

const ROUND_MS = 3000;
const KEEP_MS = 20_000;
const GROUPS = ['a', 'b', 'c', 'd'].map((name) => flowPlace(name, 'north'));

/** A flow whose solver runs in line and fails when told to. */
class FlowRig {
  readonly world = new FakeWorld();
  readonly demand: DemandLedger;
  readonly outcomes: FlowOutcome[] = [];
  sites: FlowSite[] = [flowSite('north'), flowSite('south'), flowSite('west', { kind: 'transit' })];
  solves = 0;
  broken: 'no' | 'throws' | 'hangs' = 'no';
  readonly #solver: FlowSolver = {
    plan: (round, signal) => {
      this.solves += 1;
      if (this.broken === 'throws') return Promise.reject(new Error('broken'));
      if (this.broken === 'hangs')
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      return Promise.resolve(planFlow(structuredClone(round)));
    },
    stop: () => Promise.resolve(),
  };
  readonly flow: SiteFlow;

  constructor(forgetMs = 30_000) {
    this.demand = new DemandLedger({ clock: this.world.clock, forgetMs });
    this.flow = new SiteFlow({
      world: this.world,
      logger: silentLogger,
      solver: this.#solver,
      demand: this.demand,
      sites: () => this.sites,
      roundMs: ROUND_MS,
      keepMs: KEEP_MS,
      replicas: 1,
      onRound: (outcome) => this.outcomes.push(outcome),
    });
  }

  /** Lets rounds pass while so many bits per second are watched in each group. */
  async watch(bitsPerSec: number, rounds = 1): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      // What is remembered of before is topped up to what is watched now.
      for (const place of GROUPS) {
        const known = this.demand.groups().find((row) => row.place.group === place.group)?.bitsPerSec ?? 0;
        if (bitsPerSec > known) this.demand.note(place, bitsPerSec - known);
      }
      await this.world.clock.advance(ROUND_MS * 1.11);
    }
  }

  /** Where each of a hundred sessions of each group goes. */
  where(): (string | undefined)[] {
    const units = Array.from({ length: 100 }, (_, at) => (at + 0.5) / 100);
    return GROUPS.flatMap((place) => units.map((unit) => this.flow.shares().preferredSite(place, unit)));
  }
}

const countOf = (places: readonly (string | undefined)[], siteId: string | undefined): number =>
  places.filter((place) => place === siteId).length;

test('while every nearest site has room nothing is solved and nearness decides', async () => {
  const rig = new FlowRig();
  await rig.flow.start();
  await rig.watch(20e6, 5);
  expect(rig.solves).toBe(0);
  expect(new Set(rig.outcomes)).toEqual(new Set(['quiet']));
  expect(new Set(rig.where())).toEqual(new Set([undefined]));
  expect(rig.flow.report()).toMatchObject({ outcome: 'quiet', groups: 4, displacedGroups: 0 });
  await rig.flow.stop(100);
});

test('a tenfold surge is spread within two rounds so that no site is over its cap, and the rest goes to the origin', async () => {
  const rig = new FlowRig();
  await rig.flow.start();
  await rig.watch(10e6, 3);
  await rig.watch(100e6, 2);
  const { sites, originBitsPerSec, demandBitsPerSec, version } = rig.flow.report();
  for (const { loadBitsPerSec, capacityBitsPerSec } of sites)
    expect(loadBitsPerSec).toBeLessThanOrEqual(capacityBitsPerSec * 1.001);
  for (const { loadBitsPerSec } of sites) expect(loadBitsPerSec).toBeGreaterThan(94e6);
  const served = sites.reduce((sum, { loadBitsPerSec }) => sum + loadBitsPerSec, 0);
  expect(originBitsPerSec + served).toBeCloseTo(demandBitsPerSec, -3);
  expect(version).toMatch(/^flow-\d+$/);
  const places = rig.where();
  expect(countOf(places, 'north') + countOf(places, undefined)).toBeGreaterThan(80);
  expect(countOf(places, 'south')).toBeGreaterThan(80);
  await rig.flow.stop(100);
});

test('a lost site moves its own sessions and no others that need not move', async () => {
  const rig = new FlowRig();
  rig.sites = ['north', 'south', 'west', 'east'].map((id) => flowSite(id, { capacityBitsPerSec: 150e6 }));
  await rig.flow.start();
  await rig.watch(100e6, 3);
  const before = rig.where();
  rig.sites = rig.sites.filter(({ id }) => id !== 'south');
  await rig.watch(100e6, 1);
  const after = rig.where();
  expect(countOf(after, 'south')).toBe(0);
  const moved = before.filter((site, at) => site !== after[at]).length;
  expect(moved).toBeLessThanOrEqual(countOf(before, 'south') + 4 + 1);
  await rig.flow.stop(100);
});

test('while demand stays the same the sessions stay where they are', async () => {
  // Nothing of it fades between two rounds: otherwise it would be topped up, and tremble by a tenth.
  const rig = new FlowRig(Infinity);
  await rig.flow.start();
  await rig.watch(60e6, 8);
  expect(rig.flow.shares().version).not.toBe('none');
  const before = rig.where();
  await rig.watch(60e6, 30);
  expect(rig.where()).toEqual(before);
  await rig.flow.stop(100);
});

test('when the rush is over, viewers are let go home a little in each round until nearness decides again', async () => {
  const rig = new FlowRig();
  await rig.flow.start();
  await rig.watch(40e6, 3);
  expect(rig.flow.shares().version).not.toBe('none');
  await rig.watch(5e6, 120);
  expect(rig.flow.shares().version).toBe('none');
  await rig.flow.stop(100);
});

for (const fault of ['throws', 'hangs'] as const) {
  test(`a solver that ${fault} leaves the last shares in place for a bounded time, and then nearness decides`, async () => {
    const rig = new FlowRig();
    await rig.flow.start();
    await rig.watch(60e6, 3);
    const { version } = rig.flow.shares();
    expect(version).not.toBe('none');
    rig.broken = fault;
    await rig.watch(60e6, 2);
    expect(rig.flow.shares().version).toBe(version);
    expect(rig.flow.report().outcome).toBe('failed');
    await rig.watch(60e6, 20);
    expect(rig.flow.shares().version).toBe('none');
    rig.broken = 'no';
    await rig.watch(60e6, 3);
    expect(rig.flow.report().outcome).toBe('planned');
    await rig.flow.stop(100);
  });
}

test('small groups without a number of their own go by the shares of the others of their site and network', async () => {
  const rig = new FlowRig();
  await rig.flow.start();
  for (let at = 0; at < 30_000; at += 1) rig.demand.note(flowPlace(`small-${at}`, 'north'), 1e4);
  await rig.world.clock.advance(ROUND_MS * 2.3);
  const late = flowPlace('small-29999', 'north');
  const sites = new Set([0.01, 0.2, 0.4, 0.6, 0.8, 0.99].map((unit) => rig.flow.shares().preferredSite(late, unit)));
  expect(sites.size).toBeGreaterThan(1);
  await rig.flow.stop(100);
});

test('the thread plans as the pure function does, and another one takes over after it was given up', async () => {
  const solver = new ThreadFlowSolver();
  const round = {
    problem: {
      demand: Float64Array.of(10),
      capacity: Float64Array.of(6, Infinity),
      arcStart: Int32Array.of(0, 2),
      arcSite: Int32Array.of(0, 1),
      arcCost: Float64Array.of(1, 200),
    },
    present: Float64Array.of(1, 0),
    improving: false,
    slack: 0,
  };
  const expected = planFlow(round);
  expect(await solver.plan(round, new AbortController().signal)).toEqual(expected);
  const late = new AbortController();
  const given = solver.plan(round, late.signal);
  late.abort(new Error('late'));
  await expect(given).rejects.toThrow('late');
  expect(await solver.plan(round, new AbortController().signal)).toEqual(expected);
  await solver.stop();
});

test('a round over thousands of groups is done in slices, planned or not', async () => {
  const rig = new FlowRig();
  rig.sites = Array.from({ length: 20 }, (_, at) => flowSite(`site-${at}`, { capacityBitsPerSec: 1e9 }));
  const noteAll = (bitsPerSec: number): void => {
    for (let at = 0; at < 3000; at += 1) rig.demand.note(flowPlace(`group-${at}`, `site-${at % 4}`), bitsPerSec);
  };
  let rests = 0;
  const groupsByRest = new Map<number, number>();
  const delay = rig.world.clock.delay.bind(rig.world.clock);
  vi.spyOn(rig.world.clock, 'delay').mockImplementation((...args) => {
    rests += 1;
    return delay(...args);
  });
  const arcsOf = vi.spyOn(ArcFinder.prototype, 'arcsOf').mockImplementation(function counted(this: ArcFinder) {
    groupsByRest.set(rests, (groupsByRest.get(rests) ?? 0) + 1);
    return [{ site: groupsByRest.size % 20, cost: 1 }];
  });
  noteAll(1e5);
  await rig.flow.start();
  await rig.world.clock.advance(ROUND_MS);
  expect(rig.outcomes).toContain('quiet');
  const restsQuiet = rests;
  arcsOf.mockRestore();
  noteAll(3e6);
  await rig.world.clock.advance(ROUND_MS * 1.2);
  expect(rig.outcomes).toContain('planned');
  expect(Math.max(...groupsByRest.values())).toBeLessThanOrEqual(500);
  // Reading the demand twice over, the problem, who is where, and the new layouts twice: three thousand groups each.
  expect(rests - restsQuiet).toBeGreaterThan(30);
  await rig.flow.stop(100);
});
