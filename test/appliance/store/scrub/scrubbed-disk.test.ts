import { closeSync, openSync, readSync, truncateSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DiskObjectStoreOptions } from '../../../../appliance/store/disk-store-options.ts';
import type { ObjectStore } from '../../../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { until } from '../../../support/until.ts';
import { expectBytes } from '../expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from '../store-rig.ts';

/** A store that is scrubbed as fast as a twentieth of its disk allows, and what is lost in it. */
async function open(rig: StoreRig, options: Partial<DiskObjectStoreOptions> = {}) {
  const lost: string[] = [];
  const store = await rig.open({
    scrub: { periodMs: 100, bulkShare: () => 1 },
    onLost: ({ key }, block) => lost.push(`${key} ${block}`),
    ...options,
  });
  return { store, lost };
}

const scrubOf = (store: ObjectStore) => store.usage().volumes[0]?.scrub;

function flipByte(file: string, offset: number): void {
  const fd = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, offset);
  byte[0]! ^= 0x10;
  writeSync(fd, byte, 0, 1, offset);
  closeSync(fd);
}

describe('the scrub of a real disk', () => {
  it('reads past the memory tier and uses nothing', async () => {
    await using rig = new StoreRig();
    const metrics = new Metrics('appliance');
    const { store, lost } = await open(rig, { memoryBytes: 64 * BLOCK_BYTES, metrics });
    await fillObject(store, descriptionOf('/a', 2 * BLOCK_BYTES + 500));
    await fillObject(store, descriptionOf('/b', 10));
    await until(() => (scrubOf(store)?.passesEnded ?? 0) > 1);
    expect(scrubOf(store)).toMatchObject({ lostBlocks: 0, isSearching: false, readsDisk: true });
    expect(store.usage().memoryBytes).toBe(0);
    expect(await metrics.expose()).not.toContain('appliance_store_reads_total{');
    expect(lost).toEqual([]);
  });

  it.each([0, 3])(
    'finds a flipped byte in block %i, drops the block, and is content once it was filled',
    async (block) => {
      await using rig = new StoreRig();
      const { store, lost } = await open(rig);
      await fillObject(store, descriptionOf('/a', 4 * BLOCK_BYTES));
      const [file = ''] = await rig.dataFiles();
      flipByte(file, block * BLOCK_BYTES + 4321);
      await until(() => lost.length > 0);
      expect(lost).toEqual([`/a ${block}`]);
      using object = store.find('/a')!;
      expect([object.heldBlocks, object.holds(block)]).toEqual([3, false]);
      await object.write(block, contentOf('/a', block, BLOCK_BYTES));
      const passes = scrubOf(store)!.passesEnded;
      await until(() => scrubOf(store)!.passesEnded > passes + 1);
      expect(lost).toHaveLength(1);
      expectBytes(await object.read(block), contentOf('/a', block, BLOCK_BYTES));
    },
  );

  it('finds blocks that are cut off', async () => {
    await using rig = new StoreRig();
    const { store, lost } = await open(rig);
    await fillObject(store, descriptionOf('/short', 3 * BLOCK_BYTES));
    const [short = ''] = await rig.dataFiles();
    truncateSync(short, 2 * BLOCK_BYTES + 100);
    await until(() => lost.length > 0);
    expect(lost).toEqual(['/short 2']);
  });

  it('follows what a viewer has met, though its own pass takes a month', async () => {
    await using rig = new StoreRig();
    const { store, lost } = await open(rig, { scrub: { periodMs: 30 * 86_400_000, bulkShare: () => 1 } });
    await fillObject(store, descriptionOf('/a', 10 * BLOCK_BYTES));
    const [file = ''] = await rig.dataFiles();
    for (const block of [2, 3, 5]) flipByte(file, block * BLOCK_BYTES + 7);
    using object = store.find('/a')!;
    expect(await object.read(3)).toBeUndefined();
    await until(() => lost.length === 3);
    expect(lost.toSorted()).toEqual(['/a 2', '/a 3', '/a 5']);
  });
});
