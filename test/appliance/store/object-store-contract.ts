import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { until } from '../../support/until.ts';
import { expectBytes } from './expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, lengthOf } from './store-rig.ts';

/** A store under test, empty, of at least 64 blocks. */
export interface StoreUnderTest extends AsyncDisposable {
  open(): Promise<ObjectStore>;
}

/** What every implementation of ObjectStore promises. `open` called again stops the store and starts it anew. */
export function describeObjectStore(name: string, create: () => StoreUnderTest): void {
  describe(name, () => {
    describeBlocks(create);
    describeGenerations(create);
    describeRestart(create);
    describeUse(create);
  });
}

function describeBlocks(create: () => StoreUnderTest): void {
  it('finds nothing under a key that was never created', async () => {
    await using rig = create();
    const store = await rig.open();
    expect(store.find('/a')).toBeUndefined();
    expect(await store.remove('/a')).toBe(false);
  });

  it.each([
    [0, 0],
    [1, 1],
    [BLOCK_BYTES, 1],
    [BLOCK_BYTES + 1, 2],
    [5 * BLOCK_BYTES, 5],
  ])('cuts %i bytes into %i blocks and holds none of them at first', async (sizeBytes, blockCount) => {
    await using rig = create();
    const store = await rig.open();
    using object = store.create(descriptionOf('/a', sizeBytes));
    expect(object).toMatchObject({ blockCount, heldBlocks: 0, heldBytes: 0 });
    for (let block = 0; block < blockCount; block += 1) {
      expect(object.holds(block)).toBe(false);
      expect(await object.read(block)).toBeUndefined();
    }
  });

  it('gives back what was written, block by block, the last one short', async () => {
    await using rig = create();
    const store = await rig.open();
    const sizeBytes = 2 * BLOCK_BYTES + 100;
    using object = store.create(descriptionOf('/a', sizeBytes));
    for (const block of [2, 0]) await object.write(block, contentOf('/a', block, lengthOf(sizeBytes, block)));
    expect([0, 1, 2].map((block) => object.holds(block))).toEqual([true, false, true]);
    expect(object).toMatchObject({ heldBlocks: 2, heldBytes: BLOCK_BYTES + 100 });
    expectBytes(await object.read(0), contentOf('/a', 0, BLOCK_BYTES));
    expect(await object.read(1)).toBeUndefined();
    expectBytes(await object.read(2), contentOf('/a', 2, 100));
  });

  it('keeps one copy when the same block is written several times at once', async () => {
    await using rig = create();
    const store = await rig.open();
    using object = store.create(descriptionOf('/a', BLOCK_BYTES));
    const bytes = contentOf('/a', 0, BLOCK_BYTES);
    await Promise.all([object.write(0, bytes), object.write(0, bytes), object.write(0, bytes)]);
    await object.write(0, bytes);
    expect(object).toMatchObject({ heldBlocks: 1, heldBytes: BLOCK_BYTES });
    expect(store.usage().usedBytes).toBe(BLOCK_BYTES);
  });

  it('gives many readers of one block the same right bytes', async () => {
    await using rig = create();
    const store = await rig.open();
    await fillObject(store, descriptionOf('/a', BLOCK_BYTES));
    using object = store.find('/a')!;
    const answers = await Promise.all(Array.from({ length: 20 }, () => object.read(0)));
    for (const answer of answers) expectBytes(answer, contentOf('/a', 0, BLOCK_BYTES));
  });

  it('refuses blocks that do not exist and bytes of the wrong length', async () => {
    await using rig = create();
    const store = await rig.open();
    using object = store.create(descriptionOf('/a', BLOCK_BYTES + 10));
    await expect(object.read(2)).rejects.toThrow(RangeError);
    await expect(object.read(-1)).rejects.toThrow(RangeError);
    await expect(object.write(2, new Uint8Array(10))).rejects.toThrow(RangeError);
    await expect(object.write(0.5, new Uint8Array(10))).rejects.toThrow(RangeError);
    await expect(object.write(1, new Uint8Array(11))).rejects.toThrow(RangeError);
    await expect(object.write(1, new Uint8Array(9))).rejects.toThrow(RangeError);
    expect(object.heldBlocks).toBe(0);
  });
}

