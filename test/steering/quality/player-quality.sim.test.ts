import { describe, expect, it } from 'vitest';
import { readCmcd } from '../../../src/cmcd/read-cmcd.ts';
import { noMeasures, throughputBucket } from '../../../src/contracts/quality-sketch.ts';
import { unitHash } from '../../../src/hashing/weighted-rendezvous.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { PlayerQuality } from '../../../steering/quality/player-quality.ts';
import { FakeWorld } from '../../support/fake-world.ts';

/**
 * A town of viewers: neighbourhoods with lines of very different speed, each player on the appliance that a ranking by
 * the verdicts gives it, reporting every half minute what it measures. From a seed, in fake time.
 */
const APPLIANCES = ['a', 'b', 'c'];
const TTL_MS = 30_000;

interface Player {
  readonly id: string;
  readonly address: string;
  readonly group: string;
  readonly lineBitsPerSec: number;
}

class Town {
  readonly world: FakeWorld;
  readonly quality: PlayerQuality;
  readonly players: readonly Player[];
  /** Share of what it should give. */
  readonly speed = new Map(APPLIANCES.map((id) => [id, 1]));
  readonly dead = new Set<string>();
  readonly reportsOf = new Map<string, number>();

  constructor(seed: number, groups = 5, playersPerGroup = 30) {
    this.world = new FakeWorld({ seed });
    this.players = Array.from({ length: groups * playersPerGroup }, (_, at) => {
      const group = at % groups;
      return {
        id: `player-${at}`,
        address: `203.0.${group}.${1 + Math.floor(at / groups)}`,
        group: `203.0.${group}.0/24`,
        lineBitsPerSec: 5e6 * 4 ** group,
      };
    });
    this.quality = new PlayerQuality({
      world: this.world,
      logger: silentLogger,
      ttlMs: TTL_MS,
      halfLifeMs: 60_000,
      windowMs: 90_000,
      minReporters: 5,
      failShare: 0.5,
      doubtShare: 0.5,
      demoteMs: 120_000,
      probeStepMs: 60_000,
      maxCells: 10_000,
      maxSessions: 10_000,
    });
  }

  /** Best first: who is not demoted for this session, then by class, then by a hash that spreads. */
  rank({ id, group }: Player): string[] {
    const key = (appliance: string): number[] => {
      const { qualityClass, probeShare } = this.quality.view().of(appliance, group, 'town');
      const isDemoted = unitHash(`${id}\n${appliance}\nprobe`) >= probeShare;
      return [Number(isDemoted), qualityClass, unitHash(`${id}\n${appliance}`)];
    };
    return APPLIANCES.map((appliance) => ({ appliance, by: key(appliance) }))
      .sort((one, two) => one.by.map((value, at) => value - (two.by[at] ?? 0)).find((way) => way !== 0) ?? 0)
      .map(({ appliance }) => appliance);
  }

  firstPlaces(): Record<string, number> {
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (const player of this.players) {
      const [first = ''] = this.rank(player);
      counts[first] = (counts[first] ?? 0) + 1;
    }
    return counts;
  }

  /** Plays for a while, a tenth of the players in turn reporting every three seconds. */
  async play(forMs: number, until: () => boolean = () => false): Promise<void> {
    const turns = 10;
    for (let passedMs = 0; passedMs < forMs && !until(); passedMs += TTL_MS / turns) {
      const turn = Math.round(passedMs / (TTL_MS / turns)) % turns;
      this.players.forEach((player, at) => {
        if (at % turns === turn) this.#report(player);
      });
      await this.world.clock.advance(TTL_MS / turns);
    }
  }

  #report(player: Player): void {
    const order = this.rank(player);
    const used = order.find((id) => !this.dead.has(id)) ?? '';
    const chance = this.world.random.next() + this.world.random.next() + this.world.random.next() - 1.5;
    const bitsPerSec = player.lineBitsPerSec * (this.speed.get(used) ?? 1) * 2 ** chance;
    const from = { address: player.address, sessionId: player.id, place: { group: player.group, siteId: 'town' } };
    this.quality.intake.declared(player.id, order);
    for (const id of [used, ...(used === order[0] ? [] : [order[0] ?? ''])])
      this.reportsOf.set(id, (this.reportsOf.get(id) ?? 0) + 1);
    this.quality.intake.takePathways([used], new Map([[used, bitsPerSec]]), from);
  }
}

async function startTown(seed: number, groups?: number, playersPerGroup?: number): Promise<Town> {
  const town = new Town(seed, groups, playersPerGroup);
  await town.quality.start();
  return town;
}

const standingOf = (town: Town, id: string): string =>
  town.quality.describe().appliances.find(({ applianceId }) => applianceId === id)?.standing.kind ?? 'unknown';
const from = (address: string, sessionId: string, group = '203.0.0.0/24') => ({
  address,
  sessionId,
  place: { group, siteId: 'town' },
});

