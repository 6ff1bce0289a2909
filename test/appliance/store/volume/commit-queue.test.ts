import { describe, expect, it } from 'vitest';
import { Generation } from '../../../../appliance/store/generation.ts';
import { type BatchWriter, CommitQueue } from '../../../../appliance/store/volume/commit-queue.ts';
import { DataFile } from '../../../../appliance/store/volume/data-file.ts';
import type { IndexBatch } from '../../../../appliance/store/volume/index-messages.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { until } from '../../../support/until.ts';
import { descriptionOf } from '../store-rig.ts';

/** Keeps every batch until the test answers it. */
class GatedWriter implements BatchWriter {
  readonly batches: { readonly batch: IndexBatch; readonly answer: (error?: Error) => void }[] = [];

  commit(batch: IndexBatch): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.batches.push({ batch, answer: (error) => (error === undefined ? resolve() : reject(error)) });
    return promise;
  }

  async next(index: number): Promise<IndexBatch> {
    await until(() => this.batches.length > index);
    return this.batches[index]!.batch;
  }
}

const generation = (id: number, blocks = 3): Generation =>
  new Generation(id, 0, descriptionOf(`/${id}`, blocks * BLOCK_BYTES), 0);

function keep(queue: CommitQueue, of: Generation, block: number): Promise<void> {
  return new Promise((resolve, reject) => {
    queue.keepBlock({ generation: of, block, checksum: block + 100, kept: resolve, failed: reject });
  });
}

/** The held blocks that a page row says. */
const bitsOf = (held: Uint8Array | undefined): number => held?.[0] ?? 0;

describe('the commit queue', () => {
  it('holds a block only once its transaction is through, though the row says it before', async () => {
    const writer = new GatedWriter();
    const queue = new CommitQueue(writer);
    const object = generation(1);
    const kept = keep(queue, object, 1);
    const batch = await writer.next(0);
    expect(bitsOf(batch.pages[0]?.[2])).toBe(0b010);
    expect(object.blocks.has(1)).toBe(false);
    writer.batches[0]!.answer();
    await kept;
    expect(object.blocks.has(1)).toBe(true);
    expect(object.blocks.checksum(1)).toBe(101);
  });

  it('gathers what comes while a transaction is on its way into the next one', async () => {
    const writer = new GatedWriter();
    const queue = new CommitQueue(writer);
    const [one, two] = [generation(1), generation(2)];
    const first = keep(queue, one, 0);
    await writer.next(0);
    const rest = [keep(queue, one, 1), keep(queue, one, 2), keep(queue, two, 0)];
    queue.putObject(two);
    queue.putObject(two);
    writer.batches[0]!.answer();
    await first;
    const batch = await writer.next(1);
    expect(batch.objects.map(([id]) => id)).toEqual([2]);
    expect(batch.pages.map(([id, page, held]) => [id, page, bitsOf(held)])).toEqual([
      [1, 0, 0b111],
      [2, 0, 0b001],
    ]);
    writer.batches[1]!.answer();
    await Promise.all(rest);
    expect(writer.batches).toHaveLength(2);
  });

  it('tells who waits for a block of a failure, and writes what is true the next time', async () => {
    const writer = new GatedWriter();
    const queue = new CommitQueue(writer);
    const object = generation(1);
    object.blocks.add(0, 5);
    queue.putObject(object);
    queue.dropBlock(object, 2);
    const failed = keep(queue, object, 1);
    await writer.next(0);
    writer.batches[0]!.answer(new Error('disk full'));
    await expect(failed).rejects.toThrow('disk full');
    expect(object.blocks.has(1)).toBe(false);
    const flushed = queue.flush();
    const batch = await writer.next(1);
    expect(batch.objects.map(([id]) => id)).toEqual([1]);
    expect(bitsOf(batch.pages[0]?.[2])).toBe(0b001);
    writer.batches[1]!.answer();
    await flushed;
  });

  it('writes nothing of a generation that was deleted meanwhile, and deletes it', async () => {
    const writer = new GatedWriter();
    const queue = new CommitQueue(writer);
    const object = generation(1);
    queue.putObject(object);
    const kept = keep(queue, object, 0);
    object.forgotten = true;
    queue.deleteObject(object);
    const batch = await writer.next(0);
    expect(batch).toEqual({ deleted: [1], buried: [], objects: [], pages: [], uses: [] });
    writer.batches[0]!.answer(new Error('not now'));
    await expect(kept).rejects.toThrow('not now');
    const flushed = queue.flush();
    expect((await writer.next(1)).deleted).toEqual([1]);
    writer.batches[1]!.answer();
    await flushed;
  });

  it('lets many who flush at once share one transaction, and none of them leave before it is through', async () => {
    const writer = new GatedWriter();
    const queue = new CommitQueue(writer);
    const [one, two] = [generation(1), generation(2)];
    queue.putObject(one);
    await writer.next(0);
    two.forgotten = true;
    queue.deleteObject(two);
    let done = 0;
    const flushes = [1, 2, 3].map(() => queue.flush().then(() => (done += 1)));
    writer.batches[0]!.answer();
    expect((await writer.next(1)).deleted).toEqual([2]);
    expect(done).toBe(0);
    writer.batches[1]!.answer();
    await Promise.all(flushes);
    expect(writer.batches).toHaveLength(2);
  });

  it('syncs the files of its blocks before it claims them, each once, where a power cut may lose nothing', async () => {
    const writer = new GatedWriter();
    const queue = new CommitQueue(writer, 'power');
    const object = generation(1);
    const synced = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let syncs = 0;
    object.file = new DataFile('/nowhere', object);
    object.file.sync = () => synced[syncs++]!.promise;
    const kept = Promise.all([keep(queue, object, 0), keep(queue, object, 1)]);
    await until(() => syncs === 1);
    const later = keep(queue, object, 2);
    expect(writer.batches).toHaveLength(0);
    synced[0]!.resolve();
    expect(bitsOf((await writer.next(0)).pages[0]?.[2])).toBe(0b011);
    writer.batches[0]!.answer();
    await kept;
    await until(() => syncs === 2);
    synced[1]!.reject(new Error('EIO'));
    await expect(later).rejects.toThrow('EIO');
    expect([syncs, writer.batches.length]).toEqual([2, 1]);
    expect([0, 1, 2].map((block) => object.blocks.has(block))).toEqual([true, true, false]);
  });

  it('writes last uses only when it is told to, so many at a time', async () => {
    const writer = new GatedWriter();
    const queue = new CommitQueue(writer);
    for (const id of [1, 2, 3]) {
      const object = generation(id);
      object.lastUsedMs = id * 10;
      queue.noteUse(object);
    }
    const flushed = queue.flush(2);
    expect((await writer.next(0)).uses).toEqual([
      [1, 10],
      [2, 20],
    ]);
    writer.batches[0]!.answer();
    await flushed;
    const again = queue.flush(Number.POSITIVE_INFINITY);
    expect((await writer.next(1)).uses).toEqual([[3, 30]]);
    writer.batches[1]!.answer();
    await again;
  });
});
