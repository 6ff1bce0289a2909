import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { DiskStore } from '../../../../appliance/store/disk-object-store.ts';
import { readIdentity } from '../../../../appliance/store/volumes/volume-identity.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { until } from '../../../support/until.ts';
import { expectBytes } from '../expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from '../store-rig.ts';

const capacityBytes = 20 * BLOCK_BYTES;

/** A store that remembers its disks, named `a` and `b`. */
class TwoDisks extends StoreRig {
  readonly volumes = ['a', 'b'].map((name) => ({ dir: this.volumeDir(name), capacityBytes }));

  openBoth(): Promise<DiskStore> {
    return this.open({ volumes: this.volumes, stateDir: () => this.volumeDir('state') });
  }

  identityFile(name: string): string {
    return join(this.volumeDir(name), 'volume.json');
  }

  /** What an appliance with a disk of its own would have made of the folder. */
  async strange(name: string, key: string): Promise<void> {
    await using other = new StoreRig();
    await fillObject(await other.open(), descriptionOf(key, 10));
    await other.close();
    cpSync(other.volumeDir(), this.volumeDir(name), { recursive: true });
  }
}

const statesOf = (store: DiskStore) => store.usage().volumes.map(({ state }) => state);
const uuidsOf = (store: DiskStore) => store.usage().volumes.map(({ uuid }) => uuid);

