import { OperationalError } from '../../../src/errors/operational-error.ts';
import { noSuchFile, type TitleSource, titlePathOf } from '../source/title-source.ts';
import { readMpd } from './read-mpd.ts';
import { readPlaylist } from './read-playlist.ts';
import type { ReadDash, ReadHls, ReadMediaPlaylist } from './title-draft.ts';

/** The manifests of a title, read from its source. */
export interface ReadManifests {
  readonly hls: ReadHls | undefined;
  readonly dash: ReadDash | undefined;
  /** The bytes of every manifest by path, so that they are hashed as they were understood. */
  readonly texts: ReadonlyMap<string, Buffer>;
}

export const HLS_NAME = 'master.m3u8';
export const DASH_NAME = 'manifest.mpd';

// The catalogue carries the MPD's text, and its contract takes four million characters.
const MAX_MANIFEST_BYTES = 4_000_000;
const MAX_PLAYLISTS = 500;
/** Of all playlists of a title, which are kept until it is taken in. */
const MAX_PLAYLIST_BYTES = 64_000_000;
const MAX_PARTS = 500_000;

/** Which files of a title are its manifests. */
export interface ManifestNames {
  /** Must be there. */
  readonly required: readonly string[];
  /** Are read if they are there. */
  readonly optional: readonly string[];
  /** The title is this one CMAF file, and has no manifests. */
  readonly mediaFile?: string;
}

/**
 * Reads the multivariant playlist, all media playlists and the MPD.
 * @throws OperationalError MEDIA_BROKEN, also when there is neither playlist nor MPD
 */
export async function readManifests(
  source: TitleSource,
  names: ManifestNames,
  signal: AbortSignal,
): Promise<ReadManifests> {
  const texts = new Map<string, Buffer>();
  let hls: ReadHls | undefined;
  let dash: ReadDash | undefined;
  for (const name of [...names.required, ...names.optional]) {
    const text = await readText(source, name, signal);
    if (text === undefined && names.required.includes(name)) throw noSuchFile(name);
    if (text === undefined) continue;
    texts.set(name, text);
    if (/\.mpd$/i.test(name)) dash = readDash(source, name, text.toString('utf8'));
    else hls = await readHls(source, name, text.toString('utf8'), texts, signal);
  }
  if (hls === undefined && dash === undefined && names.mediaFile === undefined)
    throw new OperationalError('MEDIA_BROKEN', `${source.description}: has neither ${names.optional.join(' nor ')}`);
  return { hls, dash, texts };
}

async function readHls(
  source: TitleSource,
  path: string,
  text: string,
  texts: Map<string, Buffer>,
  signal: AbortSignal,
): Promise<ReadHls> {
  const playlist = readPlaylist(text, path);
  if (playlist.kind === 'media')
    throw new OperationalError('MEDIA_BROKEN', `playlist ${path} is a media playlist; give the multivariant one`);
  const uris = [
    ...playlist.variants.map(({ uri }) => uri),
    ...playlist.media.flatMap(({ uri }) => uri ?? []),
    ...playlist.iFramePlaylistUris,
  ];
  const mediaPlaylists = new Map<string, ReadMediaPlaylist>();
  let [sizeBytes, partCount] = [0, 0];
  for (const uri of new Set(uris)) {
    if (mediaPlaylists.size === MAX_PLAYLISTS)
      throw new OperationalError('MEDIA_BROKEN', `playlist ${path} names more than ${MAX_PLAYLISTS} playlists`);
    const mediaPath = titlePathOf(uri, source.folderUrl + path, source.folderUrl, `playlist ${path}`);
    const bytes = await readText(source, mediaPath, signal);
    if (bytes === undefined) throw noSuchFile(mediaPath);
    texts.set(mediaPath, bytes);
    const media = readPlaylist(bytes.toString('utf8'), mediaPath);
    sizeBytes += bytes.length;
    if (media.kind === 'media') partCount += media.parts.length;
    if (sizeBytes > MAX_PLAYLIST_BYTES || partCount > MAX_PARTS)
      throw new OperationalError(
        'MEDIA_BROKEN',
        `the playlists of ${path} are over ${MAX_PLAYLIST_BYTES} bytes or ${MAX_PARTS} segments together`,
      );
    if (media.kind !== 'media')
      throw new OperationalError(
        'MEDIA_BROKEN',
        `playlist ${path} names ${mediaPath}, which is another multivariant one`,
      );
    const baseUrl = source.folderUrl + mediaPath;
    const partPaths = media.parts.map((part) =>
      titlePathOf(part.uri, baseUrl, source.folderUrl, `playlist ${mediaPath}`),
    );
    mediaPlaylists.set(uri, { path: mediaPath, playlist: media, partPaths });
  }
  return { path, playlist, mediaPlaylists };
}

function readDash(source: TitleSource, path: string, text: string): ReadDash {
  const url = source.folderUrl + path;
  const mpd = readMpd(text, url, path);
  const partPaths = new Map(
    mpd.representations.map(({ id, parts }) => [
      id,
      parts.map((part) => titlePathOf(part.url, url, source.folderUrl, `MPD ${path}, representation ${id}`)),
    ]),
  );
  return { path, text, mpd, partPaths };
}

async function readText(source: TitleSource, path: string, signal: AbortSignal): Promise<Buffer | undefined> {
  const opened = await source.open(path, signal);
  if (opened === undefined) return undefined;
  const tooLarge = (): OperationalError =>
    new OperationalError('MEDIA_BROKEN', `${path}: a manifest over the limit of ${MAX_MANIFEST_BYTES} bytes`);
  try {
    if ((opened.sizeBytes ?? 0) > MAX_MANIFEST_BYTES) throw tooLarge();
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of opened.chunks) {
      sizeBytes += piece.length;
      if (sizeBytes > MAX_MANIFEST_BYTES) throw tooLarge();
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  } finally {
    opened.close();
  }
}
