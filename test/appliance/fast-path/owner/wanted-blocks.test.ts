import { describe, expect, it } from 'vitest';
import type { Finder } from '../../../../appliance/delivery/find-object.ts';
import { type Want, WantedBlocks } from '../../../../appliance/fast-path/owner/wanted-blocks.ts';
import type { ObjectKeeper } from '../../../../appliance/fill/blocks/open-object.ts';
import { ObjectLease, OpenObject } from '../../../../appliance/fill/blocks/open-object.ts';
import { PurgeBarrier } from '../../../../appliance/purge/purge-barrier.ts';
import type { ObjectDescription } from '../../../../appliance/store/object-description.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../../../src/errors/operational-error.ts';
import { FakeObject } from '../../../support/fake-store.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const KEY = '/film.mp4';

/** An object whose memory the test plays. */
class PlayedObject extends FakeObject {
  readonly brought: number[] = [];
  readonly put: [number, number][] = [];
  shown = 0;
  released = 0;
  /** What the next loads come to; 'here' when nothing is said. */
  readonly outcomes: ('here' | 'lost' | 'refused')[] = [];
  gate: Promise<void> = Promise.resolve();

  override async bringIn(block = 0): Promise<'refused'> {
    this.brought.push(block);
    await this.gate;
    return (this.outcomes.shift() ?? 'here') as 'refused';
  }

  override putIn(block = 0, bytes: Uint8Array = new Uint8Array()): Promise<'refused'> {
    this.put.push([block, bytes[0] ?? -1]);
    return Promise.resolve('here' as 'refused');
  }

  override show(): boolean {
    this.shown += 1;
    return true;
  }

  override [Symbol.dispose](): void {
    this.released += 1;
  }
}

function rig(options: { readonly blocks?: number; readonly memoryBlocks?: number } = {}) {
  const world = new FakeWorld();
  const description: ObjectDescription = {
    key: KEY,
    sizeBytes: (options.blocks ?? 8) * BLOCK_BYTES,
    etag: '"a"',
    headers: { 'content-type': 'video/mp4', 'cache-control': 'max-age=600' },
    confirmedAtMs: world.clock.nowMs(),
    initialAgeMs: 0,
    freshnessMs: 600_000,
    staleIfErrorMs: 0,
  };
  const stored = new PlayedObject(description);
  for (let block = 0; block < stored.blockCount; block += 1) stored.hold(block);
  const filled: number[] = [];
  const keeper: ObjectKeeper = {
    fill(object, firstBlock, lastBlock) {
      for (let block = firstBlock; block <= lastBlock; block += 1) {
        filled.push(block);
        const flight = object.beginFlight(block);
        flight.append(Buffer.alloc(BLOCK_BYTES, 7));
        flight.complete();
      }
    },
    keep: () => Promise.resolve(),
    unkept: () => undefined,
    closed: () => undefined,
  };
  const patience = { clock: world.clock, maxMs: 30_000 };
  const object = new OpenObject(stored, {
    planned: undefined,
    fillsByRange: true,
    keeper,
    readAheadBlocks: 0,
    patience,
    check: undefined,
  });
  const purges = new PurgeBarrier();
  const overruled = { is: false };
  const finder = {
    discovery: { find: () => ({ lease: new ObjectLease(object), variants: [] }) },
    fills: { purges, isOverruled: () => overruled.is },
    nowMs: () => world.clock.nowMs(),
  } as unknown as Finder;
  const answers: [number, boolean][] = [];
  const wanted = new WantedBlocks({
    finder,
    clock: world.clock,
    readAheadBlocks: 2,
    readerTimeoutMs: 1000,
    memoryBlocks: options.memoryBlocks ?? 1000,
    answer: (ticket, isHere) => answers.push([ticket, isHere]),
  });
  return { world, stored, object, overruled, purges, wanted, answers, filled };
}

const want = (firstBlock: number, lastBlock: number, isBegun = false, ticket = 1): Want => ({
  kind: 'want',
  ticket,
  key: KEY,
  firstBlock,
  lastBlock,
  isBegun,
});