describe('a volume', () => {
  it('has an identity of its own, which stays', async () => {
    await using rig = new TwoDisks();
    const first = uuidsOf(await rig.openBoth());
    expect(new Set(first).size).toBe(2);
    expect(JSON.parse(readFileSync(rig.identityFile('a'), 'utf8'))).toMatchObject({ format: 1, uuid: first[0] });
    expect(uuidsOf(await rig.openBoth())).toEqual(first);
  });

  it('of before there were identities gets one, and keeps what it holds', async () => {
    await using rig = new TwoDisks();
    await fillObject(await rig.open({ volumes: [rig.volumes[0]!] }), descriptionOf('/old', 10));
    await rig.close();
    rmSync(rig.identityFile('a'));
    const store = await rig.openBoth();
    expect(existsSync(rig.identityFile('a'))).toBe(true);
    using object = store.find('/old')!;
    expectBytes(await object.read(0), contentOf('/old', 0, 10));
  });

  it('of a newer format is left out and left alone; with no other there is no start', async () => {
    await using rig = new TwoDisks();
    await rig.openBoth();
    await rig.close();
    const newer = '{"format":2,"uuid":"whatever it calls them"}';
    writeFileSync(rig.identityFile('a'), newer);
    const store = await rig.openBoth();
    expect(statesOf(store)).toEqual(['offline', 'online']);
    expect(store.usage().volumes[0]?.reason).toContain('run a newer version');
    await rig.close();
    writeFileSync(rig.identityFile('b'), newer);
    const says = expect.stringContaining('run a newer version');
    await expect(rig.openBoth()).rejects.toMatchObject({ code: 'STATE_CORRUPT', detail: says });
    for (const name of ['a', 'b']) expect(readFileSync(rig.identityFile(name), 'utf8')).toBe(newer);
  });

  it('whose index is of a newer version is left out, too', async () => {
    await using rig = new TwoDisks();
    await rig.openBoth();
    await rig.close();
    const index = new Database(join(rig.volumeDir('a'), 'v1', 'index.sqlite'));
    index.pragma('user_version = 99');
    index.close();
    expect(statesOf(await rig.openBoth())).toEqual(['offline', 'online']);
  });

  it('whose identity has a flipped bit, whichever, is known by its copy', async () => {
    await using rig = new TwoDisks();
    const [uuid] = uuidsOf(await rig.openBoth());
    await rig.close();
    const sound = readFileSync(rig.identityFile('a'));
    const repair = { believes: (copy: string) => copy === uuid, onRepaired: () => undefined };
    for (let bit = 0; bit < 8 * sound.length; bit += 1) {
      const flipped = Buffer.from(sound);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(rig.identityFile('a'), flipped);
      expect(await readIdentity(rig.volumeDir('a'), repair)).toEqual({ uuid });
    }
  });

  it('whose identity is damaged while it is in use goes on, and is whole again at the next start', async () => {
    await using rig = new TwoDisks();
    const store = await rig.openBoth();
    await fillObject(store, descriptionOf('/a', 10));
    const sound = readFileSync(rig.identityFile('a'), 'utf8');
    writeFileSync(rig.identityFile('a'), sound.replace('uuid', 'uuie'));
    expect(statesOf(await rig.openBoth())).toEqual(['online', 'online']);
    expect(readFileSync(rig.identityFile('a'), 'utf8')).toBe(sound);
  });

  it.each(['', '{', '{"format":1}', '{"format":1,"uuid":"../../etc"}', '[]'])(
    'whose identity is %j, and has no copy, is left out until it is restored, and says what to do',
    async (text) => {
      await using rig = new TwoDisks();
      let store = await rig.openBoth();
      for (let number = 0; number < 12; number += 1) await fillObject(store, descriptionOf(`/${number}`, 10));
      await rig.close();
      const sound = readFileSync(rig.identityFile('b'));
      const copy = join(rig.volumeDir('b'), 'v1', 'volume.json');
      writeFileSync(rig.identityFile('b'), text);
      rmSync(copy);
      store = await rig.openBoth();
      expect(statesOf(store)).toEqual(['online', 'offline']);
      expect(store.usage().volumes[1]?.reason).toContain(`'oca volumes reinit ${rig.volumeDir('b')}'`);
      expect(store.usage().objectCount).toBeGreaterThan(0);
      await fillObject(store, descriptionOf('/more', 10));

      writeFileSync(rig.identityFile('b'), sound);
      await until(() => statesOf(store)[1] === 'online');
      expect(store.usage().objectCount).toBe(13);
      await until(() => existsSync(copy));
    },
  );

  it('that is damaged and the only one keeps the appliance from starting, and can be begun anew beside another', async () => {
    await using rig = new TwoDisks();
    await rig.openBoth();
    await rig.close();
    for (const name of ['a', 'b']) {
      writeFileSync(rig.identityFile(name), '');
      rmSync(join(rig.volumeDir(name), 'v1', 'volume.json'));
    }
    const says = expect.stringContaining(rig.identityFile('b'));
    await expect(rig.openBoth()).rejects.toMatchObject({ code: 'STATE_CORRUPT', detail: says });
    const volumes = [...rig.volumes, { dir: rig.volumeDir('c'), capacityBytes }];
    const store = await rig.open({ volumes, stateDir: () => rig.volumeDir('state') });
    expect(statesOf(store)).toEqual(['offline', 'offline', 'online']);
    expect(await store.volumes.reinit(rig.volumeDir('a'))).toMatchObject({ state: 'online' });
  });
});

describe('a disk that is not mounted', () => {
  it('is offline, nothing is begun on the mount point, and it is back when it is mounted', async () => {
    await using rig = new TwoDisks();
    let store = await rig.openBoth();
    for (let number = 0; number < 12; number += 1) await fillObject(store, descriptionOf(`/${number}`, 10));
    const before = uuidsOf(store);
    await rig.close();
    renameSync(rig.volumeDir('a'), rig.volumeDir('away'));
    mkdirSync(rig.volumeDir('a'));

    store = await rig.openBoth();
    expect(statesOf(store)).toEqual(['offline', 'online']);
    expect(store.usage().volumes[0]?.reason).toContain(`the disk that was here (${before[0]}) is not mounted`);
    for (let number = 0; number < 12; number += 1) await fillObject(store, descriptionOf(`/more/${number}`, 10));
    expect(readdirSync(rig.volumeDir('a'))).toEqual([]);

    rmSync(rig.volumeDir('a'), { recursive: true });
    renameSync(rig.volumeDir('away'), rig.volumeDir('a'));
    await until(() => statesOf(store).every((state) => state === 'online'));
    expect(uuidsOf(store)).toEqual(before);
    for (let number = 0; number < 12; number += 1) {
      using object = store.find(`/${number}`)!;
      expectBytes(await object.read(0), contentOf(`/${number}`, 0, 10));
    }
  });

  it('may be given up: then the folder begins anew', async () => {
    await using rig = new TwoDisks();
    const before = uuidsOf(await rig.openBoth());
    await rig.close();
    rmSync(rig.volumeDir('a'), { recursive: true });
    const store = await rig.openBoth();
    expect(statesOf(store)).toEqual(['offline', 'online']);
    expect(existsSync(rig.volumeDir('a'))).toBe(false);
    expect(await store.volumes.reinit(rig.volumeDir('a'))).toMatchObject({ state: 'online' });
    expect(uuidsOf(store)[0]).not.toBe(before[0]);
    const again = uuidsOf(store);
    expect(uuidsOf(await rig.openBoth())).toEqual(again);
  });
});

