import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { CatalogStore, type StoredRendition } from '../../../fill-planner/catalog/catalog-store.ts';
import type { IngestedTitle } from '../../../fill-planner/catalog/ingest-title.ts';
import { measureRendition } from '../../../fill-planner/catalog/measure-rendition.ts';
import { canonicalJson } from '../../../src/signing/canonical-json.ts';
import { DEMO_MEDIA, ingestFrom, segmentedTitle, temporaryFolder } from './demo-title.ts';

const seconds = (count: number, bytesEach: number, sec: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({
    startByte: from + index * bytesEach,
    sizeBytes: bytesEach,
    startMs: index * sec * 1000,
    durationMs: sec * 1000,
  }));

test('a head is the header and the segments of the first ten seconds, cut where a segment ends', () => {
  const file = { sizeBytes: 1000 + 30 * 500, segments: seconds(30, 500, 4, 1000), isPlaylist: false };
  const playlist = { sizeBytes: 99, segments: [], isPlaylist: true };
  expect(measureRendition([file, playlist])).toEqual({ durationMs: 120_000, headBytes: [1000 + 3 * 500, 99] });
});

test('of a rendition of many files the head is the first files whole', () => {
  const header = { sizeBytes: 700, segments: [], isPlaylist: false };
  const segment = { sizeBytes: 5000, segments: seconds(1, 5000, 6), isPlaylist: false };
  const { headBytes } = measureRendition([header, segment, segment, segment, segment]);
  expect(headBytes).toEqual([700, 5000, 5000, 0, 0]);
});

test('what is shorter than a head, or has no map, has none', () => {
  const short = { sizeBytes: 900, segments: seconds(2, 450, 4), isPlaylist: false };
  const unknown = { sizeBytes: 900, segments: [], isPlaylist: false };
  expect(measureRendition([short])).toEqual({ durationMs: 8000, headBytes: [0] });
  expect(measureRendition([unknown, unknown])).toEqual({ durationMs: 0, headBytes: [0, 0] });
});

async function stored(ingested: IngestedTitle, look: (store: CatalogStore) => void): Promise<void> {
  await using folder = await temporaryFolder();
  const store = new CatalogStore(join(folder.path, 'catalogue.sqlite'));
  try {
    store.put(ingested, 5);
    look(store);
  } finally {
    store.close();
  }
}

const byId = (store: CatalogStore, id: string): StoredRendition | undefined =>
  store.renditions().find((rendition) => rendition.id === id);

test('the catalogue knows of every rendition what a plan is made of', async () => {
  const ingested = await ingestFrom(DEMO_MEDIA);
  await stored(ingested, (store) => {
    expect(store.renditions().map(({ id }) => id)).toEqual([
      'demo/a48',
      'demo/manifests',
      'demo/v144',
      'demo/v240',
      'demo/v360',
    ]);
    const rung = byId(store, 'demo/v144');
    expect(rung).toMatchObject({ titleId: 'demo', isManifest: false, kind: 'video', availableAtMs: 5 });
    expect(rung?.codecs).toMatch(/^avc1\./);
    expect(rung?.durationSec).toBeCloseTo(62, 0);
    expect(rung?.bitsPerSec).toBeCloseTo(((rung?.sizeBytes ?? 0) * 8) / (rung?.durationSec ?? 1), 3);
    const [media, playlist] = store.filesOf('demo/v144');
    const map = store.segmentsOf('/vod/demo/v144.mp4');
    expect(media?.headBytes).toBe((map[4]?.startByte ?? 0) + (map[4]?.sizeBytes ?? 0));
    expect(playlist?.headBytes).toBe(playlist?.sizeBytes);
    // Appliances hold whole blocks, and the whole film is less than one.
    expect(rung?.headBytes).toBe((media?.sizeBytes ?? 0) + (playlist?.headBytes ?? 0));
    expect(byId(store, 'demo/manifests')).toMatchObject({ isManifest: true, headBytes: 0, bitsPerSec: 0 });
  });
});

test.each(['number', 'list'] as const)(
  'a rendition of segment files without index (DASH %s) takes its times from its header',
  async (dash) => {
    await using folder = await temporaryFolder();
    await segmentedTitle(folder.path, dash);
    const dashAlone = { manifestNames: { required: ['manifest.mpd'], optional: [] } };
    await stored(await ingestFrom(folder.path, dashAlone), (store) => {
      expect(byId(store, 'demo/v144')?.durationSec).toBeCloseTo(62, 0);
      const heads = store.filesOf('demo/v144').map(({ headBytes, sizeBytes }) => headBytes === sizeBytes);
      expect(heads.slice(0, 8)).toEqual([true, true, true, true, true, true, false, false]);
    });
  },
);

test('a catalogue of before is measured when it is opened', async () => {
  const ingested = await ingestFrom(DEMO_MEDIA);
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'catalogue.sqlite');
  const old = new Sqlite(file);
  old.exec(
    readFileSync(new URL('../../../fill-planner/catalog/migrations/001-catalogue.sql', import.meta.url), 'utf8'),
  );
  old.pragma('user_version = 1');
  old.prepare('INSERT INTO title VALUES (?, ?, 5, 5)').run('demo', canonicalJson(ingested.title));
  for (const { path, sizeBytes, root, blockHashes, segments } of ingested.files)
    old
      .prepare("INSERT INTO file VALUES (?, 'demo', ?, ?, ?, ?)")
      .run(path, sizeBytes, root, blockHashes, JSON.stringify(segments));
  old.close();
  const upgraded = new CatalogStore(file);
  const fresh = new CatalogStore(join(folder.path, 'fresh.sqlite'));
  fresh.put(ingested, 5);
  const withoutCodecs = (store: CatalogStore) => store.renditions().map((rendition) => ({ ...rendition, codecs: '' }));
  expect(withoutCodecs(upgraded)).toEqual(withoutCodecs(fresh));
  expect(upgraded.filesOf('demo/v240')).toEqual(fresh.filesOf('demo/v240'));
  expect(upgraded.summaries()).toEqual(fresh.summaries());
  expect(upgraded.segmentsOf('/vod/demo/v144.mp4')).toEqual(fresh.segmentsOf('/vod/demo/v144.mp4'));
  expect(upgraded.findByRoot(ingested.files[0]?.root ?? '')).toEqual(fresh.findByRoot(ingested.files[0]?.root ?? ''));
  expect(upgraded.put(ingested, 6).changed).toBe(false);
  expect(upgraded.renditions()).toEqual(fresh.renditions());
  upgraded.close();
  fresh.close();
});
