import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { until } from '../../support/until.ts';
import { expectBytes } from './expect-bytes.ts';
import { describeObjectStore } from './object-store-contract.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from './store-rig.ts';

class OneVolume extends StoreRig {}

class TwoVolumesWithMemory extends StoreRig {
  override open() {
    const volumes = ['a', 'b'].map((name) => ({ dir: this.volumeDir(name), capacityBytes: 40 * BLOCK_BYTES }));
    return super.open({ volumes, memoryBytes: 3 * BLOCK_BYTES });
  }
}

describeObjectStore('a store on one volume without memory', () => new OneVolume());
describeObjectStore('a store on two volumes with a small memory', () => new TwoVolumesWithMemory());

describe('a store on several volumes', () => {
  it('spreads objects by capacity', async () => {
    await using rig = new StoreRig();
    const volumes = [
      { dir: rig.volumeDir('small'), capacityBytes: 100 * BLOCK_BYTES },
      { dir: rig.volumeDir('large'), capacityBytes: 300 * BLOCK_BYTES },
    ];
    const store = await rig.open({ volumes });
    for (let number = 0; number < 200; number += 1) await fillObject(store, descriptionOf(`/${number}`, 10));
    const [small, large] = store.usage().volumes.map(({ usedBytes }) => usedBytes / (2 * 4096));
    expect(small! + large!).toBe(200);
    expect(small).toBeGreaterThan(25);
    expect(small).toBeLessThan(80);
  });

  it('finds its objects when the volumes are named in another order', async () => {
    await using rig = new StoreRig();
    const volumes = ['a', 'b', 'c'].map((name) => ({ dir: rig.volumeDir(name), capacityBytes: 20 * BLOCK_BYTES }));
    let store = await rig.open({ volumes });
    for (let number = 0; number < 20; number += 1) await fillObject(store, descriptionOf(`/${number}`, 100));
    store = await rig.open({ volumes: volumes.toReversed() });
    for (let number = 0; number < 20; number += 1) {
      using object = store.find(`/${number}`)!;
      expectBytes(await object.read(0), contentOf(`/${number}`, 0, 100));
    }
  });

  it('starts without a volume that does not work, and takes it in when it works again', async () => {
    await using rig = new StoreRig();
    const volumes = ['good', 'bad'].map((name) => ({ dir: rig.volumeDir(name), capacityBytes: 20 * BLOCK_BYTES }));
    let store = await rig.open({ volumes: [volumes[1]!] });
    await fillObject(store, descriptionOf('/old', 10, { etag: '"old"' }));
    await fillObject(store, descriptionOf('/only-there', 10));
    await rig.close();
    const away = `${rig.volumeDir('bad')}-away`;
    renameSync(rig.volumeDir('bad'), away);
    writeFileSync(rig.volumeDir('bad'), 'not a directory');

    store = await rig.open({ volumes });
    expect(store.usage().volumes.map(({ state }) => state)).toEqual(['online', 'offline']);
    for (let number = 0; number < 10; number += 1) await fillObject(store, descriptionOf(`/${number}`, 10));
    await fillObject(store, descriptionOf('/old', 10, { etag: '"new"' }));
    expect(store.find('/only-there')).toBeUndefined();

    rmSync(rig.volumeDir('bad'));
    renameSync(away, rig.volumeDir('bad'));
    await until(() => store.usage().volumes.every(({ state }) => state === 'online'));
    using back = store.find('/only-there')!;
    expectBytes(await back.read(0), contentOf('/only-there', 0, 10));
    using newer = store.find('/old')!;
    expect(newer.description.etag).toBe('"new"');
  });

  it('serves through when no volume works at all that did before', async () => {
    await using rig = new StoreRig();
    const stateDir = () => rig.volumeDir('state');
    await rig.open({ stateDir });
    await rig.close();
    rmSync(rig.volumeDir(), { recursive: true });
    writeFileSync(rig.volumeDir(), 'not a directory');
    const store = await rig.open({ stateDir });
    using object = store.create(descriptionOf('/a', 10));
    await expect(object.write(0, new Uint8Array(10))).rejects.toMatchObject({ code: 'VOLUME_FULL' });
    expect(store.usage().volumes[0]?.state).toBe('offline');
  });

  it('does not start when no volume works and none ever did, and says why of each', async () => {
    await using rig = new StoreRig();
    writeFileSync(rig.volumeDir(), 'not a directory');
    const failure = { code: 'VOLUME_IO', detail: expect.stringContaining(rig.volumeDir()) };
    await expect(rig.open()).rejects.toMatchObject(failure);
  });

  it('leaves files of others in its directory alone', async () => {
    await using rig = new StoreRig();
    mkdirSync(rig.volumeDir());
    writeFileSync(`${rig.volumeDir()}/lost+found`, 'x');
    const store = await rig.open();
    await fillObject(store, descriptionOf('/a', 10));
    expect(store.usage().objectCount).toBe(1);
  });
});

describe('limits', () => {
  it('lets the least recently used object go when there are too many', async () => {
    await using rig = new StoreRig();
    const store = await rig.open({ maxObjects: 3 });
    for (const key of ['/a', '/b', '/c']) await fillObject(store, descriptionOf(key, 0));
    store.find('/a')![Symbol.dispose]();
    await fillObject(store, descriptionOf('/d', 0));
    expect([...store.objects()].map(({ description }) => description.key).sort()).toEqual(['/a', '/c', '/d']);
  });

  it('serves through what is too large to keep account of, and takes no size that is none', async () => {
    await using rig = new StoreRig();
    const store = await rig.open();
    using object = store.create(descriptionOf('/a', 2 ** 53 - 1));
    await expect(object.write(0, new Uint8Array(BLOCK_BYTES))).rejects.toMatchObject({ code: 'VOLUME_FULL' });
    expect(() => store.create(descriptionOf('/b', -1))).toThrow(RangeError);
    expect(() => store.create(descriptionOf('/b', Number.NaN))).toThrow(RangeError);
    expect(store.find('/b')).toBeUndefined();
  });

  it('serves through when all of too many objects are in use', async () => {
    await using rig = new StoreRig();
    const store = await rig.open({ maxObjects: 1 });
    using held = store.create(descriptionOf('/a', 10));
    using other = store.create(descriptionOf('/b', 10));
    await held.write(0, new Uint8Array(10));
    await expect(other.write(0, new Uint8Array(10))).rejects.toMatchObject({ code: 'VOLUME_FULL' });
  });
});
