import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { until } from '../../support/until.ts';
import { expectBytes } from './expect-bytes.ts';
import { SmallDisk, whyNoSmallDisk } from './small-disk.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from './store-rig.ts';

const noTmpfs = whyNoSmallDisk('inMemory');
const noExt4 = whyNoSmallDisk('ext4');
const MISCONFIGURED_BYTES = 1000 * BLOCK_BYTES;

/** What a volume is, and of one that is read, why it takes no writes. */
function stateOf(store: ObjectStore): string | undefined {
  const [volume] = store.usage().volumes;
  return volume?.writes === 'full' || volume?.writes === 'read-only' ? volume.writes : volume?.state;
}

// Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
describe.skipIf(noTmpfs !== undefined)('a disk that is smaller than its capacity setting', () => {
  it('goes on as a cache: old objects make room for new ones, and all that is held is right', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.inMemory(8);
    const store = await rig.open({ volumes: [{ dir: disk.dir, capacityBytes: MISCONFIGURED_BYTES }] });
    for (let number = 0; number < 40; number += 1) {
      await fillObject(store, descriptionOf(`/${number}`, BLOCK_BYTES));
      using object = store.find(`/${number}`)!;
      expectBytes(await object.read(0), contentOf(`/${number}`, 0, BLOCK_BYTES));
    }
    expect(stateOf(store)).toBe('online');
    let held = 0;
    for (const { description } of store.objects()) {
      using object = store.find(description.key)!;
      if (!object.holds(0)) continue;
      expectBytes(await object.read(0), contentOf(description.key, 0, BLOCK_BYTES));
      held += 1;
    }
    expect(held).toBeGreaterThan(2);
    await rig.close();
  });

  it('is full when everything on it is in use, reads on, and takes writes again when there is room', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.inMemory(8);
    const store = await rig.open({ volumes: [{ dir: disk.dir, capacityBytes: MISCONFIGURED_BYTES }] });
    const object = store.create(descriptionOf('/a', 20 * BLOCK_BYTES));
    let written = 0;
    const write = () => object.write(written, contentOf('/a', written, BLOCK_BYTES));
    await expect(
      (async () => {
        for (; ; written += 1) await write();
      })(),
    ).rejects.toMatchObject({ code: 'VOLUME_FULL' });
    expect(written).toBeGreaterThan(3);
    expect(stateOf(store)).toBe('full');
    await expect(write()).rejects.toMatchObject({ code: 'VOLUME_FULL' });
    for (let block = 0; block < written; block += 1) {
      expectBytes(await object.read(block), contentOf('/a', block, BLOCK_BYTES));
    }
    expect(object.holds(written)).toBe(false);

    await store.remove('/a');
    object[Symbol.dispose]();
    await until(() => stateOf(store) === 'online');
    await fillObject(store, descriptionOf('/b', BLOCK_BYTES));
    await rig.close();
  });

  it('gives way before the disk is full when others fill it, keeps the reserve free, and never writes for that', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.inMemory(64);
    const world = new FakeWorld();
    const policy = { reserveBytes: 2 * BLOCK_BYTES };
    const store = await rig.open({ volumes: [{ dir: disk.dir, capacityBytes: 40 * BLOCK_BYTES }], world, policy });
    for (let number = 0; number < 36; number += 1) await fillObject(store, descriptionOf(`/${number}`, BLOCK_BYTES));
    expect(store.usage().objectCount).toBe(36);
    writeFileSync(join(disk.dir, 'foreign'), Buffer.alloc(27 * BLOCK_BYTES));
    await world.clock.advanceUntil(() => statfsSync(disk.dir).bavail * statfsSync(disk.dir).bsize >= 2 * BLOCK_BYTES);
    expect(store.usage().objectCount).toBeGreaterThan(30);
    expect(stateOf(store)).toBe('online');
    await rig.close();
  });

  it('stays as it is while somebody else fills the disk, and forgets a purged object for good even then', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.inMemory(12);
    const volumes = [{ dir: disk.dir, capacityBytes: MISCONFIGURED_BYTES }];
    let store = await rig.open({ volumes });
    for (const key of ['/1', '/2', '/3']) await fillObject(store, descriptionOf(key, BLOCK_BYTES));
    const holders = ['/1', '/2', '/3'].map((key) => store.find(key)!);
    fillDisk(join(disk.dir, 'foreign'));
    using object = store.create(descriptionOf('/4', BLOCK_BYTES));
    await expect(object.write(0, contentOf('/4', 0, BLOCK_BYTES))).rejects.toMatchObject({ code: 'VOLUME_FULL' });
    for (const holder of holders) holder[Symbol.dispose]();
    // Refused unseen: the objects that serve must not be thrown away for a disk that others fill.
    await expect(object.write(0, contentOf('/4', 0, BLOCK_BYTES))).rejects.toMatchObject({ code: 'VOLUME_FULL' });
    expect(store.usage().objectCount).toBe(4);
    expect(await store.remove('/2')).toBe(true);

    rmSync(join(disk.dir, 'foreign'));
    await until(() => stateOf(store) === 'online');
    await object.write(0, contentOf('/4', 0, BLOCK_BYTES));
    store = await rig.open({ volumes });
    expect([...store.objects()].map(({ description }) => description.key).sort()).toEqual(['/1', '/3', '/4']);
    await rig.close();
  });
});

// Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
describe.skipIf(noExt4 !== undefined)('a disk that fails and is made read-only by the kernel', () => {
  it('serves what it holds, refuses writes, and says when a removal is not for good', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.ext4();
    const volumes = [{ dir: disk.dir, capacityBytes: 8 * BLOCK_BYTES }];
    let store = await rig.open({ volumes });
    await fillObject(store, descriptionOf('/a', BLOCK_BYTES));
    await fillObject(store, descriptionOf('/b', BLOCK_BYTES));
    disk.fail();
    {
      using created = store.create(descriptionOf('/c', BLOCK_BYTES));
      await expect(created.write(0, contentOf('/c', 0, BLOCK_BYTES))).rejects.toMatchObject({ code: 'VOLUME_IO' });
      expect(stateOf(store)).toBe('read-only');
      using object = store.find('/a')!;
      expectBytes(await object.read(0), contentOf('/a', 0, BLOCK_BYTES));
    }
    await expect(store.remove('/b')).rejects.toMatchObject({ code: 'VOLUME_IO' });
    expect(store.find('/b')).toBeUndefined();

    await rig.close();
    disk.repair();
    store = await rig.open({ volumes });
    expect(stateOf(store)).toBe('online');
    await fillObject(store, descriptionOf('/d', BLOCK_BYTES));
    for (const { description } of store.objects()) {
      using object = store.find(description.key)!;
      const bytes = await object.read(0);
      if (bytes !== undefined) expectBytes(bytes, contentOf(description.key, 0, BLOCK_BYTES));
    }
    await rig.close();
  });
});

// Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
describe.skipIf(noExt4 !== undefined)('a disk that hangs', () => {
  it('holds up only its own writes, is left, and comes back when it goes on', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.ext4();
    const world = new FakeWorld();
    const volumes = [{ dir: disk.dir, capacityBytes: 8 * BLOCK_BYTES }];
    let store = await rig.open({ volumes, world });
    await fillObject(store, descriptionOf('/a', BLOCK_BYTES));
    await fillObject(store, descriptionOf('/b', BLOCK_BYTES));
    const objects = ['/1', '/2', '/3'].map((key) => store.create(descriptionOf(key, BLOCK_BYTES)));
    disk.freeze();
    const outcomes = objects.map((object) =>
      object.write(0, contentOf(object.description.key, 0, BLOCK_BYTES)).then(
        () => 'written',
        (error: { code: string }) => error.code,
      ),
    );
    // The loop goes on meanwhile, and so do reads that the disk need not be asked for.
    using other = store.find('/a')!;
    expectBytes(await other.read(0), contentOf('/a', 0, BLOCK_BYTES));
    await world.clock.advance(30_000);
    expect(await Promise.all(outcomes)).toEqual(['VOLUME_IO', 'VOLUME_IO', 'VOLUME_IO']);
    expect(stateOf(store)).toBe('offline');
    expect(store.find('/a')).toBeUndefined();
    // A purge does not wait for a disk that hangs, and says that it is not for good.
    await expect(store.remove('/b')).rejects.toMatchObject({ code: 'VOLUME_IO' });

    disk.thaw();
    await world.clock.advanceUntil(() => stateOf(store) === 'online');
    // What was held of the disk before it was left is of the past; what it holds is found anew.
    for (const key of ['/1', '/2', '/3']) {
      using object = store.find(key) ?? store.create(descriptionOf(key, BLOCK_BYTES));
      await object.write(0, contentOf(key, 0, BLOCK_BYTES));
    }
    for (const object of objects) object[Symbol.dispose]();
    await rig.close();
    store = await rig.open({ volumes });
    const keys = [...store.objects()].map(({ description }) => description.key);
    expect(keys.sort()).toEqual(['/1', '/2', '/3', '/a']);
    await rig.close();
  });

  it('makes only who purges wait, seconds at most, and forgets for good once it goes on', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.ext4();
    const world = new FakeWorld();
    const volumes = [{ dir: disk.dir, capacityBytes: 8 * BLOCK_BYTES }];
    const store = await rig.open({ volumes, world });
    await fillObject(store, descriptionOf('/a', BLOCK_BYTES));
    disk.freeze();
    const removed = store.remove('/a').catch((error: unknown) => error);
    expect(store.find('/a')).toBeUndefined();
    await world.clock.advance(5000);
    expect(await removed).toMatchObject({ code: 'VOLUME_IO' });
    disk.thaw();
    const again = await rig.open({ volumes });
    expect(again.usage().objectCount).toBe(0);
    await rig.close();
  });
});

// Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
describe.skipIf(noTmpfs !== undefined)('a read-only disk', () => {
  it('does not keep an appliance from starting', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.inMemory(16);
    const volumes = [{ dir: disk.dir, capacityBytes: 8 * BLOCK_BYTES }];
    await fillObject(await rig.open({ volumes }), descriptionOf('/a', BLOCK_BYTES));
    await rig.close();
    disk.setReadOnly(true);
    const store = await rig.open({ volumes });
    expect(stateOf(store)).toBe('offline');
    disk.setReadOnly(false);
    await until(() => stateOf(store) === 'online');
    using object = store.find('/a')!;
    expectBytes(await object.read(0), contentOf('/a', 0, BLOCK_BYTES));
    await rig.close();
  });
});

function fillDisk(path: string): void {
  for (let bytes = BLOCK_BYTES; bytes >= 4096; bytes /= 2) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // Full at this size: try a smaller one.
    }
  }
  expect(readFileSync(path).length).toBeGreaterThan(BLOCK_BYTES);
}
