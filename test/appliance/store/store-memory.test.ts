import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../../appliance/kernel/libc.ts';
import { Generation } from '../../../appliance/store/generation.ts';
import { StoreMemory } from '../../../appliance/store/store-memory.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { systemWorld } from '../../../src/world/world.ts';
import { publishedOf } from '../memory/arena-rig.ts';
import { descriptionOf } from './store-rig.ts';

const load = loadLibc();

function memoryOf(memoryBytes: number): StoreMemory {
  if (load.kind === 'missing') throw new Error(load.because);
  const readers = { libc: load.libc, count: 1 };
  return new StoreMemory({
    memoryBytes,
    readers,
    metrics: new Metrics('appliance'),
    logger: silentLogger,
    world: systemWorld,
  });
}

const generationOf = (id: number): Generation => new Generation(id, 0, descriptionOf(`/${id}`, BLOCK_BYTES), 0);

// Without Linux and koffi there is no memory to share: nothing here can be true or false.
describe.skipIf(load.kind === 'missing')('the memory of a store', () => {
  it('remembers nothing of generations that have left shared memory, unless somebody holds them', async () => {
    const memory = memoryOf(20 * BLOCK_BYTES);
    const generations = Array.from({ length: 40 }, (_, id) => generationOf(id));
    const [held, shown] = generations;
    if (held === undefined || shown === undefined) throw new Error('none');
    held.holders = 1;
    memory.show(shown, publishedOf('/1'));
    const bytes = Buffer.alloc(BLOCK_BYTES, 1);
    for (const generation of generations) expect(await memory.putIn(generation, 0, bytes)).toBe('here');
    expect(memory.has(held, 0)).toBe(false);
    expect(generations.slice(0, 10).map(({ shared }) => shared !== undefined)).toEqual([
      true,
      true,
      ...Array.from({ length: 8 }, () => false),
    ]);
    // When it was let go and hidden, the next that comes in sees to it.
    held.holders = 0;
    memory.hide(shown);
    await memory.putIn(generationOf(41), 0, bytes);
    expect([held.shared, shown.shared]).toEqual([undefined, undefined]);
    expect(memory.usedBytes).toBeLessThan(20 * BLOCK_BYTES);
    memory.close();
  });

  it('is not shared where it is too small for that, and keeps copies', async () => {
    const memory = memoryOf(BLOCK_BYTES);
    expect(memory.arena).toBeUndefined();
    const generation = generationOf(1);
    await memory.read(generation, 0, () => Promise.resolve(Buffer.alloc(9)));
    expect(memory.has(generation, 0)).toBe(true);
  });
});
