import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import type { ObjectStore } from '../../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { systemWorld } from '../../../src/world/world.ts';
import { contentOf, lengthOf, StoreRig } from './store-rig.ts';

/** What the killed writer said of a key last. */
interface Told {
  /** Of the newest generation that was begun. */
  tag: string;
  readonly held: Set<number>;
  state: 'created' | 'removing' | 'removed';
}

const KILLS = 4;

it(`has every acknowledged block and nothing torn after ${KILLS} times kill -9, also when the index is lost then`, {
  timeout: 180_000,
}, async () => {
  await using rig = new StoreRig();
  const told = new Map<string, Told>();
  const startsMs: number[] = [];
  let acknowledged = 0;
  for (let round = 0; round < KILLS; round += 1) {
    await writeUntilKilled(rig, round, told);
    // Every other time the index is lost as well: what was acknowledged is in the data files, and nothing that was removed.
    if (round % 2 === 1) {
      for (const suffix of ['', '-wal', '-shm'])
        rmSync(join(rig.volumeDir(), `v1/index.sqlite${suffix}`), { force: true });
    }
    const beganMs = performance.now();
    const store = await rig.open({ volumes: [{ dir: rig.volumeDir(), capacityBytes: 1024 * BLOCK_BYTES }] });
    startsMs.push(Math.round(performance.now() - beganMs));
    for (const [key, last] of told) acknowledged += await checkKey(store, key, last);
    await rig.close();
  }
  console.log(`starts after kill -9 took ${startsMs.join(', ')} ms`);
  expect(acknowledged).toBeGreaterThan(0);
});

/** @returns how many acknowledged blocks were asked for */
async function checkKey(store: ObjectStore, key: string, last: Told): Promise<number> {
  using object = store.find(key);
  if (last.state === 'removed') expect(object, `${key} was removed`).toBeUndefined();
  if (object === undefined) {
    // A replacement that was begun may have taken the old object away without being there itself, unless it acknowledged.
    expect(last.state === 'created' ? last.held.size : 0, `acknowledged blocks of ${key}`).toBe(0);
    return 0;
  }
  const { etag, sizeBytes } = object.description;
  const tag = etag.slice(1, -1);
  if (last.held.size > 0 && last.state === 'created') {
    expect(tag, `the newest generation of ${key}`).toBe(last.tag);
    for (const block of last.held) expect(object.holds(block), `${key} ${tag} block ${block}`).toBe(true);
  }
  for (let block = 0; block < object.blockCount; block += 1) {
    const held = object.holds(block);
    const bytes = await object.read(block);
    expect(bytes !== undefined, `${key} ${tag} block ${block} is whole`).toBe(held);
    if (bytes !== undefined) expect(contentOf(tag, block, lengthOf(sizeBytes, block)).equals(bytes)).toBe(true);
  }
  return last.held.size;
}

async function writeUntilKilled(rig: StoreRig, round: number, told: Map<string, Told>): Promise<void> {
  const script = new URL('writer-child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, rig.volumeDir(), String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<unknown>((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  let lines = 5 + Math.floor(systemWorld.random.next() * 150);
  for await (const line of createInterface({ input: child.stdout })) {
    note(told, line);
    lines -= 1;
    if (lines === 0) child.kill('SIGKILL');
  }
  expect(await exited).toBe('SIGKILL');
}

function note(told: Map<string, Told>, line: string): void {
  const [what, key = '', tag = '', block] = line.split(' ');
  const last = told.get(key) ?? { tag: '', held: new Set<number>(), state: 'removed' };
  if (what === 'creating') told.set(key, { tag, held: new Set(), state: 'created' });
  else if (what === 'held') last.held.add(Number(block));
  else if (what === 'removing') told.set(key, { ...last, state: 'removing' });
  else if (what === 'removed') told.set(key, { ...last, held: new Set(), state: 'removed' });
}
