/** Changes the volumes of a store without end, until it is killed. A line per change is out before the change begins. */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createDiskObjectStore } from '../../../../appliance/store/disk-object-store.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../../src/world/world.ts';

const [root = ''] = process.argv.slice(2);
const capacityBytes = 20 * BLOCK_BYTES;
const store = createDiskObjectStore({
  volumes: [{ dir: join(root, 'a'), capacityBytes }],
  stateDir: () => join(root, 'state'),
  memoryBytes: 0,
  world: systemWorld,
  logger: silentLogger,
  policy: { drainMs: 1 },
});
await store.start();

const dir = join(root, 'b');
for (;;) {
  const isThere = store.volumes.list().some((volume) => volume.dir === dir);
  const chance = systemWorld.random.next();
  writeSync(1, `${isThere} ${chance}\n`);
  if (!isThere) await store.volumes.add({ dir, capacityBytes, content: 'refuse' });
  else if (chance < 0.4) await store.volumes.reinit(dir);
  else if (chance < 0.7) await store.volumes.setDraining(dir, chance < 0.55);
  else await store.volumes.remove(dir);
}
