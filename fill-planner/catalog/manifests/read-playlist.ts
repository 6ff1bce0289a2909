import { Parser } from 'm3u8-parser';
import { OperationalError } from '../../../src/errors/operational-error.ts';

/** HLS playlists (RFC 8216bis) as ingest needs them. The one place that knows m3u8-parser. */
export type Playlist = MultivariantPlaylist | MediaPlaylist;

export interface MultivariantPlaylist {
  readonly kind: 'multivariant';
  readonly version: number;
  readonly independentSegments: boolean;
  readonly variants: readonly PlaylistVariant[];
  readonly media: readonly PlaylistMedia[];
  /** EXT-X-I-FRAME-STREAM-INF: playlists of key frames over the same files. */
  readonly iFramePlaylistUris: readonly string[];
}

export interface PlaylistVariant {
  readonly uri: string;
  readonly bandwidthBitsPerSec: number;
  readonly averageBandwidthBitsPerSec: number | undefined;
  readonly codecs: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly frameRate: number | undefined;
  readonly audioGroup: string | undefined;
  readonly stableId: string | undefined;
}

export interface PlaylistMedia {
  readonly type: 'AUDIO' | 'SUBTITLES';
  readonly group: string;
  readonly name: string;
  readonly language: string | undefined;
  readonly channels: string | undefined;
  readonly default: boolean;
  readonly autoselect: boolean;
  readonly stableId: string | undefined;
  /** Undefined when the variants carry it themselves. */
  readonly uri: string | undefined;
}

export interface MediaPlaylist {
  readonly kind: 'media';
  readonly durationMs: number;
  /** Initialization sections and segments in the order of their first mention. */
  readonly parts: readonly PlaylistPart[];
}

export interface PlaylistPart {
  readonly kind: 'init' | 'segment';
  readonly uri: string;
  /** Undefined: the whole file. */
  readonly range: { readonly startByte: number; readonly sizeBytes: number } | undefined;
  /** 0 of an initialization. */
  readonly durationMs: number;
}

const MAX_SEGMENTS = 200_000;
const MAX_MEDIA = 1000;
/** The sum of the squares of the tags' lengths: a second or two of the parser. A film of 200,000 segments needs half. */
const MAX_TAG_WORK = 1e9;
const MEDIA_TAG = /^#EXT-X-MEDIA:/;
/**
 * m3u8-parser files renditions under their TYPE, GROUP-ID and NAME in plain objects, where these names reach the
 * prototype that all objects of this process have in common.
 */
const INHERITED_NAME = new RegExp(
  `=\\s*['"]?(${Object.getOwnPropertyNames(Object.prototype).join('|')})['"]?\\s*(?:,|$)`,
  'm',
);

