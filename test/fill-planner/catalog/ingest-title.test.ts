import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { catalogueSnapshotSchema } from '../../../src/contracts/catalogue-snapshot.ts';
import { BLOCK_BYTES, manifestRoot } from '../../../src/contracts/file-manifest.ts';
import { copyOfDemo, DEMO_MEDIA, edit, ingestFrom, segmentedTitle, temporaryFolder } from './demo-title.ts';

describe('the demo title', () => {
  test('becomes one rendition per encoding and one for its manifests, in the words of the contract', async () => {
    const { title } = await ingestFrom(DEMO_MEDIA);
    expect(title.renditions.map(({ id, kind }) => `${id} ${kind}`).sort()).toEqual([
      'demo/a48 audio',
      'demo/manifests manifest',
      'demo/v144 video',
      'demo/v240 video',
      'demo/v360 video',
    ]);
    expect(title.durationMs).toBeGreaterThan(61_000);
    expect(title.durationMs).toBeLessThan(73_000);
    const snapshot = { version: 1, catalogueVersion: 1, titles: [title] };
    expect(catalogueSnapshotSchema.parse(snapshot)).toEqual(snapshot);
  });

  test('has every file under its public path with the size, block hashes and root of its bytes', async () => {
    const { files } = await ingestFrom(DEMO_MEDIA);
    expect(files).toHaveLength(10);
    for (const file of files) {
      const bytes = await readFile(join(DEMO_MEDIA, file.path.replace('/vod/demo/', '')));
      const blocks = Array.from({ length: Math.ceil(bytes.length / BLOCK_BYTES) }, (_, index) =>
        createHash('sha256')
          .update(bytes.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES))
          .digest(),
      );
      expect(file.sizeBytes).toBe(bytes.length);
      expect(file.blockHashes.equals(Buffer.concat(blocks))).toBe(true);
      expect(file.root).toBe(manifestRoot(bytes.length, BLOCK_BYTES, Buffer.concat(blocks)));
    }
  });

  test('has a segment map that covers its media without a gap, in byte and time order', async () => {
    const { files } = await ingestFrom(DEMO_MEDIA);
    for (const { path, sizeBytes, segments } of files.filter(({ path }) => path.endsWith('.mp4'))) {
      expect(segments.length, path).toBe(31);
      let endByte = segments[0]?.startByte ?? 0;
      let endMs = 0;
      for (const segment of segments) {
        expect(segment.startByte).toBe(endByte);
        expect(segment.startMs).toBeCloseTo(endMs, 3);
        endByte = segment.startByte + segment.sizeBytes;
        endMs = segment.startMs + segment.durationMs;
      }
      expect(endByte).toBe(sizeBytes);
      expect(endMs).toBeCloseTo(62_000, -2);
    }
  });

  test('tells steering everything it needs to write the multivariant playlist', async () => {
    const { title } = await ingestFrom(DEMO_MEDIA);
    expect(title.hls?.variants.map(({ renditionId, playlistPath }) => [renditionId, playlistPath])).toEqual([
      ['demo/v144', '/vod/demo/v144.m3u8'],
      ['demo/v240', '/vod/demo/v240.m3u8'],
      ['demo/v360', '/vod/demo/v360.m3u8'],
    ]);
    expect(title.hls?.variants[0]).toMatchObject({ width: 256, height: 144, audioGroup: 'audio' });
    expect(title.hls?.media).toEqual([
      expect.objectContaining({ renditionId: 'demo/a48', type: 'AUDIO', name: 'Tone', language: 'en', channels: '1' }),
    ]);
    expect(title.dash?.path).toBe('/vod/demo/manifest.mpd');
    expect(title.dash?.mpd).toBe(await readFile(join(DEMO_MEDIA, 'manifest.mpd'), 'utf8'));
  });

  test('reports progress that ends at the size of the whole', async () => {
    const seen: number[] = [];
    const { files } = await ingestFrom(DEMO_MEDIA, { onProgress: ({ doneBytes }) => seen.push(doneBytes) });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  });

  test('gives the same again when nothing changed', async () => {
    expect(await ingestFrom(DEMO_MEDIA)).toEqual(await ingestFrom(DEMO_MEDIA));
  });
});

