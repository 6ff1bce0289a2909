import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Generation } from '../../../../appliance/store/generation.ts';
import { OpenFiles } from '../../../../appliance/store/volume/open-files.ts';
import { descriptionOf } from '../store-rig.ts';

const MOST_RESTING = 128;

let folder: string;
let files: OpenFiles;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-open-files-'));
  files = new OpenFiles(({ id }) => join(folder, String(id)));
});
afterEach(async () => {
  await files.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Read once and let go of. */
async function used(id: number): Promise<Generation> {
  const generation = new Generation(id, 0, descriptionOf(`/${id}`, 4096), 0);
  writeFileSync(join(folder, String(id)), Buffer.alloc(4096, id));
  await files.of(generation).read(new Uint8Array(4096), 0);
  await files.rest(generation);
  return generation;
}

const openFiles = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path.slice(folder.length + 1)] : [];
    } catch {
      return [];
    }
  });

test('a file that was read stays open for who comes next', async () => {
  const generation = await used(1);
  expect(openFiles()).toEqual(['1']);
  const before = files.of(generation);
  await files.rest(generation);
  expect(files.of(generation)).toBe(before);
});

test('of many only those that were let go of last stay open', async () => {
  for (let id = 1; id <= MOST_RESTING + 3; id += 1) await used(id);
  const open = openFiles();
  expect(open).toHaveLength(MOST_RESTING);
  expect(open).not.toContain('3');
  expect(open).toContain('4');
});

test('nothing stays open of what is removed, was written, or is let go of after the end', async () => {
  const removed = await used(1);
  await files.forget(removed);
  expect(openFiles()).toEqual([]);
  const forgotten = await used(2);
  await files.of(forgotten).read(new Uint8Array(1), 0);
  forgotten.forgotten = true;
  await files.rest(forgotten);
  expect(openFiles()).toEqual([]);
  const held = await used(3);
  const file = files.of(held);
  await files.close();
  expect(openFiles()).toEqual(['3']);
  await file.read(new Uint8Array(1), 0);
  await files.rest(held);
  expect(openFiles()).toEqual([]);
});