describe('disks that are not where they were', () => {
  it('are known by their identity when they have changed places', async () => {
    await using rig = new TwoDisks();
    let store = await rig.openBoth();
    for (let number = 0; number < 12; number += 1) await fillObject(store, descriptionOf(`/${number}`, 10));
    const before = uuidsOf(store);
    await rig.close();
    renameSync(rig.volumeDir('a'), rig.volumeDir('x'));
    renameSync(rig.volumeDir('b'), rig.volumeDir('a'));
    renameSync(rig.volumeDir('x'), rig.volumeDir('b'));
    for (let round = 0; round < 2; round += 1) {
      store = await rig.openBoth();
      expect(uuidsOf(store)).toEqual(before.toReversed());
      expect(store.usage().objectCount).toBe(12);
    }
  });

  it('are refused when one is a copy of the other, and the first one serves', async () => {
    await using rig = new TwoDisks();
    await rig.openBoth();
    await rig.close();
    rmSync(rig.volumeDir('b'), { recursive: true });
    cpSync(rig.volumeDir('a'), rig.volumeDir('b'), { recursive: true });
    const says = expect.stringContaining('one is a copy of the other');
    await expect(rig.openBoth()).rejects.toMatchObject({ code: 'STATE_IN_USE', detail: says });
  });

  it('are not believed when they are of another appliance', async () => {
    await using rig = new TwoDisks();
    await rig.openBoth();
    await rig.close();
    rmSync(rig.volumeDir('a'), { recursive: true });
    await rig.strange('a', '/of-another-origin');
    const store = await rig.openBoth();
    expect(statesOf(store)).toEqual(['offline', 'online']);
    expect(store.usage().volumes[0]?.reason).toContain('mount the right one');
    expect(store.find('/of-another-origin')).toBeUndefined();
  });
});

describe('a folder with the content of another appliance', () => {
  const openBeside = async (rig: TwoDisks) => {
    await rig.strange('c', '/strange');
    return { store: await rig.openBoth(), dir: rig.volumeDir('c') };
  };

  it('is not added before the operator says what shall become of it', async () => {
    await using rig = new TwoDisks();
    const { store, dir } = await openBeside(rig);
    await expect(store.volumes.add({ dir, content: 'refuse' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining('"erase" to empty it, or "keep"'),
    });
    expect(store.usage().volumes).toHaveLength(2);
    expect(store.volumes.knows(dir)).toBe(false);
  });

  it('is served when he keeps it', async () => {
    await using rig = new TwoDisks();
    const { store, dir } = await openBeside(rig);
    await store.volumes.add({ dir, capacityBytes, content: 'keep' });
    using object = store.find('/strange')!;
    expectBytes(await object.read(0), contentOf('/strange', 0, 10));
  });

  it('is empty when he erases it', async () => {
    await using rig = new TwoDisks();
    const { store, dir } = await openBeside(rig);
    expect(await store.volumes.add({ dir, capacityBytes, content: 'erase' })).toMatchObject({ objectCount: 0 });
    expect(store.find('/strange')).toBeUndefined();
    await until(() => readdirSync(dir).sort().join() === 'v1,volume.json');
  });
});
