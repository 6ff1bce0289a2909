import { describe, expect, it } from 'vitest';
import { Generation } from '../../../../appliance/store/generation.ts';
import { createStoreMetrics } from '../../../../appliance/store/store-metrics.ts';
import { LossLog } from '../../../../appliance/store/volume/loss-log.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { FakeStore } from '../../../support/fake-store.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { descriptionOf } from '../store-rig.ts';

describe('what a volume has lost', () => {
  it('is a burst up to 64 blocks an hour, and a failure of the disk beyond', async () => {
    const { clock } = new FakeWorld();
    const metrics = new Metrics('appliance');
    const log = new LossLog(
      silentLogger,
      clock,
      createStoreMetrics(
        metrics,
        () => new FakeStore().usage(),
        () => [],
      ),
    );
    const generation = new Generation(1, 0, descriptionOf('/a', 2 ** 30), 0);
    const lose = () => log.note(generation, 0, 'rotten', undefined);
    for (let block = 0; block < 64; block += 1) expect(lose()).toBeUndefined();
    expect(lose()).toMatchObject({ code: 'VOLUME_IO' });
    await clock.advance(3_600_000);
    expect(lose()).toBeUndefined();
    expect(await metrics.expose()).toContain('appliance_store_lost_blocks_total{why="rotten"} 66');
  });
});
