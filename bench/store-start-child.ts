/**
 * Starts a store on one volume, in a process of its own so that memory is the store's, and prints what it cost as JSON:
 * `node store-start-child.ts DIR BLOCKS OBJECTS`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createDiskObjectStore } from '../appliance/store/disk-object-store.ts';
import { silentLogger } from '../src/telemetry/logger.ts';
import { systemWorld } from '../src/world/world.ts';
import { keyOf } from './store-volumes.ts';

const LOOKUPS = 500_000;
/** Viewers ask for few objects most of the time. */
const HOT_OBJECTS = 10_000;

const [dir = '', blocks = '1', wanted = '1'] = process.argv.slice(2);
/** A store starts without a volume that takes longer than half a minute, which joins when it is ready. */
const PATIENCE_MS = 300_000;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function memoryBytes(): { heap: number; external: number } {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, external };
}

const before = memoryBytes();
const store = createDiskObjectStore({
  volumes: [{ dir, capacityBytes: 2 ** 52 }],
  memoryBytes: 0,
  world: systemWorld,
  logger: silentLogger,
  maxObjects: 4_000_000,
});
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
const cpuBefore = process.cpuUsage();
const startedMs = performance.now();
await store.start();
while (store.usage().objectCount < Number(wanted)) {
  if (performance.now() - startedMs > PATIENCE_MS)
    throw new Error(`only ${store.usage().objectCount} objects are there`);
  await new Promise((resolve) => setTimeout(resolve, 5));
}
const startMs = performance.now() - startedMs;
const cpu = process.cpuUsage(cpuBefore);
await new Promise((resolve) => setTimeout(resolve, 50));
delay.disable();
const after = memoryBytes();
const objects = store.usage().objectCount;

/** @returns microseconds per lookup: find, ask for a block, let go */
function lookUp(among: number): number {
  const keys = Array.from({ length: LOOKUPS }, (_, turn) => keyOf((turn * 7919) % among));
  let held = 0;
  const beganMs = performance.now();
  for (const key of keys) {
    using object = store.find(key);
    if (object?.holds(0) === true) held += 1;
  }
  const tookMs = performance.now() - beganMs;
  if (held !== LOOKUPS) throw new Error(`${LOOKUPS - held} lookups found nothing`);
  return (tookMs * 1000) / LOOKUPS;
}

const hot = Math.min(HOT_OBJECTS, objects);
// Once to warm up: the second time counts.
lookUp(hot);
const result = {
  objects,
  startMs: Math.round(startMs),
  startCpuMs: Math.round((cpu.user + cpu.system) / 1000),
  longestStallMs: Math.round(delay.max / 1e6),
  heapBytesPerObject: Math.round((after.heap - before.heap) / objects),
  externalBytesPerObject: Math.round((after.external - before.external) / objects),
  bytesPerBlock:
    Math.round(((after.heap + after.external - before.heap - before.external) * 10) / (objects * Number(blocks))) / 10,
  lookupHotMicros: Math.round(lookUp(hot) * 100) / 100,
  lookupAllMicros: Math.round(lookUp(objects) * 100) / 100,
};
await store.stop(30_000);
process.stdout.write(`${JSON.stringify(result)}\n`);
