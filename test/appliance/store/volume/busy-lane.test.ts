import { describe, expect, it } from 'vitest';
import type { Urgency } from '../../../../appliance/store/object-store.ts';
import { DiskLane, volumeLaneLimits } from '../../../../appliance/store/volume/disk-lane.ts';
import { isOperational } from '../../../../src/errors/operational-error.ts';
import { FakeWorld, seededRandom } from '../../../support/fake-world.ts';

const BLOCK_BYTES = 2 ** 20;
const OPERATION_MS = 8;

/** A disk that does one thing after the other in fake time, 8 ms each, whatever is asked of it in whatever order. */
class Spindle {
  readonly clock = new FakeWorld().clock;
  #freeAtMs = 0;

  async operate(): Promise<void> {
    const beginMs = Math.max(this.#freeAtMs, this.clock.monotonicMs());
    this.#freeAtMs = beginMs + OPERATION_MS;
    await this.clock.delay(this.#freeAtMs - this.clock.monotonicMs());
  }
}

/** Twenty seconds of viewers who read thirty times a second, and of whatever else is thrown at the disk. */
async function latenciesOf(others: readonly { urgency: Urgency; perSec: number }[]) {
  const disk = new Spindle();
  const latencies: number[] = [];
  const done = new Map<Urgency, number>();
  const lane = new DiskLane(disk.clock, {
    ...volumeLaneLimits,
    onDone: ({ urgency, waitedMs, tookMs }) => {
      done.set(urgency, (done.get(urgency) ?? 0) + 1);
      if (urgency === 'viewer') latencies.push(waitedMs + tookMs);
    },
  });
  const random = seededRandom(3);
  const ask = (urgency: Urgency): void => {
    lane
      .run({ urgency, what: 'test', bytes: BLOCK_BYTES }, () => disk.operate())
      .catch((error: unknown) => {
        if (!isOperational(error, 'OVERLOADED')) throw error;
      });
  };
  for (let ms = 0; ms < 20_000; ms += 2) {
    for (const { urgency, perSec } of [{ urgency: 'viewer' as const, perSec: 30 }, ...others]) {
      const expected = (perSec * 2) / 1000;
      for (let left = expected; left > 0; left -= 1) if (random.next() < left) ask(urgency);
    }
    await disk.clock.advance(2);
  }
  latencies.sort((a, b) => a - b);
  return { p95Ms: latencies[Math.floor(latencies.length * 0.95)]!, done };
}

describe('a lane with far more to do than its disk can', () => {
  it('keeps viewers within one bulk operation of what they have alone', async () => {
    const alone = await latenciesOf([]);
    const flooded = await latenciesOf([
      { urgency: 'planned', perSec: 500 },
      { urgency: 'scrub', perSec: 500 },
    ]);
    expect(flooded.p95Ms).toBeLessThanOrEqual(alone.p95Ms + 2 * OPERATION_MS + 2);
    // What viewers leave is used.
    expect(flooded.done.get('planned')).toBeGreaterThan(1000);
  });

  it('lets demand writes through a storm of reads, and nothing of the plan before them', async () => {
    const { done } = await latenciesOf([
      { urgency: 'viewer', perSec: 500 },
      { urgency: 'demand', perSec: 30 },
      { urgency: 'planned', perSec: 100 },
    ]);
    // A fifth of 125 operations a second.
    expect(done.get('demand')).toBeGreaterThan(400);
    expect(done.get('planned') ?? 0).toBeLessThan(5);
  });
});
