import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type IngestedTitle, type IngestOptions, ingestTitle } from '../../../fill-planner/catalog/ingest-title.ts';
import { openDirectorySource } from '../../../fill-planner/catalog/source/directory-source.ts';
import type { TitleSource } from '../../../fill-planner/catalog/source/title-source.ts';

export const DEMO_MEDIA = resolve(import.meta.dirname, '../../../deploy/demo/title/media');

/** A folder of its own that is gone after the test. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'oca-planner-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A copy of the demo title to break. */
export async function copyOfDemo(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await temporaryFolder();
  await cp(DEMO_MEDIA, folder.path, { recursive: true });
  return folder;
}

export async function edit(file: string, change: (text: string) => string): Promise<void> {
  const before = await readFile(file, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`the change changes nothing in ${file}`);
  await writeFile(file, after);
}

const INGEST: IngestOptions = {
  naming: { id: 'demo', name: 'Demo', pathPrefix: '/vod/demo', originUrl: 'http://origin.example' },
  manifestNames: { required: [], optional: ['master.m3u8', 'manifest.mpd'] },
  maxFileBytes: 1e9,
  maxTitleBytes: 1e9,
  signal: new AbortController().signal,
  onProgress: () => undefined,
};

export const ingestFrom = async (folder: string, options: Partial<IngestOptions> = {}): Promise<IngestedTitle> =>
  ingestTitle(await openDirectorySource(folder), { ...INGEST, ...options });

export const ingest = (source: TitleSource, options: Partial<IngestOptions> = {}): Promise<IngestedTitle> =>
  ingestTitle(source, { ...INGEST, ...options });

/**
 * The demo's smallest rung cut into a header and one file per segment, in a folder each, as many packagers write it,
 * with a DASH template and an HLS playlist.
 */
export async function segmentedTitle(
  folder: string,
  dash: 'number' | 'timeline' | 'list',
): Promise<{ segmentCount: number }> {
  const whole = await ingestFrom(DEMO_MEDIA);
  const segments = whole.files.find(({ path }) => path.endsWith('/v144.mp4'))?.segments ?? [];
  const bytes = await readFile(join(DEMO_MEDIA, 'v144.mp4'));
  const sidxAt = bytes.indexOf('sidx') - 4;
  await mkdir(join(folder, 'v144'), { recursive: true });
  await writeFile(join(folder, 'v144', 'init.mp4'), bytes.subarray(0, sidxAt));
  for (const [index, { startByte, sizeBytes }] of segments.entries()) {
    await writeFile(
      join(folder, 'v144', `seg-${String(index + 1).padStart(3, '0')}.m4s`),
      bytes.subarray(startByte, startByte + sizeBytes),
    );
  }
  await writeFile(join(folder, 'manifest.mpd'), segmentedMpd(dash, segments.length));
  const lines = segments.map((_, index) => `#EXTINF:2,\nseg-${String(index + 1).padStart(3, '0')}.m4s`);
  await writeFile(
    join(folder, 'v144', 'index.m3u8'),
    `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI="init.mp4"\n${lines.join('\n')}\n#EXT-X-ENDLIST\n`,
  );
  await writeFile(
    join(folder, 'master.m3u8'),
    '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.4d400c",RESOLUTION=256x144\nv144/index.m3u8\n',
  );
  return { segmentCount: segments.length };
}

function segmentedMpd(dash: 'number' | 'timeline' | 'list', count: number): string {
  const names = Array.from({ length: count }, (_, index) => `v144/seg-${String(index + 1).padStart(3, '0')}.m4s`);
  const addressing = {
    number:
      '<SegmentTemplate media="$RepresentationID$/seg-$Number%03d$.m4s" initialization="$RepresentationID$/init.mp4" timescale="1000" duration="2000"/>',
    timeline: `<SegmentTemplate media="$RepresentationID$/seg-$Number%03d$.m4s" initialization="$RepresentationID$/init.mp4" timescale="1000"><SegmentTimeline><S t="0" d="2000" r="3"/><S d="2000" r="-1"/></SegmentTimeline></SegmentTemplate>`,
    list: `<SegmentList duration="2"><Initialization sourceURL="v144/init.mp4"/>${names.map((name) => `<SegmentURL media="${name}"/>`).join('')}</SegmentList>`,
  }[dash];
  return `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT62S" minBufferTime="PT2S"><Period><AdaptationSet mimeType="video/mp4">${dash === 'list' ? '' : addressing}<Representation id="v144" bandwidth="90000">${dash === 'list' ? addressing : ''}</Representation></AdaptationSet></Period></MPD>`;
}
