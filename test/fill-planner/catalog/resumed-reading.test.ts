import { readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CatalogStore } from '../../../fill-planner/catalog/catalog-store.ts';
import type { IngestedTitle } from '../../../fill-planner/catalog/ingest-title.ts';
import {
  CHECKPOINT_EVERY_BYTES,
  type Checkpoint,
  examineFile,
} from '../../../fill-planner/catalog/media/examine-file.ts';
import { openDirectorySource } from '../../../fill-planner/catalog/source/directory-source.ts';
import type { TitleSource } from '../../../fill-planner/catalog/source/title-source.ts';
import { copyOfDemo, ingest, temporaryFolder } from './demo-title.ts';
import { largeFile, largeSource } from './large-title.ts';

const MIB = 1024 * 1024;

/** A catalogue whose process ends and begins again as often as a test wants. */
async function openCatalogue() {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'catalogue.sqlite');
  let store = new CatalogStore(file);
  let nowMs = 1_000;
  return {
    get store() {
      return store;
    },
    crash() {
      store.close();
      store = new CatalogStore(file);
    },
    pass(ms: number) {
      nowMs += ms;
    },
    async read(source: TitleSource): Promise<{ ingested: IngestedTitle; knownBytes: number }> {
      const notes = store.notesOf('demo', source.description, () => nowMs);
      notes.forgetAbandoned();
      let known = 0;
      const ingested = await ingest(source, {
        notes,
        onProgress: ({ knownBytes }) => {
          known = knownBytes;
        },
      });
      notes.write();
      return { ingested, knownBytes: known };
    },
    async [Symbol.asyncDispose]() {
      store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const total = (bytes: ReadonlyMap<string, number>): number => [...bytes.values()].reduce((sum, each) => sum + each, 0);

test('a file that goes on from a checkpoint ends with the same facts as one that was read in one go', async () => {
  const file = await largeFile(4, 45 * MIB);
  const checkpoints: Checkpoint[] = [];
  const options = { path: 'large.mp4', maxBytes: 1e12, onProgress: () => undefined };
  const whole = await examineFile(file.read(0), {
    ...options,
    // As it comes back from a disk.
    onCheckpoint: ({ blockHashes, ...rest }) =>
      checkpoints.push({ ...(JSON.parse(JSON.stringify(rest)) as typeof rest), blockHashes }),
  });
  expect(whole.map?.segments).toHaveLength(4);
  expect(checkpoints.map(({ doneBytes }) => doneBytes)).toEqual([CHECKPOINT_EVERY_BYTES, 2 * CHECKPOINT_EVERY_BYTES]);
  for (const resumed of checkpoints)
    expect(await examineFile(file.read(resumed.doneBytes), { ...options, resumed })).toEqual(whole);
});

test('a title that was cut off goes on where it stood: finished files are not opened, half-read ones not begun again', async () => {
  const [small, large] = [await largeFile(2, 20 * MIB), await largeFile(4, 45 * MIB)];
  const uncut = await ingest(largeSource({ small, large }), { maxTitleBytes: 1e12 });
  await using catalogue = await openCatalogue();
  const source = largeSource({ small, large });
  source.breakAfterBytes = 140 * MIB;
  await expect(catalogue.read(source)).rejects.toThrow('broke off');
  catalogue.crash();
  const first = new Map(source.readBytes);
  source.readBytes.clear();
  source.breakAfterBytes = Number.POSITIVE_INFINITY;
  const { ingested, knownBytes } = await catalogue.read(source);
  expect(ingested).toEqual(uncut);
  expect(first.get('small.mp4')).toBe(small.sizeBytes);
  expect(source.readBytes.has('small.mp4')).toBe(false);
  expect(source.readBytes.get('large.mp4')).toBe(large.sizeBytes - CHECKPOINT_EVERY_BYTES);
  expect(knownBytes).toBe(small.sizeBytes + CHECKPOINT_EVERY_BYTES);
});

test('a title gets done however often its reading is cut off, and each cut costs no more than what was not noted yet', async () => {
  const media = { a: await largeFile(3, 60 * MIB), b: await largeFile(5, 60 * MIB), c: await largeFile(20, 3 * MIB) };
  const uncut = await ingest(largeSource(media), { maxTitleBytes: 1e12 });
  const totalBytes = Object.values(media).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await using catalogue = await openCatalogue();
  const source = largeSource(media);
  let cuts = 0;
  let ingested: IngestedTitle | undefined;
  while (ingested === undefined && cuts < 20) {
    source.breakAfterBytes = total(source.readBytes) + 300 * MIB;
    ({ ingested } = await catalogue.read(source).catch(() => ({ ingested: undefined })));
    catalogue.crash();
    cuts += 1;
  }
  expect(ingested).toEqual(uncut);
  expect(cuts).toBeGreaterThan(2);
  expect(total(source.readBytes)).toBeLessThanOrEqual(totalBytes + cuts * (3 * CHECKPOINT_EVERY_BYTES + 64 * MIB));
});

test('what changed at the source meanwhile is read anew', async () => {
  const media = { large: await largeFile(4, 30 * MIB) };
  await using catalogue = await openCatalogue();
  const source = largeSource(media);
  source.breakAfterBytes = 100 * MIB;
  await expect(catalogue.read(source)).rejects.toThrow('broke off');
  source.readBytes.clear();
  source.breakAfterBytes = Number.POSITIVE_INFINITY;
  source.validator = 'v2';
  expect((await catalogue.read(source)).knownBytes).toBe(0);
  expect(total(source.readBytes)).toBe(media.large.sizeBytes);
});

test('a title of the catalogue that is added again is read where it changed and nowhere else', async () => {
  await using folder = await copyOfDemo();
  await using catalogue = await openCatalogue();
  const first = await catalogue.read(await openDirectorySource(folder.path));
  catalogue.store.put(first.ingested, 1);
  catalogue.crash();
  const again = await catalogue.read(await openDirectorySource(folder.path));
  expect(again.ingested).toEqual(first.ingested);
  const mediaBytes = first.ingested.files
    .filter(({ path }) => path.endsWith('.mp4'))
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  expect(again.knownBytes).toBe(mediaBytes);
  expect(catalogue.store.put(again.ingested, 2).changed).toBe(false);

  // The same size and the same modification time: only the change time tells.
  const file = join(folder.path, 'a48.mp4');
  const other = await readFile(file);
  other.fill(7, other.length - 100);
  await writeFile(`${file}.new`, other);
  await rename(`${file}.new`, file);
  await utimes(file, 0, 0);
  const changed = await catalogue.read(await openDirectorySource(folder.path));
  const rootOf = ({ files }: IngestedTitle) => files.find(({ path }) => path.endsWith('a48.mp4'))?.root;
  expect(rootOf(changed.ingested)).not.toBe(rootOf(first.ingested));
  expect(catalogue.store.put(changed.ingested, 3).changed).toBe(true);
  // The hashes of the content that is gone are gone.
  expect(catalogue.store.findByRoot(rootOf(first.ingested) ?? '')).toBeUndefined();
});

test('notes of another folder, of a title that is gone, and of long ago do not count', async () => {
  await using folder = await copyOfDemo();
  await using other = await copyOfDemo();
  await using catalogue = await openCatalogue();
  await catalogue.read(await openDirectorySource(folder.path));
  expect((await catalogue.read(await openDirectorySource(other.path))).knownBytes).toBe(0);
  expect((await catalogue.read(await openDirectorySource(folder.path))).knownBytes).toBeGreaterThan(0);
  catalogue.pass(31 * 86_400_000);
  const { ingested, knownBytes } = await catalogue.read(await openDirectorySource(folder.path));
  expect(knownBytes).toBe(0);
  catalogue.store.put(ingested, 1);
  catalogue.pass(31 * 86_400_000);
  expect((await catalogue.read(await openDirectorySource(folder.path))).knownBytes).toBeGreaterThan(0);
  catalogue.store.remove('demo');
  expect((await catalogue.read(await openDirectorySource(folder.path))).knownBytes).toBe(0);
});

test('whoever does not trust the notes drops them and reads everything', async () => {
  await using folder = await copyOfDemo();
  await using catalogue = await openCatalogue();
  await catalogue.read(await openDirectorySource(folder.path));
  catalogue.store.notesOf('demo', folder.path, () => 0).forget();
  expect((await catalogue.read(await openDirectorySource(folder.path))).knownBytes).toBe(0);
});
