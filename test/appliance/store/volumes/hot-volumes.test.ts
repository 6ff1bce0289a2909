import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DiskStore } from '../../../../appliance/store/disk-object-store.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { until } from '../../../support/until.ts';
import { expectBytes } from '../expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from '../store-rig.ts';

const capacityBytes = 40 * BLOCK_BYTES;
const KEYS = Array.from({ length: 16 }, (_, number) => `/${number}`);

class Rig extends StoreRig {
  start(names: readonly string[] = ['a', 'b'], metrics = new Metrics('appliance')): Promise<DiskStore> {
    const volumes = names.map((name) => ({ dir: this.volumeDir(name), capacityBytes }));
    return this.open({ volumes, stateDir: () => this.volumeDir('state'), metrics });
  }
}

const dirsOf = (store: DiskStore) => store.usage().volumes.map(({ dir }) => dir.split('/').at(-1));
const add = (store: DiskStore, dir: string) => store.volumes.add({ dir, capacityBytes, content: 'refuse' });

/** Which volume each key's file is on. */
async function placesOf(rig: Rig, store: DiskStore, keys: readonly string[] = KEYS): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  for (const key of keys) {
    await fillObject(store, descriptionOf(key, 10));
    const before = store.usage().volumes.map(({ dir, objectCount }) => ({ dir, objectCount }));
    await store.remove(key);
    const after = store.usage().volumes;
    const changed = before.filter(({ objectCount }, index) => objectCount !== after[index]?.objectCount);
    expect(changed).toHaveLength(1);
    places.set(key, changed[0]!.dir.slice(rig.dir.length + 1));
  }
  return places;
}

async function fillAll(store: DiskStore): Promise<void> {
  for (const key of KEYS) await fillObject(store, descriptionOf(key, 10));
}

async function expectAll(store: DiskStore, keys: readonly string[] = KEYS): Promise<void> {
  for (const key of keys) {
    using object = store.find(key);
    expectBytes(await object?.read(0), contentOf(key, 0, 10));
  }
}

