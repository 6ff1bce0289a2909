import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../../appliance/kernel/libc.ts';
import type { PublishedReader } from '../../../appliance/memory/published.ts';
import { createReader } from '../../../appliance/memory/reader.ts';
import type { DiskStore } from '../../../appliance/store/disk-object-store.ts';
import type { DiskObjectStoreOptions } from '../../../appliance/store/disk-store-options.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { until } from '../../support/until.ts';
import { publishedOf } from '../memory/arena-rig.ts';
import { expectBytes } from './expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from './store-rig.ts';

const SIZE_BYTES = 2 * BLOCK_BYTES;
const MEMORY_BYTES = 32 * BLOCK_BYTES;
const load = loadLibc();

/** A store whose memory one thread reads, which is this one. */
async function sharedStore(rig: StoreRig, options: Partial<DiskObjectStoreOptions> = {}) {
  if (load.kind === 'missing') throw new Error(load.because);
  const store = await rig.open({ memoryBytes: MEMORY_BYTES, readers: { libc: load.libc, count: 1 }, ...options });
  if (store.memory === undefined) throw new Error('no memory is shared');
  return { store, shared: store.memory.shared, reader: createReader(store.memory.shared, 0) };
}

/** An object of two blocks, both in memory, and shown. */
async function bringAll(store: DiskStore, key: string): Promise<void> {
  await fillObject(store, descriptionOf(key, SIZE_BYTES));
  using object = store.find(key);
  for (const block of [0, 1]) expect(await object?.bringIn(block)).toBe('here');
  expect(object?.show(publishedOf(key, { sizeBytes: SIZE_BYTES }))).toBe(true);
}

function found(reader: PublishedReader, key: string) {
  const object = reader.find(key);
  if (object === undefined) throw new Error(`nothing is shown under ${key}`);
  return object;
}

/** In place, as a failing disk does it: the file stays the same one. */
function overwrite(file: string, offset: number, byte: number): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, Uint8Array.of(byte), 0, 1, offset);
  closeSync(handle);
}

function bytesIn(memoryFd: number, slot: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  readSync(memoryFd, bytes, 0, BLOCK_BYTES, slot * BLOCK_BYTES);
  return bytes;
}

