import {
  closeSync,
  cpSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entryOffset, tailStartOf } from '../../../appliance/store/files/file-tail.ts';
import { ObjectIndex } from '../../../appliance/store/object-index.ts';
import type { ObjectStore } from '../../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { until } from '../../support/until.ts';
import { expectBytes } from './expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, lengthOf, StoreRig } from './store-rig.ts';

const sizeBytes = 2 * BLOCK_BYTES + 500;

const indexOf = (rig: StoreRig, name = 'volume'): string => join(rig.volumeDir(name), 'v1', 'index.sqlite');

function loseIndex(rig: StoreRig, name = 'volume'): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${indexOf(rig, name)}${suffix}`, { force: true });
}

/** What `kill -9` at this moment would leave: all that the kernel was given. */
function leaveAsKilled(rig: StoreRig): void {
  cpSync(rig.volumeDir(), rig.volumeDir('killed'), { recursive: true });
  rmSync(join(rig.volumeDir('killed'), 'v1', 'holder'));
}

const killed = (rig: StoreRig) => ({ volumes: [{ dir: rig.volumeDir('killed'), capacityBytes: 64 * BLOCK_BYTES }] });

function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, bytes, 0, bytes.length, offset);
  closeSync(handle);
}

async function expectWhole(store: ObjectStore, key: string, bytes: number): Promise<void> {
  using object = store.find(key)!;
  for (let block = 0; block < object.blockCount; block += 1) {
    expectBytes(await object.read(block), contentOf(key, block, lengthOf(bytes, block)));
  }
}

describe('an index that was lost', () => {
  it('is made anew from the data files: every block, checksum and description is there again', async () => {
    await using rig = new StoreRig();
    const first = await rig.open();
    const sizes = [1, 10, 4096, 65_536, 65_537, BLOCK_BYTES, sizeBytes, 3 * BLOCK_BYTES];
    for (const size of sizes) await fillObject(first, descriptionOf(`/${size}`, size));
    await fillObject(first, descriptionOf('/sparse', 300 * BLOCK_BYTES), [0, 127, 128, 299]);
    const before = first.usage();
    await rig.close();
    loseIndex(rig);
    const metrics = new Metrics('appliance');
    const store = await rig.open({ metrics });
    expect(store.usage()).toMatchObject({ usedBytes: before.usedBytes, objectCount: before.objectCount });
    for (const size of sizes) {
      await expectWhole(store, `/${size}`, size);
      using object = store.find(`/${size}`)!;
      expect(object.description).toEqual(descriptionOf(`/${size}`, size));
    }
    using sparse = store.find('/sparse')!;
    expect(sparse.heldBlocks).toBe(4);
    for (const block of [0, 127, 128, 299]) {
      expectBytes(await sparse.read(block), contentOf('/sparse', block, BLOCK_BYTES));
    }
    expect(await metrics.expose()).not.toMatch(/lost_blocks_total{[^}]*} [1-9]/);
  });

  it('comes back with the newest description, also one that outgrew its place', async () => {
    await using rig = new StoreRig();
    let store = await rig.open();
    await fillObject(store, descriptionOf('/a', sizeBytes));
    const renewed = [
      descriptionOf('/a', sizeBytes, { confirmedAtMs: 2000 }),
      descriptionOf('/a', sizeBytes, { confirmedAtMs: 3000, headers: { x: 'y'.repeat(5000) } }),
      descriptionOf('/a', sizeBytes, { confirmedAtMs: 4000 }),
    ];
    for (const description of renewed) {
      {
        using object = store.find('/a')!;
        object.describe(description);
      }
      await rig.close();
      loseIndex(rig);
      store = await rig.open();
      using object = store.find('/a')!;
      expect(object.description).toEqual(description);
      await expectWhole(store, '/a', sizeBytes);
    }
  });

  it('takes the newest of several generations of a key', async () => {
    await using rig = new StoreRig();
    const store = await rig.open();
    await fillObject(store, descriptionOf('/a', 700));
    const [older = ''] = await rig.dataFiles();
    const bytes = readFileSync(older);
    await fillObject(store, descriptionOf('/a', 800));
    await rig.close();
    writeFileSync(older, bytes);
    loseIndex(rig);
    const again = await rig.open();
    expect(again.usage().objectCount).toBe(1);
    await expectWhole(again, '/a', 800);
  });

  it('is rebuilt again when the process died while it was being rebuilt', async () => {
    await using rig = new StoreRig();
    const store = await rig.open();
    for (const key of ['/a', '/b', '/c']) await fillObject(store, descriptionOf(key, 10));
    await rig.close();
    loseIndex(rig);
    // As far as a rebuild comes that is killed before its first folder is done.
    new ObjectIndex(indexOf(rig)).close();
    const again = await rig.open();
    for (const key of ['/a', '/b', '/c']) await expectWhole(again, key, 10);
  });

  it('does not bring back what was removed, or replaced, while somebody reads it', async () => {
    await using rig = new StoreRig();
    const store = await rig.open();
    for (const key of ['/removed', '/replaced', '/stays']) await fillObject(store, descriptionOf(key, sizeBytes));
    using removed = store.find('/removed')!;
    using replaced = store.find('/replaced')!;
    await store.remove('/removed');
    store.create(descriptionOf('/replaced', 10, { etag: '"2"' }))[Symbol.dispose]();
    // The file of what was removed stays for its reader, who is not disturbed.
    await until(async () => {
      leaveAsKilled(rig);
      const index = new ObjectIndex(indexOf(rig, 'killed'));
      const { generations, descriptions } = index.objectsAfter(0, 10);
      index.close();
      return generations.length === 2 && Buffer.from(descriptions).includes(String.raw`\"2\"`);
    });
    expect(await rig.dataFiles('killed')).toHaveLength(3);
    expectBytes(await removed.read(1), contentOf('/removed', 1, BLOCK_BYTES));
    expectBytes(await replaced.read(1), contentOf('/replaced', 1, BLOCK_BYTES));
    loseIndex(rig, 'killed');
    await rig.close();
    const again = await rig.open(killed(rig));
    expect([...again.objects()].map(({ description }) => description.key)).toEqual(['/stays']);
    expect(await rig.dataFiles('killed')).toHaveLength(1);
  });

  it('lacks what the tails lack: a torn entry is one block, a torn description the one before, a torn footer the file', async () => {
    await using rig = new StoreRig();
    const store = await rig.open();
    for (const key of ['/entry', '/slot', '/footer', '/size', '/other']) {
      await fillObject(store, descriptionOf(key, sizeBytes));
    }
    {
      using object = store.find('/slot')!;
      object.describe(descriptionOf('/slot', sizeBytes, { confirmedAtMs: 2000 }));
    }
    await rig.close();
    const fileOf = new Map<string, string>();
    for (const file of await rig.dataFiles()) {
      fileOf.set(/"key":"([^"]+)"/.exec(readFileSync(file).toString('latin1', tailStartOf(sizeBytes)))![1]!, file);
    }
    const [entry, slot, footer, size, other] = ['/entry', '/slot', '/footer', '/size', '/other'].map(
      (key) => fileOf.get(key)!,
    );
    overwrite(entry!, entryOffset(sizeBytes, 1), Buffer.from([1, 2, 3]));
    const tail = readFileSync(slot!).subarray(tailStartOf(sizeBytes));
    overwrite(slot!, tailStartOf(sizeBytes) + tail.indexOf('"confirmedAtMs":2000'), Buffer.from('"confirmedAtMs":9'));
    overwrite(footer!, statSync(footer!).size - 1, Buffer.from([0xff]));
    overwrite(footer!, statSync(footer!).size - 30, Buffer.from([0xff]));
    truncateSync(size!, statSync(size!).size - 1);
    // A file under another's name is not the other's.
    writeFileSync(other!, readFileSync(entry!));
    loseIndex(rig);
    const again = await rig.open();
    expect([...again.objects()].map(({ description }) => description.key).sort()).toEqual(['/entry', '/slot']);
    using torn = again.find('/entry')!;
    expect([0, 1, 2].map((block) => torn.holds(block))).toEqual([true, false, true]);
    using renewed = again.find('/slot')!;
    expect(renewed.description.confirmedAtMs).toBe(1000);
    expect(renewed.heldBlocks).toBe(3);
  });
});

