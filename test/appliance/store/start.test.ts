import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { BlockMap } from '../../../appliance/store/block-map.ts';
import { ObjectIndex } from '../../../appliance/store/object-index.ts';
import { VolumeLayout } from '../../../appliance/store/volume/volume-layout.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { descriptionOf, StoreRig } from './store-rig.ts';

/** More by environment, to measure: `OCA_STORE_OBJECTS=1000000 OCA_STORE_BLOCKS=1 vitest run ...`. */
const OBJECTS = Number(process.env['OCA_STORE_OBJECTS'] ?? 10_000);
const BLOCKS = Number(process.env['OCA_STORE_BLOCKS'] ?? 1280);

it(`starts with the rows of ${OBJECTS} objects of ${BLOCKS} blocks, and knows them all`, {
  timeout: 600_000,
}, async () => {
  await using rig = new StoreRig();
  makeVolume(new VolumeLayout(rig.volumeDir()));
  const heapBefore = memoryBytes();
  const startedMs = performance.now();
  const volumes = [{ dir: rig.volumeDir(), capacityBytes: OBJECTS * (BLOCKS + 1) * BLOCK_BYTES }];
  const store = await rig.open({ volumes, maxObjects: 2 * OBJECTS });
  const took = `${Math.round(performance.now() - startedMs)} ms`;
  console.log(`started in ${took}, ${Math.round((memoryBytes() - heapBefore) / OBJECTS)} bytes per object`);

  expect(store.usage()).toMatchObject({ objectCount: OBJECTS, usedBytes: OBJECTS * BLOCKS * BLOCK_BYTES });
  for (const number of [0, OBJECTS >> 1, OBJECTS - 1]) {
    using object = store.find(keyOf(number))!;
    expect(object).toMatchObject({ heldBlocks: BLOCKS, blockCount: BLOCKS + 1 });
    expect([object.holds(0), object.holds(BLOCKS - 1), object.holds(BLOCKS)]).toEqual([true, true, false]);
    // The files are holes, whose checksum is not that of the rows: looked at, and not believed.
    expect(await object.read(BLOCKS - 1)).toBeUndefined();
  }
});

const keyOf = (number: number): string => `/titles/some-title-of-usual-length/rendition-${number}/video.mp4`;

function makeVolume(layout: VolumeLayout): void {
  layout.prepare();
  const index = new ObjectIndex(layout.indexPath);
  index.setComplete();
  const blocks = new BlockMap(BLOCKS + 1);
  for (let block = 0; block < BLOCKS; block += 1) blocks.add(block, 0x12345678 + block);
  const folders = new Set<string>();
  for (let first = 0; first < OBJECTS; first += 1000) {
    index.transaction(() => {
      for (let number = first; number < Math.min(OBJECTS, first + 1000); number += 1) {
        const description = descriptionOf(keyOf(number), (BLOCKS + 1) * BLOCK_BYTES);
        index.putObject(number + 1, JSON.stringify(description));
        for (let page = 0, held = blocks.page(0); held !== undefined; page += 1, held = blocks.page(page)) {
          index.putPage(number + 1, page, held);
        }
        const path = layout.dataPath(description.key, number + 1);
        if (!folders.has(dirname(path))) mkdirSync(dirname(path), { recursive: true });
        folders.add(dirname(path));
        writeFileSync(path, '');
        truncateSync(path, BLOCKS * BLOCK_BYTES);
      }
    });
  }
  index.close();
}

function memoryBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
