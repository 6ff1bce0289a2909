import { copyFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DiskStore } from '../../../appliance/store/disk-object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { until } from '../../support/until.ts';
import { expectBytes } from './expect-bytes.ts';
import { HangingDisk, whyNoHangingDisk } from './hanging-disk.ts';
import { SmallDisk, whyNoSmallDisk } from './small-disk.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from './store-rig.ts';

const noExt4 = whyNoSmallDisk('ext4');
const noFuse = whyNoHangingDisk();
const KEYS = Array.from({ length: 32 }, (_, number) => `/${number}`);

/** A store with the disk and a folder that always works, and which keys are on which. */
async function openBeside(rig: StoreRig, dir: string, more: object = {}) {
  const capacityBytes = 40 * BLOCK_BYTES;
  const store = await rig.open({
    volumes: [dir, rig.volumeDir('sound')].map((each) => ({ dir: each, capacityBytes })),
    stateDir: () => rig.volumeDir('state'),
    ...more,
  });
  const onDisk: string[] = [];
  for (const key of KEYS) {
    const before = store.usage().volumes[0]?.objectCount;
    await fillObject(store, descriptionOf(key, BLOCK_BYTES));
    if (store.usage().volumes[0]?.objectCount !== before) onDisk.push(key);
  }
  const elsewhere = KEYS.filter((key) => !onDisk.includes(key));
  expect(Math.min(onDisk.length, elsewhere.length)).toBeGreaterThan(5);
  return { store, onDisk, elsewhere };
}

/** As who serves viewers does: what cannot be read is filled again. @returns whether it had to be */
async function serve(store: DiskStore, key: string): Promise<boolean> {
  using held = store.find(key);
  const bytes = await held?.read(0).catch(() => undefined);
  if (bytes !== undefined) {
    expectBytes(bytes, contentOf(key, 0, BLOCK_BYTES));
    return false;
  }
  using object = store.find(key) ?? store.create(descriptionOf(key, BLOCK_BYTES));
  await object.write(0, contentOf(key, 0, BLOCK_BYTES)).catch(() => undefined);
  return true;
}

/** Whether everything is read from a disk that works. */
async function servesAll(store: DiskStore): Promise<boolean> {
  let filled = 0;
  for (const key of KEYS) filled += Number(await serve(store, key));
  return filled === 0;
}

const stateOf = (store: DiskStore) => store.usage().volumes[0]?.state;

// Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
describe.skipIf(noExt4 !== undefined)('a disk that answers with EIO', () => {
  it('is left after some errors, its objects are filled elsewhere, and it is taken back when it works', async () => {
    await using rig = new StoreRig();
    using disk = SmallDisk.ext4(64);
    const { store, onDisk, elsewhere } = await openBeside(rig, disk.dir);
    disk.sync();
    copyFileSync(disk.image, `${rig.dir}/image`);
    disk.forgetCaches();
    disk.lose(1);
    await until(async () => {
      for (const key of elsewhere) expect(await serve(store, key)).toBe(false);
      // All at once: who asks for one after the other leaves a disk that is suspect before it has failed often enough.
      await Promise.all(onDisk.map((key) => serve(store, key)));
      return stateOf(store) === 'offline';
    });
    expect(store.usage().volumes[0]?.reason).toBeTruthy();
    await until(() => servesAll(store));

    await until(() => disk.repairs(`${rig.dir}/image`));
    await until(() => stateOf(store) === 'online').catch((e) => {
      console.log(store.usage().volumes[0]);
      throw e;
    });
    for (const key of KEYS) expect(await serve(store, key)).toBe(false);
    expect(store.usage().objectCount).toBe(KEYS.length);
    await rig.close();
  });
});

// It takes FUSE; whyNoHangingDisk says so on the terminal.
describe.skipIf(noFuse !== undefined)('a disk that stops answering', () => {
  it('holds up nothing on the others, is left, and is taken back with what it holds', async () => {
    await using disk = await HangingDisk.mount();
    await using rig = new StoreRig();
    const policy = { drainMs: 50, slowMs: 3000, hangMs: 3000 };
    const { store, onDisk, elsewhere } = await openBeside(rig, disk.dir, { policy });
    const held = store.find(onDisk[0]!)!;
    disk.hang();
    let isCutOff = false;
    const cutOff = held.read(0).then(
      (bytes) => expect(bytes).toBeUndefined(),
      (error: { code: string }) => expect(error.code).toBe('VOLUME_IO'),
    );
    void cutOff.finally(() => (isCutOff = true));
    await until(async () => {
      for (const key of elsewhere) expect(await serve(store, key)).toBe(false);
      return stateOf(store) === 'offline' && isCutOff;
    });
    held[Symbol.dispose]();
    await until(() => servesAll(store));
    expect(stateOf(store)).toBe('offline');

    disk.goOn();
    await until(() => stateOf(store) === 'online');
    for (const key of KEYS) expect(await serve(store, key)).toBe(false);
    await rig.close();
  });
});