describe('a power cut', () => {
  it.each(['process', 'power'] as const)(
    'serves no wrong byte where rows outlived their bytes, and fills again (durability %s)',
    async (durability) => {
      await using rig = new StoreRig();
      const first = await rig.open({ durability });
      for (const key of ['/a', '/b', '/c']) await fillObject(first, descriptionOf(key, sizeBytes));
      await rig.close();
      // What file systems leave of bytes that were not written: zeros, other bytes, or a file that ends before.
      const [zeros = '', other = '', short = ''] = await rig.dataFiles();
      overwrite(zeros, BLOCK_BYTES / 2, Buffer.alloc(BLOCK_BYTES));
      overwrite(other, 2 * BLOCK_BYTES, Buffer.alloc(100, 'of another file'));
      truncateSync(short, BLOCK_BYTES + 4096);
      const metrics = new Metrics('appliance');
      const store = await rig.open({ metrics, durability });
      let lost = 0;
      for (const key of ['/a', '/b', '/c']) {
        using object = store.find(key)!;
        for (let block = 0; block < object.blockCount; block += 1) {
          const expected = contentOf(key, block, lengthOf(sizeBytes, block));
          const bytes = await object.read(block);
          if (bytes !== undefined) expectBytes(bytes, expected);
          else {
            lost += 1;
            expect(object.holds(block)).toBe(false);
            await object.write(block, expected);
          }
        }
      }
      expect(lost).toBe(5);
      loseIndex(rig);
      const again = await rig.open();
      for (const key of ['/a', '/b', '/c']) await expectWhole(again, key, sizeBytes);
    },
  );
});

describe('a data file of before there were tails', () => {
  it('is as good as ever, and can be rebuilt from its next block on', async () => {
    await using rig = new StoreRig();
    await fillObject(await rig.open(), descriptionOf('/a', sizeBytes), [0, 2]);
    await rig.close();
    const [file = ''] = await rig.dataFiles();
    truncateSync(file, sizeBytes);
    const store = await rig.open();
    {
      using object = store.find('/a')!;
      expectBytes(await object.read(2), contentOf('/a', 2, 500));
      await object.write(1, contentOf('/a', 1, BLOCK_BYTES));
    }
    await rig.close();
    loseIndex(rig);
    await expectWhole(await rig.open(), '/a', sizeBytes);
  });
});
