import { expect, it } from 'vitest';
import type { ObjectStore } from '../../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { until } from '../../support/until.ts';
import { expectBytes } from './expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from './store-rig.ts';

const keysOf = (store: ObjectStore) => [...store.objects()].map(({ description }) => description.key).sort();
const oneVolume = (rig: StoreRig, blocks: number) => ({
  volumes: [{ dir: rig.volumeDir(), capacityBytes: blocks * BLOCK_BYTES }],
});

it('evicts the least recently used objects and stays within its capacity', async () => {
  await using rig = new StoreRig();
  const store = await rig.open(oneVolume(rig, 4));
  for (const key of ['/1', '/2', '/3', '/4']) await fillObject(store, descriptionOf(key, BLOCK_BYTES));
  store.find('/1')![Symbol.dispose]();
  await fillObject(store, descriptionOf('/5', BLOCK_BYTES));
  expect(keysOf(store)).toEqual(['/1', '/3', '/4', '/5']);
  expect(store.usage().usedBytes).toBe(4 * BLOCK_BYTES);
  expect(await rig.dataFiles()).toHaveLength(4);
});

it('remembers over a restart what was used last', async () => {
  await using rig = new StoreRig();
  let store = await rig.open(oneVolume(rig, 3));
  for (const key of ['/1', '/2', '/3']) {
    await fillObject(store, descriptionOf(key, BLOCK_BYTES));
    const millisecond = Date.now();
    await until(() => Date.now() > millisecond);
  }
  store.find('/1')![Symbol.dispose]();
  store = await rig.open(oneVolume(rig, 3));
  await fillObject(store, descriptionOf('/4', BLOCK_BYTES));
  expect(keysOf(store)).toEqual(['/1', '/3', '/4']);
});

it('spares pinned objects until nothing else is left', async () => {
  await using rig = new StoreRig();
  const store = await rig.open(oneVolume(rig, 3));
  store.pin(new Set(['/p1', '/p2']));
  for (const key of ['/p1', '/p2', '/1', '/2', '/3']) await fillObject(store, descriptionOf(key, BLOCK_BYTES));
  expect(keysOf(store)).toEqual(['/3', '/p1', '/p2']);
  await fillObject(store, descriptionOf('/large', 2 * BLOCK_BYTES));
  expect(keysOf(store)).toEqual(['/large', '/p2']);
});

it('keeps the head of a file for the plan, and what viewers fetched behind it only as long as it is worth its place', async () => {
  await using rig = new StoreRig();
  const store = await rig.open({ ...oneVolume(rig, 4), evictionPolicy: 'lru' });
  store.pin(
    new Set(['/head', '/grown']),
    new Map([
      ['/head', 1],
      ['/grown', 1],
    ]),
  );
  for (const key of ['/head', '/grown']) {
    using object = store.create(descriptionOf(key, 3 * BLOCK_BYTES));
    await object.write(0, contentOf(key, 0, BLOCK_BYTES), 'planned');
  }
  expect(store.usage().pinnedBytes).toBe(2 * BLOCK_BYTES);
  {
    using grown = store.find('/grown')!;
    await grown.write(1, contentOf('/grown', 1, BLOCK_BYTES));
  }
  expect(store.usage().pinnedBytes).toBe(BLOCK_BYTES);
  for (const key of ['/1', '/2', '/3']) await fillObject(store, descriptionOf(key, BLOCK_BYTES));
  expect(keysOf(store)).toEqual(['/1', '/2', '/3', '/head']);
  // A plan that wants all of it now pins it whole.
  store.pin(new Set(['/head']));
  {
    using head = store.find('/head')!;
    await head.write(1, contentOf('/head', 1, BLOCK_BYTES));
  }
  expect(store.usage().pinnedBytes).toBe(2 * BLOCK_BYTES);
});

it('knows after a restart how much of a file is wanted', async () => {
  await using rig = new StoreRig();
  let store = await rig.open(oneVolume(rig, 8));
  for (const [key, blocks] of Object.entries({ '/head': 1, '/grown': 2 })) {
    using object = store.create(descriptionOf(key, 3 * BLOCK_BYTES));
    for (let block = 0; block < blocks; block += 1) await object.write(block, contentOf(key, block, BLOCK_BYTES));
  }
  store = await rig.open(oneVolume(rig, 8));
  store.pin(
    new Set(['/head', '/grown']),
    new Map([
      ['/head', 1],
      ['/grown', 1],
    ]),
  );
  expect(store.usage().pinnedBytes).toBe(BLOCK_BYTES);
  store.pin(new Set(['/head', '/grown']), new Map([['/grown', 2]]));
  expect(store.usage().pinnedBytes).toBe(3 * BLOCK_BYTES);
});