function describeGenerations(create: () => StoreUnderTest): void {
  it('shows a new generation to everybody who looks, while readers of the old one keep their bytes', async () => {
    await using rig = create();
    const store = await rig.open();
    await fillObject(store, descriptionOf('/a', BLOCK_BYTES));
    using old = store.find('/a')!;
    using created = store.create(descriptionOf('/a', 10, { etag: '"2"' }));
    expect(created.description.etag).toBe('"2"');
    using found = store.find('/a')!;
    await created.write(0, Buffer.from('0123456789'));
    expect(Buffer.from((await found.read(0))!).toString()).toBe('0123456789');
    expect(old.description.etag).toBe('"1"');
    expectBytes(await old.read(0), contentOf('/a', 0, BLOCK_BYTES));
  });

  it('forgets a removed object at once, while its holders go on reading and filling', async () => {
    await using rig = create();
    const store = await rig.open();
    await fillObject(store, descriptionOf('/a', 2 * BLOCK_BYTES), [0]);
    using object = store.find('/a')!;
    expect(await store.remove('/a')).toBe(true);
    expect(await store.remove('/a')).toBe(false);
    expect(store.find('/a')).toBeUndefined();
    expect([...store.objects()]).toEqual([]);
    await object.write(1, contentOf('/a', 1, BLOCK_BYTES));
    expectBytes(await object.read(0), contentOf('/a', 0, BLOCK_BYTES));
    expectBytes(await object.read(1), contentOf('/a', 1, BLOCK_BYTES));
  });

  it('gives the room of a removed object free when the last holder lets go', async () => {
    await using rig = create();
    let store = await rig.open();
    await fillObject(store, descriptionOf('/a', BLOCK_BYTES));
    const first = store.find('/a')!;
    const second = store.find('/a')!;
    await store.remove('/a');
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expectBytes(await second.read(0), contentOf('/a', 0, BLOCK_BYTES));
    second[Symbol.dispose]();
    store = await rig.open();
    expect(store.usage()).toMatchObject({ usedBytes: 0, objectCount: 0 });
  });

  it('takes any use of an object after its release for a bug', async () => {
    await using rig = create();
    const store = await rig.open();
    const object = store.create(descriptionOf('/a', 10));
    object[Symbol.dispose]();
    await expect(object.read(0)).rejects.toThrow('released');
    await expect(object.write(0, new Uint8Array(10))).rejects.toThrow('released');
    expect(() => object.describe(descriptionOf('/a', 10))).toThrow('released');
  });

  it('finishes a read and a write that were under way at the release', async () => {
    await using rig = create();
    const store = await rig.open();
    const object = store.create(descriptionOf('/a', BLOCK_BYTES + 3));
    await object.write(0, contentOf('/a', 0, BLOCK_BYTES));
    const read = object.read(0);
    const written = object.write(1, Buffer.from('end'));
    object[Symbol.dispose]();
    expectBytes(await read, contentOf('/a', 0, BLOCK_BYTES));
    await written;
    using again = store.find('/a')!;
    expect(again.holds(1)).toBe(true);
  });
}

