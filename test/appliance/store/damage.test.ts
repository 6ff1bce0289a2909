import { mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { until } from '../../support/until.ts';
import { expectBytes } from './expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, lengthOf, StoreRig } from './store-rig.ts';

const sizeBytes = 2 * BLOCK_BYTES + 500;

/** A store with the object `/a`, whole, and its one data file. */
async function storeWithFile(rig: StoreRig) {
  const metrics = new Metrics('appliance');
  const store = await rig.open({ metrics });
  await fillObject(store, descriptionOf('/a', sizeBytes));
  const [file = ''] = await rig.dataFiles();
  return { store, file, metrics };
}

function flipByte(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset]! ^= 0x10;
  writeFileSync(file, bytes);
}

describe('a data file that changed on the disk', () => {
  it('is never served with a flipped byte; the block is lost, counted and filled again', async () => {
    await using rig = new StoreRig();
    const { store, file, metrics } = await storeWithFile(rig);
    flipByte(file, BLOCK_BYTES + 12_345);
    using object = store.find('/a')!;
    expect(await object.read(1)).toBeUndefined();
    expect([0, 1, 2].map((block) => object.holds(block))).toEqual([true, false, true]);
    expectBytes(await object.read(0), contentOf('/a', 0, BLOCK_BYTES));
    expect(store.usage().usedBytes).toBe(BLOCK_BYTES + 4096 + 4096);
    expect(await metrics.expose()).toContain('appliance_store_lost_blocks_total{why="rotten"} 1');
    await object.write(1, contentOf('/a', 1, BLOCK_BYTES));
    expectBytes(await object.read(1), contentOf('/a', 1, BLOCK_BYTES));
  });

  it('stays without the rotten block after a restart', async () => {
    await using rig = new StoreRig();
    const first = await storeWithFile(rig);
    flipByte(first.file, 7);
    {
      using object = first.store.find('/a')!;
      expect(await object.read(0)).toBeUndefined();
    }
    const store = await rig.open();
    using object = store.find('/a')!;
    expect([0, 1, 2].map((block) => object.holds(block))).toEqual([false, true, true]);
  });

  it.each([0, 1, BLOCK_BYTES - 1])(
    'loses blocks that it was cut short of while in use (%i bytes left)',
    async (left) => {
      await using rig = new StoreRig();
      const { store, file } = await storeWithFile(rig);
      truncateSync(file, left);
      using object = store.find('/a')!;
      for (const block of [0, 1, 2]) expect(await object.read(block)).toBeUndefined();
      expect(object.heldBlocks).toBe(0);
      for (const block of [0, 1, 2]) await object.write(block, contentOf('/a', block, lengthOf(sizeBytes, block)));
      for (const block of [0, 1, 2]) {
        expectBytes(await object.read(block), contentOf('/a', block, lengthOf(sizeBytes, block)));
      }
    },
  );

  it('loses what it lacks when it was cut short while nobody looked, as soon as somebody reads it', async () => {
    await using rig = new StoreRig();
    const { file } = await storeWithFile(rig);
    await rig.close();
    truncateSync(file, BLOCK_BYTES + 1);
    const store = await rig.open();
    using object = store.find('/a')!;
    expect(object).toMatchObject({ heldBlocks: 3 });
    expectBytes(await object.read(0), contentOf('/a', 0, BLOCK_BYTES));
    for (const block of [1, 2]) expect(await object.read(block)).toBeUndefined();
    expect(object).toMatchObject({ heldBlocks: 1, heldBytes: BLOCK_BYTES });
    expect(store.usage().usedBytes).toBe(BLOCK_BYTES);
  });

  it('takes its object along when it is gone at start', async () => {
    await using rig = new StoreRig();
    const { file } = await storeWithFile(rig);
    await rig.close();
    rmSync(file);
    let store = await rig.open();
    expect(store.find('/a')).toBeUndefined();
    expect(store.usage()).toMatchObject({ usedBytes: 0, objectCount: 0 });
    store = await rig.open();
    expect(store.find('/a')).toBeUndefined();
  });

  it('is removed at start when no row knows it', async () => {
    await using rig = new StoreRig();
    const { file } = await storeWithFile(rig);
    await rig.close();
    writeFileSync(join(dirname(file), `${'0'.repeat(64)}-zz`), 'orphan');
    writeFileSync(join(dirname(file), 'nonsense'), 'orphan');
    const store = await rig.open();
    expect(await rig.dataFiles()).toEqual([file]);
    using object = store.find('/a')!;
    expect(object.heldBlocks).toBe(3);
  });
});

