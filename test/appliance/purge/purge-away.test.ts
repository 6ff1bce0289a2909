import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PurgeBarrier } from '../../../appliance/purge/purge-barrier.ts';
import { purgeContent } from '../../../appliance/purge/purge-content.ts';
import type { PurgeRule } from '../../../appliance/purge/purge-rule.ts';
import type { DiskStore } from '../../../appliance/store/disk-object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { systemWorld, type World } from '../../../src/world/world.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { until } from '../../support/until.ts';
import { descriptionOf, fillObject, StoreRig } from '../store/store-rig.ts';

const KEYS = Array.from({ length: 12 }, (_, number) => `/${number % 2 === 0 ? 'a' : 'b'}/${number}`);

class Rig extends StoreRig {
  start(world: World = systemWorld): Promise<DiskStore> {
    const volumes = ['one', 'two'].map((name) => ({ dir: this.volumeDir(name), capacityBytes: 40 * BLOCK_BYTES }));
    return this.open({ volumes, stateDir: () => this.volumeDir('state'), world });
  }

  takeAway(): void {
    renameSync(this.volumeDir('one'), this.volumeDir('away'));
    mkdirSync(this.volumeDir('one'));
  }

  bringBack(): void {
    rmSync(this.volumeDir('one'), { recursive: true });
    renameSync(this.volumeDir('away'), this.volumeDir('one'));
  }
}

const purge = (store: DiskStore, rule: PurgeRule) =>
  purgeContent(rule, 'finish', {
    barrier: new PurgeBarrier(),
    store,
    forgetQuestions: () => 0,
    forgetOpen: () => ({ blocksOnTheirWay: 0 }),
    isPlanned: () => false,
    runningElsewhere: () => Promise.resolve(0),
  });
const keysIn = (store: DiskStore) => new Set([...store.objects()].map(({ description }) => description.key));

describe('a purge while a disk is away that nobody has looked through', () => {
  const rules: readonly (readonly [PurgeRule, (key: string) => boolean])[] = [
    [{ by: 'prefix', prefix: '/a/' }, (key) => key.startsWith('/a/')],
    [{ by: 'tag', tag: 'none' }, () => false],
    [{ by: 'title', title: 'film', keys: new Set(KEYS.slice(0, 8)) }, (key) => KEYS.indexOf(key) < 8],
  ];

  it.each(rules)('holds when the disk returns: %j', async (rule, isMeant) => {
    await using rig = new Rig();
    let store = await rig.start();
    for (const key of KEYS) await fillObject(store, descriptionOf(key, 10));
    await rig.close();
    rig.takeAway();
    store = await rig.start();
    const here = keysIn(store);
    const away = KEYS.filter((key) => !here.has(key));
    expect(away.some(isMeant) || rule.by === 'tag').toBe(true);
    expect(await purge(store, rule)).toMatchObject({ mayComeBack: 0 });
    rig.bringBack();
    await until(() => store.usage().volumes[0]?.state === 'online');
    // Of a prefix or a tag it is not known what the disk has of it: all of it goes, what is named by key goes alone.
    const comesBack = rule.by === 'title' ? away : [];
    const expected = [...here, ...comesBack].filter((key) => !isMeant(key));
    expect(keysIn(store)).toEqual(new Set(expected));
    store = await rig.start();
    expect(keysIn(store)).toEqual(new Set(expected));
  });
});

it('a purge by prefix while a disk is away whose objects are known takes those, and leaves the rest of it', async () => {
  await using rig = new Rig();
  const world = new FakeWorld();
  const store = await rig.start(world);
  for (const key of KEYS) await fillObject(store, descriptionOf(key, 10));
  const stateIs = (state: string) => () => store.usage().volumes[0]?.state === state;
  rig.takeAway();
  await world.clock.advanceUntil(stateIs('offline'));
  expect(await purge(store, { by: 'prefix', prefix: '/a/' })).toMatchObject({ objects: 6, mayComeBack: 0 });
  rig.bringBack();
  await world.clock.advanceUntil(stateIs('online'));
  expect(keysIn(store)).toEqual(new Set(KEYS.filter((key) => key.startsWith('/b/'))));
});