/** @throws OperationalError MEDIA_BROKEN when it is no playlist of a finished title */
export function readPlaylist(text: string, namedIn: string): Playlist {
  if (!/^\uFEFF?#EXTM3U/.test(text)) throw broken(namedIn, 'does not begin with #EXTM3U');
  // m3u8-parser passes over a range that it cannot read, which would turn a part of a file into all of it.
  const unreadable = /^#EXT-X-BYTERANGE:(?!\d+(?:@\d+)?\s*$).*/m.exec(text)?.[0];
  if (unreadable !== undefined) throw broken(namedIn, `has '${unreadable.slice(0, 80)}', which is not LENGTH@OFFSET`);
  const inherited = INHERITED_NAME.exec(text)?.[1];
  if (inherited !== undefined) throw broken(namedIn, `has the name '${inherited}', which is not taken`);
  checkTags(text, namedIn);
  const parser = new Parser();
  // m3u8-parser drops CHANNELS and STABLE-RENDITION-ID; they are read from the tag lines, taken as they pass.
  const mediaLines: string[] = [];
  parser.addTagMapper({
    expression: MEDIA_TAG,
    map: (line) => {
      mediaLines.push(line);
      return line;
    },
  });
  try {
    parser.push(text);
    parser.end();
  } catch (error) {
    throw broken(namedIn, error instanceof Error ? error.message : String(error));
  }
  const { manifest } = parser;
  return manifest.playlists === undefined
    ? readMedia(manifest, namedIn)
    : readMultivariant(manifest, mediaLines, namedIn);
}

/** m3u8-parser's expressions take the square of a tag's length where quotes or names do not end: hours, for 4 MB. */
function checkTags(text: string, namedIn: string): void {
  let work = 0;
  for (const line of text.split('\n')) {
    const tag = line.trim();
    if (!tag.startsWith('#')) continue;
    // What variables make of names is known too late, and players differ in it.
    if (tag.startsWith('#EXT-X-DEFINE')) throw broken(namedIn, 'uses EXT-X-DEFINE, and variables are not taken');
    work += tag.length ** 2;
    if (work > MAX_TAG_WORK) throw broken(namedIn, `has tags too long or too many, up to '${tag.slice(0, 40)}'`);
  }
}

type Manifest = Parser['manifest'];

function readMultivariant(manifest: Manifest, mediaLines: string[], namedIn: string): MultivariantPlaylist {
  const variants = (manifest.playlists ?? []).map((playlist): PlaylistVariant => {
    // The parser leaves them out for a tag without any, whatever its types say.
    const attributes = (playlist.attributes as typeof playlist.attributes | undefined) ?? {};
    const bandwidth = asNumber(attributes.BANDWIDTH);
    if (bandwidth === undefined || bandwidth <= 0) throw broken(namedIn, `variant ${playlist.uri} has no BANDWIDTH`);
    return {
      uri: playlist.uri,
      bandwidthBitsPerSec: Math.round(bandwidth),
      averageBandwidthBitsPerSec: asNumber(attributes['AVERAGE-BANDWIDTH']),
      codecs: attributes.CODECS,
      width: asNumber(attributes.RESOLUTION?.width),
      height: asNumber(attributes.RESOLUTION?.height),
      frameRate: asNumber(attributes['FRAME-RATE']),
      audioGroup: attributes.AUDIO,
      stableId: asText(attributes['STABLE-VARIANT-ID']),
    };
  });
  if (variants.length === 0) throw broken(namedIn, 'names no variant');
  if (mediaLines.length > MAX_MEDIA) throw broken(namedIn, `has more than ${MAX_MEDIA} EXT-X-MEDIA tags`);
  return {
    kind: 'multivariant',
    version: manifest.version ?? 1,
    independentSegments: manifest.independentSegments ?? false,
    variants,
    media: (['AUDIO', 'SUBTITLES'] as const).flatMap((type) => readMediaGroups(manifest, type, mediaLines)),
    iFramePlaylistUris: (manifest.iFramePlaylists ?? []).map(({ uri }) => uri).filter((uri) => uri !== undefined),
  };
}

function readMediaGroups(manifest: Manifest, type: PlaylistMedia['type'], mediaLines: string[]): PlaylistMedia[] {
  return Object.entries(manifest.mediaGroups?.[type] ?? {}).flatMap(([group, items]) =>
    Object.entries(items).map(([name, item]): PlaylistMedia => {
      const line = mediaLines.find(
        (candidate) =>
          candidate.includes(`TYPE=${type}`) &&
          quotedAttribute(candidate, 'GROUP-ID') === group &&
          quotedAttribute(candidate, 'NAME') === name,
      );
      return {
        type,
        group,
        name,
        language: item.language as string | undefined,
        channels: line === undefined ? undefined : quotedAttribute(line, 'CHANNELS'),
        default: item.default,
        autoselect: item.autoselect,
        stableId: line === undefined ? undefined : quotedAttribute(line, 'STABLE-RENDITION-ID'),
        uri: item.uri,
      };
    }),
  );
}

function readMedia(manifest: Manifest, namedIn: string): MediaPlaylist {
  const { segments } = manifest;
  if (segments.length === 0) throw broken(namedIn, 'has no segments');
  if (segments.length > MAX_SEGMENTS) throw broken(namedIn, `has more than ${MAX_SEGMENTS} segments`);
  if (manifest.endList !== true) throw broken(namedIn, 'has no EXT-X-ENDLIST: it is live, not a finished title');
  const parts: PlaylistPart[] = [];
  let durationSec = 0;
  let lastMap: unknown;
  for (const [index, segment] of segments.entries()) {
    if (segment.map !== undefined && segment.map !== lastMap) {
      lastMap = segment.map;
      if (typeof segment.map.uri !== 'string') throw broken(namedIn, 'has an EXT-X-MAP without URI');
      parts.push({
        kind: 'init',
        uri: segment.map.uri,
        range: checkRange(segment.map.byterange, namedIn, 'its EXT-X-MAP'),
        durationMs: 0,
      });
    }
    if (!(segment.duration >= 0 && segment.duration < 1e6)) throw broken(namedIn, `segment ${index} has no duration`);
    durationSec += segment.duration;
    parts.push({
      kind: 'segment',
      uri: segment.uri,
      range: checkRange(segment.byterange, namedIn, `segment ${index}`),
      durationMs: segment.duration * 1000,
    });
  }
  return { kind: 'media', durationMs: Math.round(durationSec * 1000), parts };
}

function checkRange(
  range: { length?: number; offset?: number } | undefined,
  namedIn: string,
  what: string,
): PlaylistPart['range'] {
  if (range === undefined) return undefined;
  const { length, offset = 0 } = range;
  if (length === undefined || !Number.isSafeInteger(length) || length <= 0 || !Number.isSafeInteger(offset))
    throw broken(namedIn, `the byte range of ${what} is not LENGTH@OFFSET`);
  return { startByte: offset, sizeBytes: length };
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function asNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

const quotedAttribute = (line: string, name: string): string | undefined =>
  new RegExp(`[:,]${name}="([^"]*)"`).exec(line)?.[1];

const broken = (namedIn: string, why: string): OperationalError =>
  new OperationalError('MEDIA_BROKEN', `playlist ${namedIn} ${why}`);
