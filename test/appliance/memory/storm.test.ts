import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { Arena, ArenaContent } from '../../../appliance/memory/arena.ts';
import { ArenaRig, libcLoad, PAGE_BYTES, publishedOf } from './arena-rig.ts';
import { wordOf } from './storm-pattern.ts';
import type { StormData, StormReport } from './storm-reader.ts';

const READERS = 3;
const BLOCKS = 3;
const BLOCK_LENGTH = 2 * PAGE_BYTES;
const ROUNDS = 6000;
const ENOUGH_PINS = 500;

/** The owner: everything that takes slots and records away, as fast as it can. */
async function churn(arena: Arena, keys: readonly string[], isEnough: () => boolean): Promise<number> {
  const contents = new Map<string, ArenaContent>();
  let loads = 0;
  for (let round = 0; round < ROUNDS || !isEnough(); round += 1) {
    const key = keys[(round * 5) % keys.length] ?? '';
    let content = contents.get(key);
    if (content === undefined || round % 11 === 0) {
      if (content !== undefined) arena.end(content);
      content = arena.begin();
      contents.set(key, content);
    }
    const { high, low } = content.number;
    const block = round % BLOCKS;
    const outcome = await arena.load(content, block, BLOCK_LENGTH, (view) => {
      new Uint32Array(view.buffer, view.byteOffset, view.length / 4).fill(wordOf(high, low, block));
      return { checked: Promise.resolve(true), ended: Promise.resolve() };
    });
    if (outcome === 'here') loads += 1;
    if (round % 13 === 0) arena.drop(content, block);
    if (round % 17 === 0) arena.hide(content);
    else arena.show(content, publishedOf(key, { initialAgeMs: round % 29, etag: `"${'x'.repeat(round % 700)}"` }));
    if (round % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return loads;
}

// Without Linux and koffi there is no memory to share: nothing here can be true or false.
describe.skipIf(libcLoad.kind === 'missing')('readers in a storm of blocks that come and go', () => {
  it('see only the bytes of the block that they pinned, for as long as they have it', async () => {
    // Slots for a tenth of what is wanted, records for half.
    using rig = new ArenaRig({ slotCount: 6, maxObjects: 10, readerCount: READERS });
    const keys = Array.from({ length: 20 }, (_, at) => `/film/${at}`);
    const shared = new SharedArrayBuffer((1 + READERS) * Int32Array.BYTES_PER_ELEMENT);
    const [end, pins] = [new Int32Array(shared, 0, 1), new Int32Array(shared, Int32Array.BYTES_PER_ELEMENT)];
    const workers = Array.from({ length: READERS }, (_, number) => {
      const data: StormData = {
        memory: rig.arena.shared,
        number,
        keys,
        blocks: BLOCKS,
        blockBytes: BLOCK_LENGTH,
        shared,
      };
      return new Worker(new URL('./storm-reader.ts', import.meta.url), { workerData: data });
    });
    const reports = workers.map((worker) => once(worker, 'message'));
    const loads = await churn(rig.arena, keys, () =>
      pins.every((_, number) => Atomics.load(pins, number) >= ENOUGH_PINS),
    );
    Atomics.store(end, 0, 1);
    const told = (await Promise.all(reports)).map(([report]) => report as StormReport);
    expect(told.flatMap(({ wrong }) => wrong)).toEqual([]);
    for (const { missed } of told) expect(missed).toBeGreaterThan(0);
    expect(loads).toBeGreaterThan(ROUNDS / 4);
    // Everything that was counted in was counted out.
    expect(rig.arena.usage()).toMatchObject({ pins: 0, leavingBlocks: 0 });
  });
});