describe('a want before the head', () => {
  it('shows nothing under a path that the plan gives other content, though its manifest is not here yet', async () => {
    const { answers, overruled, stored, wanted } = rig();
    overruled.is = true;
    await wanted.want(want(0, 0));
    wanted.wantObject(2, KEY);
    expect(answers).toEqual([
      [1, false],
      [2, false],
    ]);
    expect(stored.shown).toBe(0);
    expect(wanted.gripCount).toBe(0);
  });

  it('brings the first block, shows the object, and holds it until the thread needs no more', async () => {
    const { answers, stored, wanted } = rig();
    await wanted.want(want(1, 5));
    expect(answers).toEqual([[1, true]]);
    expect(stored.shown).toBe(1);
    expect(stored.brought).toEqual([1, 2, 3]);
    expect(stored.released).toBe(0);
    wanted.noMore(1);
    expect(stored.released).toBe(1);
    expect(wanted.gripCount).toBe(0);
  });

  it('is for the reference engine when a block of the range is missing, though the first is there', async () => {
    const { answers, stored, wanted } = rig();
    stored.evict(4);
    await wanted.want(want(1, 5));
    expect(answers).toEqual([[1, false]]);
    expect([stored.shown, stored.released, wanted.gripCount]).toEqual([0, 1, 0]);
  });

  it.each(['lost', 'refused'] as const)('is for the reference engine when its block is %s', async (outcome) => {
    const { answers, stored, wanted } = rig();
    stored.outcomes.push(outcome);
    await wanted.want(want(0, 0));
    expect(answers).toEqual([[1, false]]);
    expect([stored.shown, stored.released]).toEqual([0, 1]);
  });

  it('shows nothing that was purged while the disk had it', async () => {
    const { answers, purges, stored, wanted } = rig();
    const { promise, resolve } = Promise.withResolvers<void>();
    stored.gate = promise;
    const asked = wanted.want(want(0, 0));
    purges.begin({ by: 'prefix', prefix: '/' });
    resolve();
    await asked;
    expect(answers).toEqual([[1, false]]);
    expect(stored.shown).toBe(0);
  });

  it('is answered to nobody when nobody waits any more, and nothing is held then', async () => {
    const { answers, stored, wanted } = rig();
    const { promise, resolve } = Promise.withResolvers<void>();
    stored.gate = promise;
    const asked = wanted.want(want(0, 3));
    wanted.noMore(1);
    resolve();
    await asked;
    expect(answers).toEqual([]);
    expect([stored.shown, stored.released]).toEqual([0, 1]);
  });

  it('reads no more ahead than its share of half the memory', async () => {
    const { stored, wanted } = rig({ memoryBlocks: 8 });
    await wanted.want(want(0, 7, false, 1));
    expect(stored.brought).toEqual([0, 1, 2]);
    await wanted.want(want(3, 7, false, 2));
    expect(stored.brought).toEqual([0, 1, 2, 3, 4]);
    await wanted.want(want(5, 7, false, 3));
    await wanted.want(want(6, 7, false, 4));
    expect(stored.brought).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

describe('a want after the head', () => {
  it('without a grip cannot be met', async () => {
    const { answers, wanted } = rig();
    await wanted.want(want(2, 5, true));
    expect(answers).toEqual([[1, false]]);
  });

  it('is met also when the object was purged meanwhile: these bytes were begun', async () => {
    const { answers, purges, stored, wanted } = rig();
    await wanted.want(want(0, 5));
    purges.begin({ by: 'prefix', prefix: '/' });
    await wanted.want(want(4, 5, true));
    expect(answers).toEqual([
      [1, true],
      [1, true],
    ]);
    expect(stored.released).toBe(0);
  });

  it('gets no more of what turned out to be wrong as a whole', async () => {
    const { answers, object, wanted } = rig();
    await wanted.want(want(0, 7));
    object.condemn(new OperationalError('CHECKSUM_MISMATCH', 'not what its Repr-Digest says'));
    await wanted.want(want(6, 7, true));
    expect(answers).toEqual([
      [1, true],
      [1, false],
    ]);
  });

  it('has a block that is lost filled again, and what came put into memory', async () => {
    const { answers, filled, stored, wanted } = rig();
    await wanted.want(want(0, 5));
    stored.evict(3);
    stored.outcomes.push('lost');
    await wanted.want(want(3, 5, true));
    expect(filled).toEqual([3]);
    expect(stored.put).toEqual([[3, 7]]);
    expect(answers.at(-1)).toEqual([1, true]);
  });

  it('waits for memory that is in use, no longer than a reader waits', async () => {
    const { answers, stored, wanted, world } = rig();
    await wanted.want(want(0, 5));
    stored.outcomes.push('refused', 'refused', 'here');
    const asked = wanted.want(want(4, 5, true));
    await world.clock.advance(100);
    await asked;
    expect(answers.at(-1)).toEqual([1, true]);
    stored.outcomes.push(...Array.from({ length: 1000 }, () => 'refused' as const));
    const askedAgain = wanted.want(want(5, 5, true));
    await world.clock.advance(2000);
    await askedAgain;
    expect(answers.at(-1)).toEqual([1, false]);
    expect(stored.released).toBe(0);
  });

  it('ends with its thread', async () => {
    const { answers, stored, wanted, world } = rig();
    await wanted.want(want(0, 5));
    stored.outcomes.push('refused');
    const asked = wanted.want(want(4, 5, true));
    await world.clock.advance(0);
    wanted.stop();
    await asked;
    expect(answers).toEqual([[1, true]]);
    expect([stored.released, wanted.gripCount]).toEqual([1, 0]);
  });
});