describe('a title', () => {
  test('may come with HLS alone or DASH alone', async () => {
    const hls = await ingestFrom(DEMO_MEDIA, { manifestNames: { required: ['master.m3u8'], optional: [] } });
    expect(hls.title.dash).toBeUndefined();
    expect(hls.files).toHaveLength(9);
    const dash = await ingestFrom(DEMO_MEDIA, { manifestNames: { required: ['manifest.mpd'], optional: [] } });
    expect(dash.title.hls).toBeUndefined();
    expect(dash.files.map(({ path }) => path).sort()).toEqual(
      ['manifest.mpd', 'v144.mp4', 'v240.mp4', 'v360.mp4', 'a48.mp4'].map((name) => `/vod/demo/${name}`).sort(),
    );
  });

  test.each(['number', 'timeline', 'list'] as const)(
    'of segment files (DASH %s) is one rendition with its header first and its segments in order',
    async (dash) => {
      await using folder = await temporaryFolder();
      const { segmentCount } = await segmentedTitle(folder.path, dash);
      const { title, files } = await ingestFrom(folder.path);
      expect(title.renditions.map(({ id }) => id)).toEqual(['demo/v144', 'demo/manifests']);
      const paths = title.renditions[0]?.files.map(({ path }) => path.replace('/vod/demo/v144/', '')) ?? [];
      expect(paths[0]).toBe('init.mp4');
      expect(paths.slice(1, -1)).toEqual(
        Array.from({ length: segmentCount }, (_, index) => `seg-${String(index + 1).padStart(3, '0')}.m4s`),
      );
      expect(paths.at(-1)).toBe('index.m3u8');
      expect(files.find(({ path }) => path.endsWith('seg-001.m4s'))?.segments).toHaveLength(1);
    },
  );

  test('whose renditions share a header keeps it with the manifests', async () => {
    await using folder = await temporaryFolder();
    await segmentedTitle(folder.path, 'number');
    await edit(
      join(folder.path, 'master.m3u8'),
      (text) => `${text}#EXT-X-STREAM-INF:BANDWIDTH=50000,CODECS="avc1.4d400c",RESOLUTION=256x144\nv144/late.m3u8\n`,
    );
    const late = (await readFile(join(folder.path, 'v144', 'index.m3u8'), 'utf8')).replace(
      '#EXTINF:2,\nseg-001.m4s\n',
      '',
    );
    await edit(join(folder.path, 'v144', 'index.m3u8'), () => late.replace(/seg-\d{3}\.m4s/g, 'seg-001.m4s'));
    await import('node:fs/promises').then(({ writeFile }) => writeFile(join(folder.path, 'v144', 'late.m3u8'), late));
    const { title } = await ingestFrom(folder.path, { manifestNames: { required: ['master.m3u8'], optional: [] } });
    const manifests = title.renditions.find(({ kind }) => kind === 'manifest');
    expect(manifests?.files.map(({ path }) => path)).toContain('/vod/demo/v144/init.mp4');
    const all = title.renditions.flatMap(({ files }) => files.map(({ path }) => path));
    expect(new Set(all).size).toBe(all.length);
  });

  test('may name its files by percent-encoded paths', async () => {
    await using folder = await copyOfDemo();
    const { rename } = await import('node:fs/promises');
    await rename(join(folder.path, 'v144.mp4'), join(folder.path, 'v 144.mp4'));
    await edit(join(folder.path, 'v144.m3u8'), (text) => text.replaceAll('v144.mp4', 'v%20144.mp4'));
    const { files } = await ingestFrom(folder.path, { manifestNames: { required: ['master.m3u8'], optional: [] } });
    expect(files.map(({ path }) => path)).toContain('/vod/demo/v%20144.mp4');
  });
});
