import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Generation } from '../../../../appliance/store/generation.ts';
import { type BlockCheck, VolumeScrub } from '../../../../appliance/store/scrub/volume-scrub.ts';
import { createStoreMetrics } from '../../../../appliance/store/store-metrics.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../../../src/errors/operational-error.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { FakeStore } from '../../../support/fake-store.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { descriptionOf } from '../store-rig.ts';

const DAY_MS = 86_400_000;
const STEP_MS = 60_000;

/** A scrub in fake time of a volume that a test makes up. */
let dir: string;
let world: FakeWorld;
let scrub: VolumeScrub;
let generations: Generation[];
let share: number;
let isReadable: boolean;
let checked: string[];
let founds: number;
let verdict: (name: string) => 'good' | 'lost' | 'busy';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'oca-volume-scrub-'));
  world = new FakeWorld();
  generations = [];
  share = 1;
  isReadable = true;
  checked = [];
  founds = 0;
  verdict = () => 'good';
});

afterEach(async () => {
  await stop();
  rmSync(dir, { recursive: true });
});

/** The check in hand ends in fake time. */
async function stop(): Promise<void> {
  const stopped = scrub.stop();
  await world.clock.advance(20);
  await stopped;
}

async function check(generation: Generation, block: number): Promise<BlockCheck> {
  const name = `${generation.id}:${block}`;
  const found = verdict(name);
  if (found === 'busy') throw new OperationalError('OVERLOADED', 'no turn');
  checked.push(name);
  await world.clock.delay(10);
  if (found === 'good') return { kind: 'good', tookMs: 10 };
  generation.blocks.delete(block);
  scrub.found(generation, block);
  return { kind: 'lost' };
}

async function start(periodDays = 30): Promise<void> {
  scrub = new VolumeScrub({
    volume: {
      isReadable: () => isReadable,
      heldBytes: () => generations.reduce((sum, { heldBytes }) => sum + heldBytes, 0),
      readsDisk: () => true,
      check,
    },
    stateFile: join(dir, 'scrub.json'),
    world,
    logger: silentLogger,
    metrics: createStoreMetrics(
      new Metrics('appliance'),
      () => new FakeStore().usage(),
      () => [],
    ),
    periodMs: periodDays * DAY_MS,
    bulkShare: () => share,
    onFound: () => (founds += 1),
  });
  scrub.opened(generations);
  scrub.start();
  // What it wrote down is read from a real file.
  await pass(() => world.clock.timerCount > 0 || checked.length > 0, 5000, 1);
}

function hold(id: number, blocks: number): void {
  const generation = new Generation(id, 0, descriptionOf(`/${id}`, blocks * BLOCK_BYTES), 0);
  for (let block = 0; block < blocks; block += 1) generation.blocks.add(block, 0);
  generations.push(generation);
}

/**
 * Time passes only while the scrub waits for it. It writes down where it is in a real file, and a machine that is slow
 * at that would have days go by meanwhile.
 */
async function pass(until: () => boolean, limitMs: number, stepMs = STEP_MS): Promise<void> {
  for (let passedMs = 0; !until(); ) {
    if (passedMs > limitMs) throw new Error(`did not happen within ${limitMs} ms of fake time: ${String(until)}`);
    if (world.clock.timerCount > 0) {
      await world.clock.advance(stepMs);
      passedMs += stepMs;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe('the scrub of a volume in time', () => {
  it('takes most of its period for a pass, and not more, and measures the disk meanwhile', async () => {
    for (let id = 1; id <= 10; id += 1) hold(id * 1000, 30);
    await start(1);
    await pass(() => scrub.progress().passesEnded === 1, DAY_MS);
    const tookMs = scrub.progress().passBeganAtMs - Date.UTC(2030, 0, 7, 1, 30);
    expect(tookMs).toBeGreaterThan(0.8 * DAY_MS);
    expect(checked).toHaveLength(300);
    expect(new Set(checked).size).toBe(300);
    // One MiB in 10 ms.
    expect(scrub.progress().sequentialBytesPerSec).toBe(100 * BLOCK_BYTES);
  });

  it('follows a hit at a twentieth of what the disk reads, and hurries the others', async () => {
    for (let id = 1; id <= 10; id += 1) hold(id * 1000, 300);
    const bad = new Set(Array.from({ length: 40 }, (_, at) => `4000:${100 + at}`));
    verdict = (name) => (bad.has(name) ? 'lost' : 'good');
    await start(30);
    await pass(() => founds > 0, 3 * DAY_MS);
    const sinceMs = world.clock.monotonicMs();
    await pass(() => scrub.progress().lostBlocks === 40, 60_000, 200);
    // 40 bad and twice 32 good ones at 4 or 5 MB/s.
    expect(world.clock.monotonicMs() - sinceMs).toBeLessThan(40_000);
    expect(founds).toBe(40);
    await pass(() => !scrub.progress().isSearching, 60_000, 200);
  });

  it('goes as fast as it may for an hour when a sister has found something', async () => {
    hold(1000, 200);
    await start(30);
    const slow = scrub.progress().bytesPerSec;
    scrub.hurry();
    expect(scrub.progress().bytesPerSec).toBe(4_000_000);
    await pass(() => scrub.progress().passesEnded > 1, 3_600_000, 1000);
    await world.clock.advance(3_600_000);
    expect(scrub.progress().bytesPerSec).toBeLessThan(10 * slow + 1000);
  });

  it('stands still while viewers leave nothing over, or the disk does not answer', async () => {
    hold(1000, 100);
    share = 0;
    await start(1);
    await world.clock.advance(DAY_MS / 24);
    expect([checked.length, scrub.progress().bytesPerSec]).toEqual([0, 0]);
    share = 1;
    isReadable = false;
    await world.clock.advance(DAY_MS / 24);
    expect(checked).toEqual([]);
    isReadable = true;
    await pass(() => scrub.progress().passesEnded === 1, DAY_MS);
  });

  it('leaves a block to the next pass when the disk has no turn for it', async () => {
    hold(1000, 20);
    let refusals = 5;
    verdict = () => (refusals-- > 0 ? 'busy' : 'good');
    await start(1);
    await pass(() => scrub.progress().passesEnded === 2, 3 * DAY_MS);
    expect(checked).toHaveLength(35);
  });

  it('goes on after a restart where it stood, and keeps the measured speed', async () => {
    hold(1000, 60);
    await start(1);
    await pass(() => checked.length >= 30, DAY_MS);
    await stop();
    const before = scrub.progress();
    await start(1);
    await pass(() => scrub.progress().passesEnded === 1, DAY_MS);
    expect(new Set(checked).size).toBe(60);
    expect(checked.length).toBeLessThanOrEqual(61);
    expect(scrub.progress().sequentialBytesPerSec).toBe(before.sequentialBytesPerSec);
  });

  it('begins anew when what it wrote down makes no sense', async () => {
    writeFileSync(join(dir, 'scrub.json'), '{"version":1,"round":-7');
    hold(1000, 3);
    await start(1);
    await pass(() => scrub.progress().passesEnded === 1, DAY_MS);
    expect(checked).toHaveLength(3);
  });

  it('costs an empty volume nothing, and is in time for what comes to it later', async () => {
    await start(1);
    await world.clock.advance(2 * DAY_MS);
    expect(scrub.progress()).toMatchObject({ passesEnded: 0, bytesPerSec: 0 });
    hold(1000, 30);
    scrub.adopted(generations[0]!);
    await world.clock.advance(3_600_000);
    expect(checked.length).toBeLessThan(4);
  });
});