describe.each([1, 2, 3])('a town of 150 viewers, seed %i', (seed) => {
  it('judges equals to be equal, though their viewers have very different lines', async () => {
    const town = await startTown(seed);
    await town.play(600_000);
    for (const { verdict } of town.quality.describe().appliances) expect(verdict.qualityClass).toBe(0);
    for (const count of Object.values(town.firstPlaces())) expect(count).toBeGreaterThan(30);
    await town.quality.stop(0);
  });

  it('finds the one at a quarter of its speed within 300 reports of it, and gives it no first places', async () => {
    const town = await startTown(seed);
    await town.play(300_000);
    town.speed.set('a', 0.25);
    town.reportsOf.clear();
    await town.play(600_000, () => standingOf(town, 'a') === 'demoted');
    expect(town.reportsOf.get('a')).toBeLessThan(300);
    expect(town.quality.view().of('a', '203.0.1.0/24')).toMatchObject({ qualityClass: 3, probeShare: 0 });
    expect(town.firstPlaces()).toMatchObject({ a: 0 });
    expect(town.firstPlaces()['b']).toBeGreaterThan(50);
    await town.quality.stop(0);
  });

  it('lets it back by probing once it is quick again, and not before', async () => {
    const town = await startTown(seed, 5, 120);
    await town.play(120_000);
    town.speed.set('a', 0.25);
    await town.play(600_000, () => standingOf(town, 'a') === 'demoted');
    const shares = new Set<number>();
    for (let minute = 0; minute < 10; minute += 1) {
      await town.play(60_000);
      expect(town.firstPlaces()['a']).toBeLessThan(60);
    }
    town.speed.set('a', 1);
    await town.play(3_600_000, () => {
      shares.add(town.quality.view().of('a', '').probeShare);
      return standingOf(town, 'a') === 'trusted';
    });
    expect([...shares]).toEqual(expect.arrayContaining([0.02, 0.08, 0.32, 1]));
    await town.play(120_000);
    expect(town.firstPlaces()['a']).toBeGreaterThan(150);
    await town.quality.stop(0);
  });

  it('demotes one that players flee from within three times the life of an answer', async () => {
    const town = await startTown(seed);
    await town.play(120_000);
    town.dead.add('b');
    await town.play(3 * TTL_MS, () => standingOf(town, 'b') === 'demoted');
    expect(standingOf(town, 'b')).toBe('demoted');
    expect(town.firstPlaces()['b']).toBe(0);
    await town.quality.stop(0);
  });

  it('lets no liar demote or spoil an appliance, with however many reports and sessions from one address', async () => {
    const town = await startTown(seed);
    await town.play(120_000);
    const failure = readCmcd('e=e,bs,mtp=(1),v=2');
    if (typeof failure === 'string') throw new Error(failure);
    for (let round = 0; round < 20; round += 1) {
      for (let lie = 0; lie < 200; lie += 1)
        town.quality.intake.takeRecord('a', failure, from('203.0.0.77', `made-up-${round}-${lie}`));
      await town.play(TTL_MS);
      expect(town.quality.view().of('a', '203.0.0.0/24', 'town')).toMatchObject({ qualityClass: 0, probeShare: 1 });
    }
    await town.quality.stop(0);
  });

  it('doubts the reports when most appliances are said to fail, and demotes nobody', async () => {
    const town = await startTown(seed);
    await town.play(120_000);
    const failure = readCmcd('e=e,v=2');
    if (typeof failure === 'string') throw new Error(failure);
    for (let second = 0; second < 60; second += 1) {
      for (const id of APPLIANCES) {
        for (const { address, id: session } of town.players)
          town.quality.intake.takeRecord(id, failure, from(address, session));
      }
      await town.world.clock.advance(1000);
    }
    expect(town.quality.counts()).toMatchObject({ doubting: true, demoted: 0 });
    await town.quality.stop(0);
  });
});

it('takes what appliances measure themselves: the slow one is found without a word of any player', async () => {
  const town = await startTown(1);
  for (let second = 0; second < 60; second += 5) {
    for (const [id, rate] of [
      ['a', 2e6],
      ['b', 8e6],
      ['c', 8e6],
    ] as const) {
      const throughput = [...noMeasures().throughput];
      throughput[throughputBucket(rate)] = 20;
      const group = { ...noMeasures(), prefix: '203.0.0.0/24', clients: 9, requests: 20, throughput };
      const sketch = { version: 1 as const, applianceId: id, sentAtMs: 0, groups: [group], rest: noMeasures() };
      town.quality.takeSketch(sketch, 'town', () => ({ group: '203.0.0.0/24', siteId: 'town' }));
    }
    await town.world.clock.advance(5000);
  }
  expect(town.quality.view().of('a', 'elsewhere').qualityClass).toBe(3);
  expect(town.quality.view().of('b', '203.0.0.0/24').qualityClass).toBe(0);
  await town.quality.stop(0);
});

it('forgets a neighbourhood that nobody reports from any more, and names each state of the view anew', async () => {
  const town = await startTown(1);
  await town.play(60_000);
  const { version } = town.quality.view();
  expect(town.quality.counts()).toMatchObject({ groups: 5, cells: 15 });
  await town.world.clock.advance(1_200_000);
  expect(town.quality.counts()).toMatchObject({ groups: 0, cells: 0 });
  expect(town.quality.view().version).not.toBe(version);
  await town.quality.stop(0);
});