describe('a volume that is added', () => {
  it('takes its share at once, keeps what others hold where it is, and is there after a restart', async () => {
    await using rig = new Rig();
    let store = await rig.start();
    await fillAll(store);
    expect(await add(store, rig.volumeDir('c'))).toMatchObject({ state: 'online', capacityBytes, objectCount: 0 });
    await expectAll(store);
    // So many that none of them on the third volume would be no accident.
    for (let index = 0; index < 80; index += 1) await fillObject(store, descriptionOf(`/new${index}`, 10));
    expect(store.usage().volumes[2]?.objectCount).toBeGreaterThan(2);
    const { uuid } = store.usage().volumes[2]!;
    store = await rig.start();
    expect(dirsOf(store)).toEqual(['a', 'b', 'c']);
    expect(store.usage().volumes[2]).toMatchObject({ uuid, state: 'online', capacityBytes });
    await expectAll(store);
  });

  it('twice is there once', async () => {
    await using rig = new Rig();
    const store = await rig.start();
    const [first, second] = await Promise.all([add(store, rig.volumeDir('c')), add(store, rig.volumeDir('c'))]);
    expect(second.uuid).toBe(first.uuid);
    expect((await add(store, `${rig.volumeDir('c')}/`)).uuid).toBe(first.uuid);
    expect(store.usage().volumes).toHaveLength(3);
  });

  it('and cannot be used is refused, and nothing has changed', async () => {
    await using rig = new Rig();
    let store = await rig.start();
    writeFileSync(rig.volumeDir('c'), 'not a directory');
    await expect(add(store, rig.volumeDir('c'))).rejects.toMatchObject({ code: 'VOLUME_IO' });
    await expect(add(store, 'relative')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(dirsOf(store)).toEqual(['a', 'b']);
    store = await rig.start();
    expect(dirsOf(store)).toEqual(['a', 'b']);
  });
});

describe('a volume that drains', () => {
  it('gets nothing new and is read on, also after a restart, until it is undrained', async () => {
    await using rig = new Rig();
    let store = await rig.start();
    await fillAll(store);
    const held = store.usage().volumes[0]!.objectCount;
    for (let round = 0; round < 2; round += 1) {
      expect(await store.volumes.setDraining(rig.volumeDir('a'), true)).toMatchObject({ isDraining: true });
      for (const key of KEYS) await fillObject(store, descriptionOf(`/${round}${key}`, 10));
      expect(store.usage().volumes[0]).toMatchObject({ objectCount: held, isDraining: true, state: 'online' });
      await expectAll(store);
      store = await rig.start();
    }
    await store.volumes.setDraining(store.usage().volumes[0]!.uuid, false);
    for (const key of KEYS) await fillObject(store, descriptionOf(`/more${key}`, 10));
    expect(store.usage().volumes[0]?.objectCount).toBeGreaterThan(held);
  });
});

describe('a volume that is removed', () => {
  it('is closed, forgotten also where the configuration names it, and taken back with what it holds', async () => {
    await using rig = new Rig();
    const metrics = new Metrics('appliance');
    let store = await rig.start(['a', 'b'], metrics);
    await fillAll(store);
    const { uuid, objectCount } = store.usage().volumes[0]!;
    await store.volumes.remove(uuid);
    await store.volumes.remove(uuid);
    expect(dirsOf(store)).toEqual(['b']);
    expect(store.volumes.removed()).toEqual([rig.volumeDir('a')]);
    expect(store.usage().objectCount).toBe(KEYS.length - objectCount);
    expect(await metrics.expose()).not.toContain(`volume="${rig.volumeDir('a')}"`);
    // Its lock is given back: a file system that is in use could not be unmounted.
    renameSync(rig.volumeDir('a'), rig.volumeDir('elsewhere'));
    renameSync(rig.volumeDir('elsewhere'), rig.volumeDir('a'));

    store = await rig.start();
    expect(dirsOf(store)).toEqual(['b']);
    expect(await add(store, rig.volumeDir('a'))).toMatchObject({ uuid, objectCount });
    await expectAll(store);
    store = await rig.start();
    expect(new Set(dirsOf(store))).toEqual(new Set(['a', 'b']));
  });

  it('lets who reads finish', async () => {
    await using rig = new Rig();
    const volumes = [{ dir: rig.volumeDir('a'), capacityBytes }];
    const store = await rig.open({ volumes, policy: { drainMs: 60_000 } });
    await fillObject(store, descriptionOf('/a', 2 * BLOCK_BYTES));
    const object = store.find('/a')!;
    let isRemoved = false;
    const removed = store.volumes.remove(rig.volumeDir('a')).then(() => (isRemoved = true));
    await until(() => store.usage().volumes[0]?.state === 'failing');
    expect(store.find('/a')).toBeUndefined();
    for (const block of [0, 1]) expectBytes(await object.read(block), contentOf('/a', block, BLOCK_BYTES));
    expect(isRemoved).toBe(false);
    object[Symbol.dispose]();
    await removed;
    await expect(object.read(0)).rejects.toThrow('released');
  });

  it('is not known afterwards under a name that nobody gave', async () => {
    await using rig = new Rig();
    const store = await rig.start();
    expect(store.volumes.knows('/no/such/disk')).toBe(false);
    await expect(store.volumes.remove('/no/such/disk')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining(rig.volumeDir('a')),
    });
  });
});

it('a volume that is re-initialised is empty and has another identity; the others keep what they hold', async () => {
  await using rig = new Rig();
  let store = await rig.start();
  await fillAll(store);
  const [a, b] = store.usage().volumes;
  const after = await store.volumes.reinit(rig.volumeDir('a'));
  expect(after).toMatchObject({ state: 'online', objectCount: 0, usedBytes: 0 });
  expect(after.uuid).not.toBe(a!.uuid);
  expect(store.usage().objectCount).toBe(b!.objectCount);
  await until(() => !existsSync(join(rig.volumeDir('a'), `v1.erased-${after.uuid}`)));
  store = await rig.start();
  expect(store.usage().volumes).toMatchObject([{ uuid: after.uuid, objectCount: 0 }, { uuid: b!.uuid }]);
});

