import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlockRepair } from '../../../../appliance/fill/repair/block-repair.ts';
import { OperationalError } from '../../../../src/errors/operational-error.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { descriptionOf } from '../../store/store-rig.ts';

const film = descriptionOf('/film.mp4', 2 ** 30);

let world: FakeWorld;
let metrics: Metrics;
let repair: BlockRepair;
let share: number;
let asked: number[];
let answer: (block: number) => Promise<boolean>;

beforeEach(async () => {
  world = new FakeWorld();
  metrics = new Metrics('appliance');
  share = 1;
  asked = [];
  answer = () => Promise.resolve(true);
  repair = new BlockRepair({
    refiller: {
      refill: (_description, block) => {
        asked.push(block);
        return answer(block);
      },
    },
    world,
    logger: silentLogger,
    metrics,
    bulkShare: () => share,
  });
  await repair.start();
});

afterEach(async () => {
  const stopped = repair.stop(0);
  await world.clock.advance(1);
  await stopped;
});

const lose = (count: number, from = 0): void => {
  for (let block = from; block < from + count; block += 1) repair.lost(film, block);
};
const countOf = async (outcome: string): Promise<number> =>
  Number(new RegExp(`block_repairs_total{outcome="${outcome}"} (\\d+)`).exec(await metrics.expose())?.[1] ?? 0);

describe('the repair of lost blocks', () => {
  it('fills them again one after the other, a second after they were lost, each once', async () => {
    lose(3);
    lose(3);
    await world.clock.advance(900);
    expect(asked).toEqual([]);
    await world.clock.advance(200);
    expect(asked).toEqual([0, 1, 2]);
    expect(await countOf('repaired')).toBe(3);
    lose(1);
    await world.clock.advance(2000);
    expect(asked).toEqual([0, 1, 2, 0]);
  });

  it('counts what a viewer had filled first as not needed', async () => {
    answer = () => Promise.resolve(false);
    lose(2);
    await world.clock.advance(2000);
    expect([await countOf('unneeded'), await countOf('repaired')]).toEqual([2, 0]);
  });

  it('waits while viewers leave nothing over', async () => {
    share = 0;
    lose(2);
    await world.clock.advance(600_000);
    expect(asked).toEqual([]);
    share = 0.3;
    await world.clock.advance(1000);
    expect(asked).toEqual([0, 1]);
  });

  it('tries what failed three times, later, and lets others go first', async () => {
    answer = (block) =>
      block === 0 ? Promise.reject(new OperationalError('SOURCE_UNREACHABLE', 'away')) : Promise.resolve(true);
    lose(2);
    await world.clock.advance(2000);
    expect(asked).toEqual([0, 1]);
    await world.clock.advance(300_000);
    expect(asked).toEqual([0, 1, 0, 0]);
    expect(await countOf('failed')).toBe(1);
  });

  it('stops for minutes when nothing works', async () => {
    answer = () => Promise.reject(new OperationalError('VOLUME_IO', 'dead'));
    lose(20);
    await world.clock.advance(200_000);
    expect(asked).toHaveLength(5);
    await world.clock.advance(150_000);
    expect(asked).toHaveLength(10);
  });

  it('leaves the rest to viewers when a disk loses more than it may, and is bounded', async () => {
    share = 0;
    lose(1500);
    expect(await countOf('left')).toBe(500);
    expect(await metrics.expose()).toContain('appliance_block_repairs_waiting 1000');
  });

  it('gives up what is on its way when it is stopped', async () => {
    answer = () => new Promise(() => undefined);
    lose(1);
    await world.clock.advance(2000);
    const stopped = repair.stop(1000);
    await world.clock.advance(1000);
    await stopped;
    expect(world.clock.timerCount).toBe(0);
  });
});