describe('an index that is damaged', () => {
  it('is set aside, and made anew from the data files', async () => {
    await using rig = new StoreRig();
    await storeWithFile(rig);
    await rig.close();
    const index = join(rig.volumeDir(), 'v1', 'index.sqlite');
    writeFileSync(index, 'this is no database, however long one looks at it');
    const store = await rig.open();
    expect(readFileSync(`${index}.damaged`, 'utf8')).toContain('no database');
    {
      using object = store.find('/a')!;
      expectBytes(await object.read(2), contentOf('/a', 2, 500));
    }
    await fillObject(store, descriptionOf('/b', 10));
    const again = await rig.open();
    expect(again.usage().objectCount).toBe(2);
  });

  it('is set aside when only its pages are rotten', async () => {
    await using rig = new StoreRig();
    const first = await rig.open();
    for (let number = 0; number < 300; number += 1) await fillObject(first, descriptionOf(`/${number}`, 10));
    await rig.close();
    const index = join(rig.volumeDir(), 'v1', 'index.sqlite');
    const bytes = readFileSync(index);
    bytes.fill(0xff, 8192);
    writeFileSync(index, bytes);
    const store = await rig.open();
    expect(store.usage().objectCount).toBe(300);
    using object = store.find('/7')!;
    expectBytes(await object.read(0), contentOf('/7', 0, 10));
  });

  it('is left alone when a newer version wrote it', async () => {
    await using rig = new StoreRig();
    const { file } = await storeWithFile(rig);
    await rig.close();
    const index = join(rig.volumeDir(), 'v1', 'index.sqlite');
    const bytes = readFileSync(index);
    bytes.writeUInt32BE(99, 60);
    writeFileSync(index, bytes);
    await expect(rig.open()).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    expect(await rig.dataFiles()).toEqual([file]);
  });
});

describe('a disk that cannot read', () => {
  it('loses single blocks, is suspect, then fails, hides what it holds, and comes back when it works', async () => {
    await using rig = new StoreRig();
    const volumes = ['bad', 'good'].map((name) => ({ dir: rig.volumeDir(name), capacityBytes: 40 * BLOCK_BYTES }));
    let store = await rig.open({ volumes: [volumes[0]!] });
    for (const key of ['/1', '/2', '/3', '/4', '/5', '/6'])
      await fillObject(store, descriptionOf(key, 2 * BLOCK_BYTES));
    const files = await rig.dataFiles('bad');
    // No probe comes by itself: the test says when the disk works again.
    store = await rig.open({ volumes, probeIntervalMs: 500 });
    // Reading a directory is an error of the kernel (EISDIR) that needs no special disk.
    for (const file of files) {
      renameSync(file, `${file}.away`);
      mkdirSync(file);
    }
    const states: unknown[] = [];
    for (const key of ['/1', '/2', '/3', '/4', '/5']) {
      states.push(store.usage().volumes[0]?.state);
      using object = store.find(key)!;
      expect(await object.read(0)).toBeUndefined();
      expect(object.holds(0)).toBe(false);
    }
    expect(states).toEqual(['online', 'online', 'online', 'suspect', 'suspect']);
    expect(store.usage().volumes.map(({ state }) => state)).toEqual(['failing', 'online']);
    expect(store.find('/6')).toBeUndefined();
    await fillObject(store, descriptionOf('/new', 10));
    expect(await rig.dataFiles('good')).toHaveLength(1);

    for (const file of files) {
      rmSync(file, { recursive: true });
      renameSync(`${file}.away`, file);
    }
    await until(() => store.usage().volumes.every(({ state }) => state === 'online'));
    using object = store.find('/6')!;
    expectBytes(await object.read(1), contentOf('/6', 1, BLOCK_BYTES));
  });
});
