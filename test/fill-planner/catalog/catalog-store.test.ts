import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CatalogStore } from '../../../fill-planner/catalog/catalog-store.ts';
import type { IngestedTitle } from '../../../fill-planner/catalog/ingest-title.ts';
import { DEMO_MEDIA, ingestFrom, temporaryFolder } from './demo-title.ts';

const naming = (id: string, pathPrefix = `/${id}`) => ({ naming: { id, name: id, pathPrefix, originUrl: 'http://o' } });
const title = (id: string, pathPrefix?: string): Promise<IngestedTitle> =>
  ingestFrom(DEMO_MEDIA, naming(id, pathPrefix));

async function openStore() {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'catalogue.sqlite');
  let store = new CatalogStore(file);
  return {
    get store() {
      return store;
    },
    reopen() {
      store.close();
      store = new CatalogStore(file);
    },
    async [Symbol.asyncDispose]() {
      store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('the same content again leaves the catalogue as it is, other content makes a new version', async () => {
  await using opened = await openStore();
  const { store } = opened;
  expect(store.put(await title('x'), 1)).toEqual({ changed: true, catalogueVersion: 1 });
  expect(store.put(await title('x'), 2)).toEqual({ changed: false, catalogueVersion: 1 });
  expect(store.put(await title('y'), 3)).toEqual({ changed: true, catalogueVersion: 2 });
  expect(store.put(await title('x', '/elsewhere'), 4)).toEqual({ changed: true, catalogueVersion: 3 });
  expect(store.title('x')).toMatchObject({ addedAtMs: 1, changedAtMs: 4 });
  expect(store.renditionOf('/x/v144.mp4')).toBeUndefined();
  expect(store.renditionOf('/elsewhere/v144.mp4')).toBe('x/v144');
});

test('everything is there again after a restart', async () => {
  await using opened = await openStore();
  const ingested = await title('x');
  opened.store.put(ingested, 1);
  const before = [...opened.store.snapshotPieces()].join('');
  opened.reopen();
  expect([...opened.store.snapshotPieces()].join('')).toEqual(before);
  for (const { path, sizeBytes, root, blockHashes, segments } of ingested.files) {
    const found = opened.store.findByRoot(root);
    expect(found).toMatchObject({ path, sizeBytes });
    expect(found?.blockHashes.equals(blockHashes)).toBe(true);
    expect(opened.store.segmentsOf(path)).toEqual(segments);
  }
});

test('a path belongs to one title', async () => {
  await using opened = await openStore();
  opened.store.put(await title('x', '/vod'), 1);
  const other = await title('y', '/vod');
  expect(() => opened.store.put(other, 2)).toThrow(/belongs to title 'x'/);
  expect(opened.store.catalogueVersion).toBe(1);
  expect(opened.store.summaries().map(({ id }) => id)).toEqual(['x']);
});

test('a removed title takes its files along and nobody else', async () => {
  await using opened = await openStore();
  const ingested = await title('x');
  opened.store.put(ingested, 1);
  opened.store.put(await title('y'), 1);
  expect(opened.store.remove('x')).toEqual({ changed: true, catalogueVersion: 3 });
  expect(opened.store.remove('x')).toBeUndefined();
  expect(opened.store.renditionOf('/x/v144.mp4')).toBeUndefined();
  // The same bytes are still there under the other title.
  expect(opened.store.findByRoot(ingested.files[0]?.root ?? '')?.path).toMatch(/^\/y\//);
});