it('never evicts what somebody holds: then it is full, and takes writes again when one is let go', async () => {
  await using rig = new StoreRig();
  const store = await rig.open(oneVolume(rig, 2));
  for (const key of ['/1', '/2']) await fillObject(store, descriptionOf(key, BLOCK_BYTES));
  const holders = ['/1', '/2'].map((key) => store.find(key)!);
  using object = store.create(descriptionOf('/3', BLOCK_BYTES));
  const write = () => object.write(0, contentOf('/3', 0, BLOCK_BYTES));
  await expect(write()).rejects.toMatchObject({ code: 'VOLUME_FULL' });
  expect(store.usage().volumes[0]?.writes).toBe('full');
  for (const holder of holders) {
    expectBytes(await holder.read(0), contentOf(holder.description.key, 0, BLOCK_BYTES));
  }
  holders[0]![Symbol.dispose]();
  expect(store.usage().volumes[0]?.writes).toBe('taken');
  await write();
  expect(keysOf(store)).toEqual(['/2', '/3']);
  holders[1]![Symbol.dispose]();
});

it('counts the bytes of a removed object until its last reader is done, and only then uses the room', async () => {
  await using rig = new StoreRig();
  const store = await rig.open(oneVolume(rig, 2));
  await fillObject(store, descriptionOf('/1', 2 * BLOCK_BYTES));
  const reader = store.find('/1')!;
  await store.remove('/1');
  expect(store.usage().usedBytes).toBe(2 * BLOCK_BYTES);
  using object = store.create(descriptionOf('/2', BLOCK_BYTES));
  await expect(object.write(0, contentOf('/2', 0, BLOCK_BYTES))).rejects.toMatchObject({ code: 'VOLUME_FULL' });
  expectBytes(await reader.read(1), contentOf('/1', 1, BLOCK_BYTES));
  reader[Symbol.dispose]();
  await object.write(0, contentOf('/2', 0, BLOCK_BYTES));
  expect(store.usage().usedBytes).toBe(BLOCK_BYTES);
});

it('stays within its capacity when many write at once', async () => {
  await using rig = new StoreRig();
  const store = await rig.open(oneVolume(rig, 5));
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, store.usage().usedBytes);
  }, 1);
  await Promise.allSettled(
    Array.from({ length: 40 }, (_, number) => fillObject(store, descriptionOf(`/${number}`, BLOCK_BYTES + 1))),
  );
  clearInterval(watch);
  await until(async () => (await rig.dataFiles()).length === store.usage().objectCount || store.usage().usedBytes > 0);
  expect(most).toBeLessThanOrEqual(5 * BLOCK_BYTES);
  expect(store.usage().usedBytes).toBeLessThanOrEqual(5 * BLOCK_BYTES);
  for (const { description } of store.objects()) {
    using object = store.find(description.key)!;
    if (object.holds(1)) expectBytes(await object.read(1), contentOf(description.key, 1, 1));
  }
});

it('takes an object that is larger than the volume block by block until that is full', async () => {
  await using rig = new StoreRig();
  const store = await rig.open(oneVolume(rig, 3));
  await fillObject(store, descriptionOf('/small', BLOCK_BYTES));
  using object = store.create(descriptionOf('/huge', 2000 * BLOCK_BYTES));
  for (const block of [1999, 1000, 5]) await object.write(block, contentOf('/huge', block, BLOCK_BYTES));
  await expect(object.write(7, contentOf('/huge', 7, BLOCK_BYTES))).rejects.toMatchObject({ code: 'VOLUME_FULL' });
  for (const block of [1999, 1000, 5]) expectBytes(await object.read(block), contentOf('/huge', block, BLOCK_BYTES));
  expect(keysOf(store)).toEqual(['/huge']);
});

it('lets go of the memory of an object with the object', async () => {
  await using rig = new StoreRig();
  const store = await rig.open({ ...oneVolume(rig, 4), memoryBytes: 8 * BLOCK_BYTES });
  await fillObject(store, descriptionOf('/1', 2 * BLOCK_BYTES));
  {
    using object = store.find('/1')!;
    await object.read(0);
    await object.read(1);
    expect(store.usage().memoryBytes).toBeGreaterThan(2 * BLOCK_BYTES);
    await store.remove('/1');
    expectBytes(await object.read(0), contentOf('/1', 0, BLOCK_BYTES));
  }
  expect(store.usage().memoryBytes).toBe(0);
});
