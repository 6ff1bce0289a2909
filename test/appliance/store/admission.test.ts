import { expect, it, vi } from 'vitest';
import { scrambled } from '../../../appliance/store/eviction/structures/hash-of-key.ts';
import type { ObjectStore } from '../../../appliance/store/object-store.ts';
import { VolumeSpace } from '../../../appliance/store/volume/volume-space.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { expectBytes } from './expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from './store-rig.ts';

const PAGE_BYTES = 4096;
const oneVolume = (rig: StoreRig, pages: number) => ({
  volumes: [{ dir: rig.volumeDir(), capacityBytes: pages * PAGE_BYTES }],
});

/** What a viewer does: takes what is held, or has it filled. */
async function ask(store: ObjectStore, key: string): Promise<'hit' | 'kept' | 'not-admitted'> {
  using object = store.find(key) ?? store.create(descriptionOf(key, PAGE_BYTES));
  const bytes = await object.read(0);
  if (bytes === undefined) return await object.write(0, contentOf(key, 0, PAGE_BYTES));
  expectBytes(bytes, contentOf(key, 0, PAGE_BYTES));
  return 'hit';
}

/** A twentieth of the requests are for a few keys; the others are for keys that nobody asks for again. */
const keyOf = (request: number): string =>
  scrambled(request) % 20 === 0 ? `/hot/${scrambled(request * 3) % 20}` : `/once/${request}`;

it('stores on the second request once the guard has seen that the first ones are not worth the writes', async () => {
  await using rig = new StoreRig();
  const store = await rig.open(oneVolume(rig, 40));
  let firstRefused = 0;
  while (firstRefused < 6000 && (await ask(store, keyOf(firstRefused))) !== 'not-admitted') firstRefused += 1;
  expect(firstRefused).toBeLessThan(6000);
  expect(firstRefused).toBeGreaterThan(40);
  expect(await ask(store, '/new')).toBe('not-admitted');
  expect(await ask(store, '/new')).toBe('kept');
  expect(await ask(store, '/new')).toBe('hit');
  // The plan need not ask twice.
  store.pin(new Set(['/planned']));
  await fillObject(store, descriptionOf('/planned', PAGE_BYTES));
  expect(await ask(store, '/planned')).toBe('hit');
});

it('keeps small objects that are asked for again and again through many that come once', async () => {
  await using rig = new StoreRig();
  const store = await rig.open(oneVolume(rig, 40));
  let hits = 0;
  let hotRequests = 0;
  for (let request = 0; request < 4000; request += 1) {
    const key = keyOf(request);
    const outcome = await ask(store, key);
    if (request < 3000 || !key.startsWith('/hot/')) continue;
    hotRequests += 1;
    if (outcome === 'hit') hits += 1;
  }
  // The least recently used order has each of them gone after forty others: it hits one in ten.
  expect(hits / hotRequests).toBeGreaterThan(0.8);
});

it('counts each viewer of a segment that is one block, and ranges within a block of a film once', async () => {
  await using rig = new StoreRig();
  const store = await rig.open();
  await fillObject(store, descriptionOf('/segment', PAGE_BYTES));
  await fillObject(store, descriptionOf('/film', 2 * BLOCK_BYTES));
  const served = vi.spyOn(VolumeSpace.prototype, 'served');
  try {
    for (let viewer = 0; viewer < 3; viewer += 1) {
      using segment = store.find('/segment')!;
      await segment.read(0);
      await segment.read(0);
    }
    expect(served).toHaveBeenCalledTimes(3);
    for (let range = 0; range < 3; range += 1) {
      using film = store.find('/film')!;
      await film.read(0);
    }
    expect(served).toHaveBeenCalledTimes(4);
  } finally {
    served.mockRestore();
  }
});