function describeRestart(create: () => StoreUnderTest): void {
  it('has everything again after a restart', async () => {
    await using rig = create();
    let store = await rig.open();
    const sizeBytes = 3 * BLOCK_BYTES + 7;
    const description = descriptionOf('/a?b=c', sizeBytes, { manifestRoot: 'ab'.repeat(32), sourceEtag: '"x"' });
    await fillObject(store, description, [1, 3]);
    store = await rig.open();
    using object = store.find('/a?b=c')!;
    expect(object.description).toEqual(description);
    expect(object).toMatchObject({ heldBlocks: 2, heldBytes: BLOCK_BYTES + 7 });
    expect(await object.read(0)).toBeUndefined();
    expectBytes(await object.read(1), contentOf('/a?b=c', 1, BLOCK_BYTES));
    expectBytes(await object.read(3), contentOf('/a?b=c', 3, 7));
  });

  it('keeps a renewed description, and refuses one of another key, size or entity tag', async () => {
    await using rig = create();
    let store = await rig.open();
    const renewed = descriptionOf('/a', 10, { confirmedAtMs: 5000, headers: { 'cache-control': 'max-age=5' } });
    {
      using object = store.create(descriptionOf('/a', 10));
      object.describe(renewed);
      expect(object.description).toEqual(renewed);
      expect(() => object.describe({ ...renewed, key: '/b' })).toThrow('another generation');
      expect(() => object.describe({ ...renewed, sizeBytes: 11 })).toThrow('another generation');
      expect(() => object.describe({ ...renewed, etag: '"2"' })).toThrow('another generation');
    }
    store = await rig.open();
    using object = store.find('/a')!;
    expect(object.description).toEqual(renewed);
  });

  it('does not bring back what was removed or replaced', async () => {
    await using rig = create();
    let store = await rig.open();
    await fillObject(store, descriptionOf('/removed', 10));
    await fillObject(store, descriptionOf('/replaced', 10));
    await fillObject(store, descriptionOf('/replaced', BLOCK_BYTES + 1, { etag: '"2"' }), [1]);
    await store.remove('/removed');
    store = await rig.open();
    expect(store.find('/removed')).toBeUndefined();
    using replaced = store.find('/replaced')!;
    expect(replaced.description.etag).toBe('"2"');
    expect([replaced.holds(0), replaced.holds(1)]).toEqual([false, true]);
    expect(store.usage().objectCount).toBe(1);
  });

  it.each([
    '/../../../../etc/passwd',
    '..',
    '',
    '/with space/%2e%2e/\u0000/\n',
    '/ünïcode/\u{1F3AC}/\ud800',
    `/${'long'.repeat(1000)}`,
  ])('takes %j for a key like any other', async (key) => {
    await using rig = create();
    let store = await rig.open();
    await fillObject(store, descriptionOf(key, 100));
    store = await rig.open();
    using object = store.find(key)!;
    expectBytes(await object.read(0), contentOf(key, 0, 100));
    expect(store.usage().objectCount).toBe(1);
  });
}

function describeUse(create: () => StoreUnderTest): void {
  it('lists every object with what is held of it', async () => {
    await using rig = create();
    const store = await rig.open();
    await fillObject(store, descriptionOf('/a', 2 * BLOCK_BYTES), [1]);
    await fillObject(store, descriptionOf('/b', 5));
    const listed = [...store.objects()].map(({ description, blockCount, heldBlocks, heldBytes }) => {
      return { key: description.key, blockCount, heldBlocks, heldBytes };
    });
    expect(listed).toHaveLength(2);
    expect(listed).toContainEqual({ key: '/a', blockCount: 2, heldBlocks: 1, heldBytes: BLOCK_BYTES });
    expect(listed).toContainEqual({ key: '/b', blockCount: 1, heldBlocks: 1, heldBytes: 5 });
  });

  it('counts pinned bytes of the newest set only, whenever the object came', async () => {
    await using rig = create();
    const store = await rig.open();
    await fillObject(store, descriptionOf('/a', BLOCK_BYTES));
    await fillObject(store, descriptionOf('/b', 2 * BLOCK_BYTES));
    const keys = new Set(['/a', '/c']);
    store.pin(keys);
    expect(store.usage().pinnedBytes).toBe(BLOCK_BYTES);
    await fillObject(store, descriptionOf('/c', 3 * BLOCK_BYTES));
    expect(store.usage().pinnedBytes).toBe(4 * BLOCK_BYTES);
    keys.add('/b');
    expect(store.usage().pinnedBytes).toBe(4 * BLOCK_BYTES);
    store.pin(new Set(['/b']));
    expect(store.usage().pinnedBytes).toBe(2 * BLOCK_BYTES);
    await store.remove('/b');
    expect(store.usage()).toMatchObject({ pinnedBytes: 0, objectCount: 2 });
    await until(() => store.usage().usedBytes === 4 * BLOCK_BYTES);
  });

  it('serves an object through whose key is too long to keep', async () => {
    await using rig = create();
    const store = await rig.open();
    const key = `/${'k'.repeat(100_000)}`;
    {
      using object = store.create(descriptionOf(key, 10));
      await expect(object.write(0, new Uint8Array(10))).rejects.toMatchObject({ code: 'VOLUME_FULL' });
      expect(await object.read(0)).toBeUndefined();
      using found = store.find(key)!;
      expect(found.heldBlocks).toBe(0);
    }
    expect(store.find(key)).toBeUndefined();
    expect(store.usage().objectCount).toBe(0);
  });
}
