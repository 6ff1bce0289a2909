import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { systemWorld } from '../../../../src/world/world.ts';
import { expectBytes } from '../expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from '../store-rig.ts';

const KILLS = 6;

it(`starts, with what the other volume holds, after ${KILLS} times kill -9 while volumes are added, drained, removed and begun anew`, {
  timeout: 180_000,
}, async () => {
  await using rig = new StoreRig();
  const open = () =>
    rig.open({
      volumes: [{ dir: rig.volumeDir('a'), capacityBytes: 20 * BLOCK_BYTES }],
      stateDir: () => rig.volumeDir('state'),
    });
  await fillObject(await open(), descriptionOf('/kept', 100));
  await rig.close();
  for (let round = 0; round < KILLS; round += 1) {
    const script = new URL('changing-child.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, rig.dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    let changes = 1 + Math.floor(systemWorld.random.next() * 12);
    for await (const line of createInterface({ input: child.stdout })) {
      if (line !== '') changes -= 1;
      // At once, or in the middle of the change that was just said.
      if (changes === 0) setTimeout(() => child.kill('SIGKILL'), systemWorld.random.next() * 20);
    }
    expect((await exited)[1]).toBe('SIGKILL');
    const store = await open();
    expect(store.usage().volumes.map(({ state }) => state)).not.toContain('offline');
    using object = store.find('/kept');
    expectBytes(await object?.read(0), contentOf('/kept', 0, 100));
    await store.volumes.add({ dir: rig.volumeDir('b'), content: 'refuse' });
    expect(store.usage().volumes).toHaveLength(2);
    await rig.close();
  }
});
