/**
 * Writes to a store without end and says so, one line per step, until it is killed:
 * `creating KEY TAG SIZE`, `held KEY TAG BLOCK`, `removing KEY`, `removed KEY`. A line is out before the next step begins.
 */
import { writeSync } from 'node:fs';
import { createDiskObjectStore } from '../../../appliance/store/disk-object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../src/world/world.ts';
import { contentOf, descriptionOf, lengthOf } from './store-rig.ts';

const [dir = '', round = ''] = process.argv.slice(2);
const say = (...words: readonly (string | number)[]): void => void writeSync(1, `${words.join(' ')}\n`);
const chance = (below: number): number => Math.floor(systemWorld.random.next() * below);

const store = createDiskObjectStore({
  volumes: [{ dir, capacityBytes: 1024 * BLOCK_BYTES }],
  memoryBytes: 0,
  world: systemWorld,
  logger: silentLogger,
});
await store.start();

/** Several write at once, each to keys of its own, so that a kill meets some of them in every stage of a write. */
async function writeForEver(writer: number): Promise<never> {
  for (let step = 0; ; step += 1) {
    const key = `/${writer}/${chance(3)}`;
    if (chance(8) === 0) {
      say('removing', key);
      await store.remove(key);
      say('removed', key);
      continue;
    }
    const tag = `${round}-${writer}-${step}`;
    const sizeBytes = chance(4) === 0 ? chance(3000) + 1 : chance(4 * BLOCK_BYTES) + 1;
    say('creating', key, tag, sizeBytes);
    using object = store.create(descriptionOf(key, sizeBytes, { etag: `"${tag}"` }));
    await Promise.all(
      [...Array(object.blockCount).keys()].map(async (block) => {
        await object.write(block, contentOf(tag, block, lengthOf(sizeBytes, block)));
        say('held', key, tag, block);
      }),
    );
  }
}

await Promise.all([0, 1, 2, 3].map((writer) => writeForEver(writer)));
