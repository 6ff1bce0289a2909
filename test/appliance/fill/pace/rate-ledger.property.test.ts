import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateLedger } from '../../../../appliance/fill/pace/rate-ledger.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const MIB = 2 ** 20;
const NEVER = new AbortController().signal;

interface Block {
  readonly beganMs: number;
  endedMs: number;
  readonly bytes: number;
}

const job = fc.record({
  bytes: fc.integer({ min: 1, max: MIB }),
  takesMs: fc.nat(4000),
  comesShare: fc.constantFrom(0, 0.5, 1),
});

/** What there was to fetch, by some workers, and how it went. */
async function run(
  jobs: readonly { bytes: number; takesMs: number; comesShare: number }[],
  workers: number,
  rate: number,
) {
  const { clock } = new FakeWorld();
  const ledger = new RateLedger(clock, rate);
  const blocks: Block[] = [];
  const queue = [...jobs];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const leave = await ledger.take(next.bytes, NEVER);
      const came = Math.floor(next.bytes * next.comesShare);
      const block = { beganMs: clock.monotonicMs(), endedMs: Number.POSITIVE_INFINITY, bytes: came };
      blocks.push(block);
      await clock.delay(next.takesMs);
      block.endedMs = clock.monotonicMs();
      leave.end(came);
      leave.end(came);
    }
  };
  const all = Promise.all(Array.from({ length: workers }, work));
  const isOver = (): boolean =>
    blocks.length === jobs.length && blocks.every(({ endedMs }) => Number.isFinite(endedMs));
  await clock.advanceUntil(isOver, { stepMs: 10_000 });
  await all;
  return blocks;
}

test('whatever came within any one second, in whatever order and however late, is within the rate', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(job, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: MIB, max: 8 * MIB }),
      async (jobs, workers, rate) => {
        const blocks = await run(jobs, workers, rate);
        expect(blocks).toHaveLength(jobs.length);
        // The worst that a second could see: of every block that may have had a byte in it, all of its bytes.
        for (const { beganMs } of blocks) {
          const counted = blocks.filter((block) => block.beganMs <= beganMs && block.endedMs > beganMs - 1000);
          expect(counted.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(rate);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('blocks that come at once use the rate', async () => {
  const blocks = await run(
    Array.from({ length: 40 }, () => ({ bytes: MIB, takesMs: 0, comesShare: 1 })),
    4,
    4 * MIB,
  );
  expect(blocks.at(-1)!.beganMs - blocks[0]!.beganMs).toBe(9000);
});

test('a block of more than a second goes alone, and the average is right', async () => {
  const blocks = await run(
    Array.from({ length: 6 }, () => ({ bytes: MIB, takesMs: 0, comesShare: 1 })),
    3,
    MIB / 4,
  );
  expect(blocks.map(({ beganMs }) => beganMs - blocks[0]!.beganMs)).toEqual([0, 4000, 8000, 12_000, 16_000, 20_000]);
});

test('nothing is allowed in the first second of a process: what came to the one before is not known', async () => {
  const { clock } = new FakeWorld();
  const beganMs = clock.monotonicMs();
  const ledger = new RateLedger(clock, 100 * MIB);
  let allowedMs = 0;
  void ledger.take(1, NEVER).then(() => {
    allowedMs = clock.monotonicMs();
  });
  await clock.advance(5000);
  expect(allowedMs).toBe(beganMs + 1000);
});

test('who is called off while he waits owes nothing, and those behind him go on', async () => {
  const { clock } = new FakeWorld();
  const ledger = new RateLedger(clock, MIB);
  await clock.advance(1000);
  (await ledger.take(MIB, NEVER)).end(MIB);
  const called = new AbortController();
  const first = ledger.take(MIB, called.signal);
  const second = ledger.take(MIB, NEVER);
  called.abort(new Error('called off'));
  await expect(first).rejects.toThrow('called off');
  let isIn = false;
  void second.then(() => {
    isIn = true;
  });
  await clock.advance(999);
  expect(isIn).toBe(false);
  await clock.advance(1);
  expect(isIn).toBe(true);
});

test.each([12, 1e-320])(
  'what a block owes at %d bytes a second is paid at the rate that comes after it',
  async (trickle) => {
    const { clock } = new FakeWorld();
    const ledger = new RateLedger(clock, 1);
    ledger.setRate(trickle);
    const first = ledger.take(MIB, NEVER);
    await clock.advance(1000);
    (await first).end(MIB);
    await clock.advance(5000);
    ledger.setRate(MIB * 1.5);
    let isTaken = false;
    const second = ledger.take(MIB, NEVER).then((leave) => {
      isTaken = true;
      leave.end(MIB);
    });
    await clock.advance(1000);
    expect(isTaken).toBe(true);
    await second;
  },
);

test('a rate that rises lets nothing into a second that is full', async () => {
  const { clock } = new FakeWorld();
  const ledger = new RateLedger(clock, MIB / 4);
  const first = ledger.take(MIB, NEVER);
  await clock.advance(1000);
  (await first).end(MIB);
  ledger.setRate(MIB * 1.5);
  let isTaken = false;
  const second = ledger.take(MIB, NEVER).then(() => {
    isTaken = true;
  });
  await clock.advance(999);
  expect(isTaken).toBe(false);
  await clock.advance(1);
  await second;
});
