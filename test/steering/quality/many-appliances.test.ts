import { afterEach, expect, test, vi } from 'vitest';
import { noMeasures } from '../../../src/contracts/quality-sketch.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { PlayerQuality } from '../../../steering/quality/player-quality.ts';
import { SketchCells } from '../../../steering/quality/sketches/sketch-cells.ts';
import { FakeClock, FakeWorld } from '../../support/fake-world.ts';

const APPLIANCES = 2000;
const GROUPS_EACH = 50;
const ROW_LIMIT = 300;

afterEach(() => vi.restoreAllMocks());

/** The clock of a busy machine: whoever looks at it finds that others had the core for a while. */
class BusyClock extends FakeClock {
  stolenMs = 0;
  rests = 0;

  override monotonicMs(): number {
    this.stolenMs += this.rests > 0 ? 4 : 0;
    return super.monotonicMs() + this.stolenMs;
  }

  override delay(delayMs: number, signal?: AbortSignal): Promise<void> {
    this.rests += 1;
    return super.delay(delayMs, signal);
  }
}

test('two thousand appliances with fifty neighbourhoods each are judged every few seconds on a busy machine, in slices', async () => {
  const clock = new BusyClock(0);
  const world = { clock, random: new FakeWorld().random };
  const quality = new PlayerQuality({
    world,
    logger: silentLogger,
    ttlMs: 30_000,
    halfLifeMs: 60_000,
    windowMs: 90_000,
    minReporters: 5,
    failShare: 0.5,
    doubtShare: 0.5,
    demoteMs: 120_000,
    probeStepMs: 60_000,
    maxCells: 200_000,
    maxSessions: 1000,
  });
  const measures = { ...noMeasures(), requests: 50, reports: 50, throughput: noMeasures().throughput.map(() => 2) };
  for (let at = 0; at < APPLIANCES; at += 1) {
    const site = Math.floor(at / 10);
    const groups = Array.from({ length: GROUPS_EACH }, (_, group) => ({
      ...measures,
      prefix: `g${site}-${group}`,
      clients: 9,
    }));
    const sketch = { version: 1, applianceId: `a${at}`, sentAtMs: 0, groups, rest: measures } as const;
    quality.takeSketch(sketch, `site-${site}`, (group) => ({ group, siteId: `site-${site}` }));
  }
  // Everybody's viewers in one neighbourhood: a single one may be longer than a slice.
  const everywhere = [{ ...measures, prefix: 'everywhere', clients: 9 }];
  for (let at = 0; at < APPLIANCES; at += 1) {
    const sketch = { version: 1, applianceId: `a${at}`, sentAtMs: 0, groups: everywhere, rest: noMeasures() } as const;
    quality.takeSketch(sketch, 'anywhere', (group) => ({ group, siteId: undefined }));
  }
  const rowsBetweenRests = countRows(clock);
  await quality.start();
  const beganMs = clock.monotonicMs();
  const versions = new Set<string>();
  while (versions.size < 4 && clock.monotonicMs() - beganMs < 15_000) {
    await clock.advance(20);
    versions.add(quality.view().version);
  }
  await quality.stop(0);
  expect(quality.counts().cells).toBeGreaterThan(APPLIANCES * GROUPS_EACH);
  expect(versions.size - 1).toBeGreaterThanOrEqual(3);
  expect(Math.max(...rowsBetweenRests.values())).toBeLessThanOrEqual(ROW_LIMIT);
});

/** How many rows were read, by how often there was a rest before. */
function countRows(clock: BusyClock): ReadonlyMap<number, number> {
  const rows = new Map<number, number>();
  vi.spyOn(SketchCells.prototype, 'median').mockImplementation(() => {
    rows.set(clock.rests, (rows.get(clock.rests) ?? 0) + 1);
    return 1;
  });
  return rows;
}
