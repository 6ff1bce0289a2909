import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DiskObjectStoreOptions } from '../../../../appliance/store/disk-object-store.ts';
import type { ObjectStore } from '../../../../appliance/store/object-store.ts';
import type { ScrubProgress } from '../../../../appliance/store/scrub/volume-scrub.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { expectBytes } from '../expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from '../store-rig.ts';

/** In fake time, which runs about a hundred times as fast as the disk does. */
const PERIOD_MS = 60_000;
const LIMIT = { limitMs: 20 * PERIOD_MS };

let world: FakeWorld;
let share: number;
let lost: string[];

beforeEach(() => {
  world = new FakeWorld();
  share = 1;
  lost = [];
});

const open = (rig: StoreRig, options: Partial<DiskObjectStoreOptions> = {}): Promise<ObjectStore> =>
  rig.open({
    world,
    scrub: { periodMs: PERIOD_MS, bulkShare: () => share },
    onLost: ({ key }, block) => lost.push(`${key} ${block}`),
    ...options,
  });

const scrubOf = (store: ObjectStore, volume = 0): ScrubProgress => store.usage().volumes[volume]!.scrub!;

function flipByte(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset]! ^= 0x10;
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, offset, 1, offset);
  closeSync(fd);
}

describe('the scrub of a volume', () => {
  it('checks every block once within its period, past the memory tier, and uses nothing', async () => {
    await using rig = new StoreRig();
    const metrics = new Metrics('appliance');
    const store = await open(rig, { memoryBytes: 64 * BLOCK_BYTES, metrics });
    await fillObject(store, descriptionOf('/a', 9 * BLOCK_BYTES + 500));
    for (const key of ['/b', '/c', '/d']) await fillObject(store, descriptionOf(key, 2 * BLOCK_BYTES - 1));
    await world.clock.advanceUntil(() => scrubOf(store).passesEnded === 1, { limitMs: PERIOD_MS });
    expect(scrubOf(store)).toMatchObject({
      checkedBytes: 9 * BLOCK_BYTES + 500 + 3 * (2 * BLOCK_BYTES - 1),
      lostBlocks: 0,
      isSearching: false,
      readsDisk: true,
    });
    expect(store.usage().memoryBytes).toBe(0);
    expect(await metrics.expose()).toContain(`appliance_store_scrubbed_bytes_total ${scrubOf(store).checkedBytes}`);
    expect(await metrics.expose()).not.toContain('appliance_store_reads_total{');
    expect(lost).toEqual([]);
  });

  it.each([
    ['first', 0],
    ['later', 6],
  ])('finds a flipped byte in the %s block, drops the block and tells', async (_name, block) => {
    await using rig = new StoreRig();
    const store = await open(rig);
    await fillObject(store, descriptionOf('/a', 8 * BLOCK_BYTES));
    const [file = ''] = await rig.dataFiles();
    flipByte(file, block * BLOCK_BYTES + 4321);
    await world.clock.advanceUntil(() => scrubOf(store).lostBlocks === 1, LIMIT);
    expect(lost).toEqual([`/a ${block}`]);
    using object = store.find('/a')!;
    expect([object.heldBlocks, object.holds(block)]).toEqual([7, false]);
    // Filled again, it is good for the next pass.
    await object.write(block, contentOf('/a', block, BLOCK_BYTES));
    const passes = scrubOf(store).passesEnded;
    await world.clock.advanceUntil(() => scrubOf(store).passesEnded >= passes + 2, LIMIT);
    expect(scrubOf(store).lostBlocks).toBe(1);
    expectBytes(await object.read(block), contentOf('/a', block, BLOCK_BYTES));
  });

  it('finds the whole of a burst long before the pass is over, and hurries the sister volume', async () => {
    await using rig = new StoreRig();
    const volumes = ['one', 'two'].map((name) => ({ dir: rig.volumeDir(name), capacityBytes: 200 * BLOCK_BYTES }));
    const store = await open(rig, { volumes, scrub: { periodMs: 3_600_000, bulkShare: () => share } });
    for (const key of ['/a', '/b', '/c', '/d']) await fillObject(store, descriptionOf(key, 12 * BLOCK_BYTES));
    const [file = ''] = [...(await rig.dataFiles('one')), ...(await rig.dataFiles('two'))];
    const volume = file.includes('/one/') ? 0 : 1;
    const slow = scrubOf(store, 1 - volume).bytesPerSec;
    for (let block = 2; block < 9; block += 1) flipByte(file, block * BLOCK_BYTES + 9);
    await world.clock.advanceUntil(() => lost.length >= 1, { stepMs: 5000, limitMs: 3_600_000 });
    await world.clock.advanceUntil(() => lost.length === 7, { limitMs: 30_000 });
    expect(scrubOf(store, volume).isSearching || scrubOf(store, volume).passShare > 0).toBe(true);
    expect(scrubOf(store, 1 - volume).bytesPerSec).toBeGreaterThan(10 * slow);
  });

  it('finds blocks that are cut off, and those that the disk does not read', async () => {
    await using rig = new StoreRig();
    const store = await open(rig);
    await fillObject(store, descriptionOf('/short', 3 * BLOCK_BYTES));
    const [short = ''] = await rig.dataFiles();
    truncateSync(short, 2 * BLOCK_BYTES + 100);
    await world.clock.advanceUntil(() => lost.length === 1, LIMIT);
    expect(lost).toEqual(['/short 2']);
    await fillObject(store, descriptionOf('/bad', 10));
    const bad = (await rig.dataFiles()).find((file) => file !== short) ?? '';
    renameSync(bad, `${bad}.away`);
    mkdirSync(bad);
    await world.clock.advanceUntil(() => lost.includes('/bad 0'), LIMIT);
    rmSync(bad, { recursive: true });
  });

  it('stands still while viewers leave nothing over', async () => {
    await using rig = new StoreRig();
    share = 0;
    const store = await open(rig);
    await fillObject(store, descriptionOf('/a', 4 * BLOCK_BYTES));
    await world.clock.advance(10 * PERIOD_MS);
    expect(scrubOf(store)).toMatchObject({ checkedBytes: 0, bytesPerSec: 0 });
    share = 0.5;
    await world.clock.advanceUntil(() => scrubOf(store).checkedBytes === 4 * BLOCK_BYTES, LIMIT);
  });

  it('goes on after a restart where it stood, and keeps the measured speed', async () => {
    await using rig = new StoreRig();
    let store = await open(rig);
    await fillObject(store, descriptionOf('/a', 40 * BLOCK_BYTES));
    await world.clock.advanceUntil(() => scrubOf(store).checkedBytes >= 20 * BLOCK_BYTES, LIMIT);
    const before = scrubOf(store);
    expect(before.sequentialBytesPerSec).toBeGreaterThan(0);
    store = await open(rig);
    await world.clock.advanceUntil(() => scrubOf(store).passesEnded === 1, LIMIT);
    expect(before.checkedBytes + scrubOf(store).checkedBytes).toBe(40 * BLOCK_BYTES);
    expect(scrubOf(store).sequentialBytesPerSec).toBe(before.sequentialBytesPerSec);
  });

  it('begins anew when what it wrote down makes no sense', async () => {
    await using rig = new StoreRig();
    let store = await open(rig);
    await fillObject(store, descriptionOf('/a', 3 * BLOCK_BYTES));
    await rig.close();
    writeFileSync(join(rig.volumeDir(), 'v1', 'scrub.json'), '{"version":1,"round":-7');
    store = await open(rig);
    await world.clock.advanceUntil(() => scrubOf(store).passesEnded === 1, LIMIT);
    expect(scrubOf(store).checkedBytes).toBe(3 * BLOCK_BYTES);
  });

  it('costs an empty volume nothing', async () => {
    await using rig = new StoreRig();
    const store = await open(rig);
    await world.clock.advance(10 * PERIOD_MS);
    expect(scrubOf(store)).toMatchObject({ checkedBytes: 0, passesEnded: 0, bytesPerSec: 0 });
  });
});
