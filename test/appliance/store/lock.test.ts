import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDiskObjectStore } from '../../../appliance/store/disk-object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../src/world/world.ts';
import { StoreRig } from './store-rig.ts';

it('keeps a second process off a volume, naming the one that has it, until that one is gone', async () => {
  await using rig = new StoreRig();
  const script = new URL('writer-child.ts', import.meta.url).pathname;
  const holder = spawn(process.execPath, [script, rig.volumeDir(), '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(holder, 'exit');
  try {
    await once(holder.stdout, 'data');
    holder.stdout.resume();
    await expect(rig.open()).rejects.toMatchObject({
      code: 'STATE_IN_USE',
      message: expect.stringContaining(`process ${holder.pid}`),
    });
  } finally {
    holder.kill('SIGKILL');
    await exited;
  }
  const store = await rig.open();
  expect(store.usage().volumes[0]?.state).toBe('online');
});

it('does not believe a number that a dead process left behind', async () => {
  await using rig = new StoreRig();
  await rig.open();
  await rig.close();
  // This very process lives and does not have the volume.
  writeFileSync(join(rig.volumeDir(), 'v1', 'holder'), `${process.pid}\n`);
  const store = await rig.open();
  expect(store.usage().volumes[0]?.state).toBe('online');
});

it('refuses one directory twice, and lets go of the others when it does not start', async () => {
  await using rig = new StoreRig();
  const volume = { capacityBytes: BLOCK_BYTES };
  const other = { ...volume, dir: rig.volumeDir('other') };
  await rig.open();
  const second = createDiskObjectStore({
    volumes: [other, { ...volume, dir: rig.volumeDir() }],
    memoryBytes: 0,
    world: systemWorld,
    logger: silentLogger,
  });
  await expect(second.start()).rejects.toMatchObject({ code: 'STATE_IN_USE' });
  const store = await rig.open({ volumes: [other] });
  expect(store.usage().volumes[0]?.state).toBe('online');
});
