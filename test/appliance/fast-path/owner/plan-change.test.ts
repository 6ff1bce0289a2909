import { afterEach, describe, expect, it } from 'vitest';
import { applianceParameters } from '../../../../appliance/config.ts';
import type { Finder } from '../../../../appliance/delivery/find-object.ts';
import { WantedBlocks } from '../../../../appliance/fast-path/owner/wanted-blocks.ts';
import { ObjectDiscovery } from '../../../../appliance/fill/origin/discover-object.ts';
import { loadLibc } from '../../../../appliance/kernel/libc.ts';
import type { PublishedReader } from '../../../../appliance/memory/published.ts';
import { createReader } from '../../../../appliance/memory/reader.ts';
import { createDiskObjectStore, type DiskStore } from '../../../../appliance/store/disk-object-store.ts';
import { loadConfig } from '../../../../src/config/load-config.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../../src/world/world.ts';
import { GatedOrigin, patterned } from '../../support/gated-origin.ts';
import { ask } from '../../support/http-client.ts';
import { type PlannedRig, startPlannedRig } from '../../support/planned-rig.ts';

const MIB = 2 ** 20;
const PATHS = ['/changes', '/stays'];
const SETTINGS = loadConfig(applianceParameters, { flags: { volume: ['/nowhere'] }, environment: {} });
const load = loadLibc();
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface Rig {
  readonly rig: PlannedRig;
  readonly reader: PublishedReader;
  /** As a thread asks for it. @returns whether it may answer now */
  readonly want: (key: string) => boolean;
}

/** Two objects that the origin gave, held and shown to one thread, which is this one. */
async function shownRig(): Promise<Rig> {
  if (load.kind === 'missing') throw new Error(load.because);
  const readers = { libc: load.libc, count: 1 };
  const origin = await GatedOrigin.start();
  let disk: DiskStore | undefined;
  const store = (dir: string): DiskStore => {
    const options = { world: systemWorld, logger: silentLogger, memoryBytes: 32 * MIB, readers };
    disk = createDiskObjectStore({ volumes: [{ dir, capacityBytes: 64 * MIB }], ...options });
    return disk;
  };
  const rig = await startPlannedRig(origin.url, { store });
  stops.push(
    () => rig.stop(),
    () => origin.stop(),
  );
  if (disk?.memory === undefined) throw new Error('no memory is shared');
  const { fills } = rig;
  const discovery = new ObjectDiscovery(fills, systemWorld, SETTINGS);
  const finder: Finder = { fills, discovery, nowMs: () => systemWorld.clock.nowMs(), hasOrigin: true };
  let isHere = false;
  const limits = { readAheadBlocks: 0, readerTimeoutMs: 1000, memoryBlocks: 16 };
  const answer = (_ticket: number, answered: boolean): void => void (isHere = answered);
  const wanted = new WantedBlocks({ finder, clock: systemWorld.clock, ...limits, answer });
  const want = (key: string): boolean => {
    wanted.wantObject(1, key);
    return isHere;
  };
  for (const path of PATHS) {
    const headers = { 'cache-control': 'max-age=600' };
    origin.files.set(path, { bytes: patterned(1000, 1), etag: '"origin"', headers });
    await ask(`${rig.url}${path}`);
    expect(want(path)).toBe(true);
  }
  return { rig, reader: createReader(disk.memory.shared, 0), want };
}

// Without Linux and koffi nothing is shown to anybody: nothing here can be true or false.
describe.skipIf(load.kind === 'missing')('a plan that gives a path other content', () => {
  it('takes what is there from the threads in the same turn, and nothing else', async () => {
    const { reader, rig, want } = await shownRig();
    const before = PATHS.map((path) => reader.find(path));
    const file = rig.plan('/changes', patterned(2000, 2), []);
    expect(before.map((object) => object !== undefined && reader.isCurrent(object))).toEqual([false, true]);
    expect(reader.find('/changes')).toBeUndefined();
    // Whoever asks is shown what the plan says.
    expect(want('/changes')).toBe(true);
    expect(reader.find('/changes')?.description.etag).toBe(`"${file.manifest.root.slice(0, 32)}"`);
  });

  it('leaves shown what it names itself', async () => {
    const { reader, rig, want } = await shownRig();
    rig.plan('/changes', patterned(2000, 2), []);
    want('/changes');
    const shown = reader.find('/changes');
    rig.plan('/changes', patterned(2000, 2), []);
    expect(shown !== undefined && reader.isCurrent(shown)).toBe(true);
  });
});
