import { closeSync, openSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DiskStore } from '../../../appliance/store/disk-object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { expectBytes } from './expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from './store-rig.ts';

/**
 * The invariants of memory that hold whoever sends from it. I1: no byte leaves that was not checked since it last left a
 * disk. I3: bytes that were given out never change, whatever becomes of the block. (I2, nobody who sends waits for a
 * disk, is the delivery's; I4, nothing leaves after a purge, is judged in test/appliance/purge.)
 */
const SIZE_BYTES = 4 * BLOCK_BYTES;
/** Room for two blocks. */
const TIGHT_MEMORY_BYTES = 2 * BLOCK_BYTES + 4096;

/** In place, as a failing disk does it: the file stays the same one. */
function overwrite(file: string, offset: number, byte: number): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, Uint8Array.of(byte), 0, 1, offset);
  closeSync(handle);
}

async function read(store: DiskStore, key: string, block: number): Promise<Uint8Array | undefined> {
  using object = store.find(key);
  return await object?.read(block);
}

describe('verified memory', () => {
  it('I1: what is in memory is right however the disk rots, and is checked again once it has to come from there', async () => {
    await using rig = new StoreRig();
    const store = await rig.open({ memoryBytes: TIGHT_MEMORY_BYTES });
    await fillObject(store, descriptionOf('/a', SIZE_BYTES));
    expectBytes(await read(store, '/a', 0), contentOf('/a', 0, BLOCK_BYTES));
    const [file = ''] = await rig.dataFiles();
    overwrite(file, 77, 0xa5);
    expectBytes(await read(store, '/a', 0), contentOf('/a', 0, BLOCK_BYTES));
    // Two others take its place in memory.
    for (const block of [1, 2]) expectBytes(await read(store, '/a', block), contentOf('/a', block, BLOCK_BYTES));
    expect(await read(store, '/a', 0)).toBeUndefined();
  });

  it('I1: of many who ask at once for a rotten block nobody gets it', async () => {
    await using rig = new StoreRig();
    const store = await rig.open({ memoryBytes: TIGHT_MEMORY_BYTES });
    await fillObject(store, descriptionOf('/a', SIZE_BYTES));
    const [file = ''] = await rig.dataFiles();
    overwrite(file, BLOCK_BYTES + 5, 0xa5);
    const answers = await Promise.all(Array.from({ length: 20 }, () => read(store, '/a', 1)));
    expect(answers.every((bytes) => bytes === undefined)).toBe(true);
  });

  it.each([
    ['others take its place in memory', (store: DiskStore) => Promise.all([1, 2, 3].map((b) => read(store, '/a', b)))],
    ['the object is removed', (store: DiskStore) => store.remove('/a')],
    [
      'other content comes under the same key',
      (store: DiskStore) => fillObject(store, descriptionOf('/a', SIZE_BYTES - 1, { etag: '"2"' })),
    ],
    [
      'everything is evicted by newer objects',
      async (store: DiskStore) => {
        for (let index = 0; index < 40; index += 1) await fillObject(store, descriptionOf(`/b${index}`, SIZE_BYTES));
        for (let index = 30; index < 40; index += 1) await read(store, `/b${index}`, 0);
      },
    ],
  ])('I3: bytes that were given out stay as they were when %s', async (_what, happens) => {
    await using rig = new StoreRig();
    const store = await rig.open({ memoryBytes: TIGHT_MEMORY_BYTES });
    await fillObject(store, descriptionOf('/a', SIZE_BYTES));
    const given = await read(store, '/a', 0);
    await happens(store);
    expectBytes(given, contentOf('/a', 0, BLOCK_BYTES));
  });

  it('I3: bytes that were given out stay as they were when the block rots on the disk and is filled again', async () => {
    await using rig = new StoreRig();
    const store = await rig.open({ memoryBytes: TIGHT_MEMORY_BYTES });
    await fillObject(store, descriptionOf('/a', SIZE_BYTES));
    const given = await read(store, '/a', 0);
    const [file = ''] = await rig.dataFiles();
    overwrite(file, 77, 0xa5);
    for (const block of [1, 2]) await read(store, '/a', block);
    expect(await read(store, '/a', 0)).toBeUndefined();
    using object = store.find('/a');
    await object?.write(0, contentOf('/a', 0, BLOCK_BYTES));
    expectBytes(await read(store, '/a', 0), contentOf('/a', 0, BLOCK_BYTES));
    expectBytes(given, contentOf('/a', 0, BLOCK_BYTES));
  });
});
