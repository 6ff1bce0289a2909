import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openWindow } from '../../../../appliance/fill/pace/fill-window.ts';
import { HeldPlan } from '../../../../appliance/fill/planned/held-plan.ts';
import { PlanFile } from '../../../../appliance/fill/planned/plan-file.ts';
import { PlannedFill } from '../../../../appliance/fill/planned/planned-fill.ts';
import type { FileManifest } from '../../../../src/contracts/file-manifest.ts';
import type { ErrorCode } from '../../../../src/errors/error-codes.ts';
import { OperationalError } from '../../../../src/errors/operational-error.ts';
import { type Identity, loadOrCreateIdentity } from '../../../../src/signing/identity.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeFiller } from '../../../support/fake-filler.ts';
import { FakeStore } from '../../../support/fake-store.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { fillParts } from '../../../support/fill-parts.ts';
import { originSource, peerSource, sampleManifest, samplePlan, samplePlanFile } from '../../../support/sample-plan.ts';

const MIB = 2 ** 20;
/** The last two come after bytes did. */
const FAILURES: readonly ErrorCode[] = [
  'SOURCE_LACKS',
  'SOURCE_UNREACHABLE',
  'SOURCE_STATUS',
  'SOURCE_TIMEOUT',
  'SOURCE_TRUNCATED',
];

/** Times in seconds from the start of the world. */
const world = fc.record({
  seed: fc.integer(),
  files: fc.array(fc.record({ blocks: fc.integer({ min: 1, max: 6 }), priority: fc.nat(3) }), {
    minLength: 1,
    maxLength: 6,
  }),
  windows: fc.array(
    fc.record({ at: fc.nat(600), lasts: fc.integer({ min: 5, max: 200 }), rate: fc.integer({ min: 1, max: 8 }) }),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  originAfterSec: fc.nat(30),
  failShare: fc.double({ min: 0, max: 0.6, noNaN: true }),
  blockMs: fc.integer({ min: 0, max: 3000 }),
  jumps: fc.array(fc.record({ at: fc.nat(600), byMs: fc.integer({ min: -200_000, max: 200_000 }) }), { maxLength: 2 }),
});
type Given = typeof world extends fc.Arbitrary<infer T> ? T : never;

interface Seen {
  readonly asks: { beganMs: number; endedMs: number; bytes: number; bitsPerSec: number | undefined }[];
  inFlight: number;
  inFlightOutside: number;
}

test('no block is asked for or in flight outside the window, none over the rate, and in the end all is held', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'oca-planned-fill-property-'));
  try {
    const planner = loadOrCreateIdentity('planner', join(dir, 'planner.pem'));
    await fc.assert(
      fc.asyncProperty(world, (given) => run(given, planner, join(dir, `${given.seed}`))),
      { numRuns: 40 },
    );
  } finally {
    await rm(dir, { recursive: true });
  }
});

async function run(given: Given, planner: Identity, dir: string): Promise<void> {
  const fake = new FakeWorld({ seed: given.seed });
  const { clock } = fake;
  const startMs = clock.nowMs();
  const store = new FakeStore();
  const held = new HeldPlan(new PlanFile(dir));
  const windows = [
    ...given.windows.map(({ at, lasts, rate }) => windowOf(startMs + at * 1000, lasts * 1000, rate)),
    // Whatever happened before, this one is long enough.
    windowOf(startMs + 5_000_000, 5_000_000, 8),
  ];
  const seen: Seen = { asks: [], inFlight: 0, inFlightOutside: 0 };
  const filler = new FakeFiller(store, clock, async ({ path, blockIndex }, signal) => {
    const window = openWindow(windows, clock.nowMs());
    const sizeBytes = store.find(path)!.blockBytes(blockIndex);
    const beganMs = clock.monotonicMs();
    const ask = { beganMs, endedMs: Number.POSITIVE_INFINITY, bytes: sizeBytes, bitsPerSec: window?.fillBitsPerSec };
    seen.asks.push(ask);
    seen.inFlight += 1;
    try {
      await clock.delay(given.blockMs, signal);
      if (openWindow(windows, clock.nowMs()) === undefined) seen.inFlightOutside += 1;
      const isLastWindow = clock.nowMs() > startMs + 4_000_000;
      const failShare = isLastWindow ? given.failShare / 2 : given.failShare;
      if (fake.random.next() >= failShare) return undefined;
      const failure = Math.floor(fake.random.next() * FAILURES.length);
      if (failure < 3) ask.bytes = 0;
      throw new OperationalError(FAILURES[failure]!, 'by chance');
    } finally {
      seen.inFlight -= 1;
      ask.endedMs = clock.monotonicMs();
    }
  });
  const fill = new PlannedFill({
    applianceId: 'a1',
    held,
    ...fillParts(dir, fake, held),
    store,
    filler,
    world: fake,
    logger: silentLogger,
    bulkShare: () => 1,
    onFilled: () => undefined,
    onFailed: () => undefined,
    onProgress: () => undefined,
  });
  const manifests = hold(given, planner, held, windows);
  await fill.start();
  let passedSec = 0;
  for (const { at, byMs } of [...given.jumps].sort((a, b) => a.at - b.at)) {
    await clock.advance((at - passedSec) * 1000);
    passedSec = at;
    clock.jumpWallClock(byMs);
  }
  await clock.advance(10_000_000);
  for (const manifest of manifests)
    expect(store.find(manifest.path)?.heldBlocks).toBe(Math.ceil(manifest.sizeBytes / MIB));
  expect(fill.state).toBe('complete');
  expect(seen.asks.filter(({ bitsPerSec }) => bitsPerSec === undefined)).toEqual([]);
  expect(seen.inFlight).toBe(0);
  expectRateKept(seen);
  await fill.stop(0);
}

const windowOf = (startsAtMs: number, lastsMs: number, rate: number) => ({
  startsAtMs,
  endsAtMs: startsAtMs + lastsMs,
  fillBitsPerSec: rate * 8 * MIB,
});

function hold(
  given: Given,
  planner: Identity,
  held: HeldPlan,
  windows: readonly ReturnType<typeof windowOf>[],
): FileManifest[] {
  const sources = [peerSource('p1'), peerSource('p2'), { ...originSource, afterSec: given.originAfterSec }];
  const manifests = given.files.map(({ blocks }, index) => sampleManifest(`/f${index}`, blocks * MIB - index, planner));
  const files = manifests.map((manifest, index) =>
    samplePlanFile(manifest, { priority: given.files[index]!.priority, sources }),
  );
  held.hold(samplePlan(planner, files, { windows: [...windows] }));
  for (const manifest of manifests) held.addManifest(manifest, manifest);
  return manifests;
}

/**
 * In no second come more bytes than the rate allows: whatever may have come within the second before an ask, all that was
 * on its way then, is counted whole.
 */
function expectRateKept({ asks }: Seen): void {
  const fastest = Math.max(0, ...asks.map(({ bitsPerSec }) => bitsPerSec ?? 0)) / 8;
  for (const { beganMs } of asks) {
    const counted = asks.filter((ask) => ask.beganMs <= beganMs && ask.endedMs > beganMs - 1000);
    expect(counted.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(fastest);
  }
}