it("a volume that comes or goes moves no key between the others, and neither does a disk's new folder", async () => {
  await using rig = new Rig();
  let store = await rig.start(['a', 'b', 'c']);
  const before = await placesOf(rig, store);
  await add(store, rig.volumeDir('d'));
  const withD = await placesOf(rig, store);
  for (const key of KEYS) expect([before.get(key), 'd']).toContain(withD.get(key));
  await store.volumes.remove(rig.volumeDir('b'));
  const withoutB = await placesOf(rig, store);
  for (const key of KEYS) if (withD.get(key) !== 'b') expect(withoutB.get(key)).toBe(withD.get(key));
  await rig.close();
  renameSync(rig.volumeDir('a'), rig.volumeDir('swap'));
  renameSync(rig.volumeDir('c'), rig.volumeDir('a'));
  renameSync(rig.volumeDir('swap'), rig.volumeDir('c'));
  store = await rig.start(['a', 'b', 'c']);
  const swapped = await placesOf(rig, store);
  const folder = new Map([
    ['a', 'c'],
    ['c', 'a'],
    ['d', 'd'],
  ]);
  for (const key of KEYS) expect(swapped.get(key)).toBe(folder.get(withoutB.get(key)!));
});

describe('what is removed while a volume is away', () => {
  const goAway = (rig: Rig, name: string) => {
    renameSync(rig.volumeDir(name), rig.volumeDir('away'));
    mkdirSync(rig.volumeDir(name));
  };
  const comeBack = (rig: Rig, name: string) => {
    rmSync(rig.volumeDir(name), { recursive: true });
    renameSync(rig.volumeDir('away'), rig.volumeDir(name));
  };

  it('does not come back with it, over restarts of the appliance; what was not removed does', async () => {
    await using rig = new Rig();
    let store = await rig.start();
    await fillAll(store);
    const away = store.usage().volumes[0]!.objectCount;
    await rig.close();
    goAway(rig, 'a');
    store = await rig.start();
    const gone = KEYS.filter((key) => store.find(key)?.[Symbol.dispose]() ?? true).slice(0, 3);
    const lost = KEYS.filter((key) => [...store.objects()].every(({ description }) => description.key !== key));
    expect(lost).toHaveLength(away);
    const removed = [...gone, ...lost.slice(0, 3)];
    for (const key of removed) await store.remove(key);
    // A later object of the same key is another matter.
    await fillObject(store, descriptionOf(lost[0]!, 10, { etag: '"later"' }));
    store = await rig.start();
    expect(store.usage().volumes[0]?.state).toBe('offline');
    comeBack(rig, 'a');
    await until(() => store.usage().volumes[0]?.state === 'online');
    for (const key of removed.filter((each) => each !== lost[0])) expect(store.find(key)).toBeUndefined();
    using later = store.find(lost[0]!)!;
    expect(later.description.etag).toBe('"later"');
    await expectAll(store, lost.slice(3));
    // All have seen it: nothing needs to be remembered any more, and nothing comes back.
    await until(() => readFileSync(join(rig.volumeDir('state'), 'removed.log'), 'utf8') === '');
    store = await rig.start();
    for (const key of removed.filter((each) => each !== lost[0])) expect(store.find(key)).toBeUndefined();
  });

  it('may be more than can be named: then nothing of the volume is believed', async () => {
    await using rig = new Rig();
    let store = await rig.start();
    await fillAll(store);
    const here = store.usage().volumes[1]!.objectCount;
    await rig.close();
    goAway(rig, 'a');
    store = await rig.start();
    await store.distrustAway();
    comeBack(rig, 'a');
    await until(() => store.usage().volumes[0]?.state === 'online');
    expect(store.usage().volumes.map(({ objectCount }) => objectCount)).toEqual([0, here]);
    await fillAll(store);
    store = await rig.start();
    await expectAll(store);
  });
});

it('keys of three volumes stay where they are whatever is added, drained, removed and begun anew', {
  timeout: 120_000,
}, async () => {
  const change = fc.record({
    what: fc.constantFrom('add', 'drain', 'undrain', 'remove', 'reinit', 'restart'),
    on: fc.constantFrom('x', 'y'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 3, maxLength: 6 }), async (changes) => {
      await using rig = new Rig();
      let store = await rig.start();
      await fillAll(store);
      for (const { what, on } of changes) {
        const dir = rig.volumeDir(on);
        if (what === 'restart') store = await rig.start();
        else if (what === 'add') await add(store, dir);
        else if (store.volumes.list().some((volume) => volume.dir === dir)) {
          if (what === 'remove') await store.volumes.remove(dir);
          else if (what === 'reinit') await store.volumes.reinit(dir);
          else await store.volumes.setDraining(dir, what === 'drain');
        }
        await expectAll(store);
        await fillObject(store, descriptionOf(`/${what}/${on}`, 10));
      }
    }),
    { numRuns: 2 },
  );
});
