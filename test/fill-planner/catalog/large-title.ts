import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenedFile, TitleSource } from '../../../fill-planner/catalog/source/title-source.ts';
import { DEMO_MEDIA, ingestFrom } from './demo-title.ts';

const PIECE_BYTES = 1024 * 1024;

/** A CMAF file too large to lie around: a real header and real fragments around zeros, made as it is read. */
export interface LargeFile {
  readonly sizeBytes: number;
  /** The bytes from `startByte` to the end. */
  read(startByte: number): Generator<Buffer>;
}

export async function largeFile(fragmentCount: number, mediaBytes: number): Promise<LargeFile> {
  const { files } = await ingestFrom(DEMO_MEDIA);
  const first = files.find(({ path }) => path.endsWith('/v144.mp4'))?.segments[0];
  if (first === undefined) throw new Error('the demo has no segment');
  const bytes = await readFile(join(DEMO_MEDIA, 'v144.mp4'));
  const header = bytes.subarray(0, bytes.indexOf('sidx') - 4);
  const moofBytes = bytes.readUInt32BE(first.startByte);
  const lead = Buffer.concat([bytes.subarray(first.startByte, first.startByte + moofBytes), Buffer.alloc(8)]);
  lead.writeUInt32BE(mediaBytes + 8, moofBytes);
  lead.write('mdat', moofBytes + 4, 'latin1');
  const fragmentBytes = lead.length + mediaBytes;
  const zeros = Buffer.alloc(PIECE_BYTES);
  const sizeBytes = header.length + fragmentCount * fragmentBytes;
  return {
    sizeBytes,
    *read(startByte) {
      for (let at = startByte; at < sizeBytes; ) {
        let piece: Buffer;
        const inFragment = (at - header.length) % fragmentBytes;
        if (at < header.length) piece = header.subarray(at);
        else if (inFragment < lead.length) piece = lead.subarray(inFragment);
        else piece = zeros.subarray(0, Math.min(PIECE_BYTES, fragmentBytes - inFragment));
        yield piece;
        at += piece.length;
      }
    },
  };
}

export interface WatchedSource extends TitleSource {
  /** Bytes that were read, by path. */
  readonly readBytes: Map<string, number>;
  validator: string;
  /** Ends the reading of media, wherever it stands. */
  breakAfterBytes: number;
}

/** A title of large files with an HLS playlist each, in memory, that breaks off where a test wants it to. */
export function largeSource(media: Readonly<Record<string, LargeFile>>): WatchedSource {
  const names = Object.keys(media);
  const texts = new Map([
    [
      'master.m3u8',
      `#EXTM3U\n${names.map((name) => `#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.4d400c",RESOLUTION=256x144\n${name}.m3u8\n`).join('')}`,
    ],
    ...names.map((name): [string, string] => [
      `${name}.m3u8`,
      `#EXTM3U\n#EXT-X-TARGETDURATION:62\n#EXTINF:62,\n${name}.mp4\n#EXT-X-ENDLIST\n`,
    ]),
  ]);
  let mediaBytes = 0;
  const source: WatchedSource = {
    description: 'large',
    folderUrl: 'http://title.invalid/title/',
    readBytes: new Map(),
    validator: 'v1',
    breakAfterBytes: Number.POSITIVE_INFINITY,
    identify: async () => source.validator,
    async open(titlePath, _signal, from): Promise<OpenedFile | undefined> {
      const text = texts.get(titlePath);
      const bytes = text === undefined ? undefined : Buffer.from(text);
      const file = media[titlePath.replace(/\.mp4$/, '')];
      if (bytes === undefined && file === undefined) return undefined;
      async function* chunks(): AsyncGenerator<Buffer> {
        if (bytes !== undefined) yield bytes;
        for (const piece of file?.read(from?.startByte ?? 0) ?? []) {
          // As a network does: between two pieces others have their turn.
          await Promise.resolve();
          if (mediaBytes >= source.breakAfterBytes) throw new Error('broke off');
          mediaBytes += piece.length;
          source.readBytes.set(titlePath, (source.readBytes.get(titlePath) ?? 0) + piece.length);
          yield piece;
        }
      }
      const sizeBytes = bytes?.length ?? file?.sizeBytes;
      return { sizeBytes, validator: source.validator, chunks: chunks(), close: () => undefined };
    },
  };
  return source;
}