// Without Linux and koffi there is no memory to share: nothing here can be true or false.
describe.skipIf(load.kind === 'missing')('a store that shares its memory with threads', () => {
  it('shows them an object and the bytes of its blocks', async () => {
    await using rig = new StoreRig();
    const { reader, shared, store } = await sharedStore(rig);
    await bringAll(store, '/a');
    const object = found(reader, '/a');
    expect(object.description.sizeBytes).toBe(SIZE_BYTES);
    for (const block of [0, 1]) {
      expectBytes(bytesIn(shared.memoryFd, reader.pin(object, block)), contentOf('/a', block, BLOCK_BYTES));
    }
    expect(store.usage().memoryBytes).toBe(SIZE_BYTES);
  });

  it.each([
    ['as it lies on the disk', () => undefined],
    ['after the page cache had it right', (file: string) => readFileSync(file)],
  ])('I1: never shows a block with a flipped byte, %s', async (_when, before) => {
    await using rig = new StoreRig();
    const { reader, store } = await sharedStore(rig);
    await fillObject(store, descriptionOf('/a', SIZE_BYTES));
    const [file = ''] = await rig.dataFiles();
    before(file);
    overwrite(file, BLOCK_BYTES + 99, 0x5a);
    using object = store.find('/a');
    if (object === undefined) throw new Error('not held');
    expect(await object.bringIn(0)).toBe('here');
    expect(await Promise.all([1, 1, 1].map((block) => object.bringIn(block)))).toEqual(['lost', 'lost', 'lost']);
    object.show(publishedOf('/a'));
    expect(reader.pin(found(reader, '/a'), 0)).not.toBe(-1);
    expect(reader.pin(found(reader, '/a'), 1)).toBe(-1);
    expect(object.holds(1)).toBe(false);
    // Filled again, it is right again.
    await object.write(1, contentOf('/a', 1, BLOCK_BYTES));
    expect(await object.bringIn(1)).toBe('here');
  });

  it.each<[string, (store: DiskStore) => unknown]>([
    ['it is removed', (store) => store.remove('/a')],
    ['other content comes under its key', (store) => store.create(descriptionOf('/a', 5))[Symbol.dispose]()],
    [
      'its description is renewed',
      (store) => {
        using object = store.find('/a');
        object?.describe(descriptionOf('/a', SIZE_BYTES, { confirmedAtMs: 2000 }));
      },
    ],
  ])('takes it from them in the same turn when %s', async (_when, happens) => {
    await using rig = new StoreRig();
    const { reader, store } = await sharedStore(rig);
    await bringAll(store, '/a');
    const object = found(reader, '/a');
    const done = happens(store);
    expect(reader.isCurrent(object)).toBe(false);
    expect(reader.find('/a')).toBeUndefined();
    await done;
  });

  it('takes from them what was evicted from the disk, with its blocks', async () => {
    await using rig = new StoreRig();
    const { reader, store } = await sharedStore(rig, {
      volumes: [{ dir: rig.volumeDir(), capacityBytes: 5 * BLOCK_BYTES }],
    });
    await bringAll(store, '/a');
    const object = found(reader, '/a');
    for (const key of ['/b', '/c', '/d']) await fillObject(store, descriptionOf(key, SIZE_BYTES));
    expect(store.state('/a')).toBeUndefined();
    expect(reader.isCurrent(object)).toBe(false);
    expect(reader.pin(object, 0)).toBe(-1);
    expect(store.usage().memoryBytes).toBe(0);
  });

  it('takes from them what is on a volume that the operator removes', async () => {
    await using rig = new StoreRig();
    const { reader, store } = await sharedStore(rig);
    await bringAll(store, '/a');
    await store.volumes.remove(rig.volumeDir());
    expect(reader.find('/a')).toBeUndefined();
    expect(store.usage().memoryBytes).toBe(0);
  });

  it('shows them nothing more of a volume that is gone, though somebody holds an object of it', async () => {
    await using rig = new StoreRig();
    const { reader, store } = await sharedStore(rig);
    await bringAll(store, '/a');
    using object = store.find('/a');
    await store.volumes.remove(rig.volumeDir());
    expect(object?.show(publishedOf('/a', { sizeBytes: SIZE_BYTES }))).toBe(false);
    expect(reader.find('/a')).toBeUndefined();
  });

  it('takes a block from them that the scrub found rotten', async () => {
    await using rig = new StoreRig();
    const { reader, store } = await sharedStore(rig, { scrub: { periodMs: 1, bulkShare: () => 1 } });
    await bringAll(store, '/a');
    const object = found(reader, '/a');
    const [file = ''] = await rig.dataFiles();
    overwrite(file, 99, 0x5a);
    await until(() => store.state('/a')?.heldBlocks === 1);
    expect(reader.pin(object, 0)).toBe(-1);
    expect(reader.pin(object, 1)).not.toBe(-1);
  });

  it('I4: a removal answers only when a reader that was about to begin a head has left', async () => {
    await using rig = new StoreRig();
    const { reader, store } = await sharedStore(rig);
    await bringAll(store, '/a');
    const object = found(reader, '/a');
    reader.enter();
    expect(reader.isCurrent(object)).toBe(true);
    let isAnswered = false;
    const removed = store.remove('/a').then((was) => {
      isAnswered = true;
      return was;
    });
    // What a removal waits for besides: a later row of the same volume is durable.
    await fillObject(store, descriptionOf('/b', 100));
    expect(isAnswered).toBe(false);
    reader.leave();
    expect(await removed).toBe(true);
    reader.enter();
    expect(reader.isCurrent(object)).toBe(false);
    reader.leave();
  });

  it('goes on bringing in blocks of what was forgotten, under their old number, for who holds it', async () => {
    await using rig = new StoreRig();
    const { reader, shared, store } = await sharedStore(rig);
    await fillObject(store, descriptionOf('/a', SIZE_BYTES));
    const held = store.find('/a');
    await held?.bringIn(0);
    held?.show(publishedOf('/a'));
    const object = found(reader, '/a');
    await store.remove('/a');
    expect(await held?.bringIn(1)).toBe('here');
    expect(held?.show(publishedOf('/a'))).toBe(false);
    const slot = reader.pin(object, 1);
    expectBytes(bytesIn(shared.memoryFd, slot), contentOf('/a', 1, BLOCK_BYTES));
    held?.[Symbol.dispose]();
    expect(reader.pin(object, 0)).toBe(-1);
    // It leaves when it is let go.
    expect(store.usage().memoryBytes).toBe(BLOCK_BYTES);
    reader.unpin(slot);
    expect(store.usage().memoryBytes).toBe(0);
  });

  it('reads from memory what is there, as a copy', async () => {
    await using rig = new StoreRig();
    const { store } = await sharedStore(rig);
    await bringAll(store, '/a');
    const [file = ''] = await rig.dataFiles();
    overwrite(file, 99, 0x5a);
    using object = store.find('/a');
    const bytes = await object?.read(0);
    await store.remove('/a');
    expectBytes(bytes, contentOf('/a', 0, BLOCK_BYTES));
  });

  it('takes in what a fill brought, also what no disk takes', async () => {
    await using rig = new StoreRig();
    const { reader, shared, store } = await sharedStore(rig);
    using object = store.create(descriptionOf('/a', SIZE_BYTES));
    expect(await object.putIn(1, contentOf('/a', 1, BLOCK_BYTES))).toBe('here');
    object.show(publishedOf('/a'));
    const slot = reader.pin(found(reader, '/a'), 1);
    expectBytes(bytesIn(shared.memoryFd, slot), contentOf('/a', 1, BLOCK_BYTES));
    expect(object.heldBlocks).toBe(0);
    await expect(object.putIn(1, new Uint8Array(7))).rejects.toThrow('not 7');
  });

  it('counts what threads sent when it has to choose who leaves the disk', async () => {
    await using rig = new StoreRig();
    const { store } = await sharedStore(rig, {
      volumes: [{ dir: rig.volumeDir(), capacityBytes: 7 * BLOCK_BYTES }],
      evictionPolicy: 'lru',
    });
    for (const key of ['/a', '/b', '/c']) await fillObject(store, descriptionOf(key, SIZE_BYTES));
    for (let time = 0; time < 3; time += 1) store.served('/a', SIZE_BYTES);
    await fillObject(store, descriptionOf('/d', SIZE_BYTES));
    expect(['/a', '/b'].map((key) => store.state(key) !== undefined)).toEqual([true, false]);
  });
});

describe('a store whose memory no thread reads', () => {
  it('refuses to bring anything in or to show it', async () => {
    await using rig = new StoreRig();
    const store = await rig.open({ memoryBytes: MEMORY_BYTES });
    await fillObject(store, descriptionOf('/a', SIZE_BYTES));
    using object = store.find('/a');
    expect(store.memory).toBeUndefined();
    expect(await object?.bringIn(0)).toBe('refused');
    expect(object?.show(publishedOf('/a'))).toBe(false);
    await store.settled();
  });
});
