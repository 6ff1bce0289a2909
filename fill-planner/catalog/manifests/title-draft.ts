import type { Mpd } from './read-mpd.ts';
import type { MediaPlaylist, MultivariantPlaylist } from './read-playlist.ts';

/**
 * What the manifests of a title say together, before any media byte was read: which renditions there are and which
 * files each is made of. HLS and DASH name the same encodings in two ways; two names are one rendition when their first
 * segment is in the same file. A file that several renditions use (a common initialization, say) belongs to the
 * title's manifests, which every holder of any rendition needs anyway.
 */
export interface TitleDraft {
  readonly durationMs: number;
  readonly renditions: readonly RenditionDraft[];
  /** Multivariant playlist, MPD and files that several renditions use. */
  readonly sharedPaths: readonly string[];
  readonly claims: readonly ByteClaim[];
}

export interface RenditionDraft {
  readonly name: string;
  readonly kind: 'video' | 'audio' | 'text';
  /** Initialization first, then segments in the order of playing. */
  readonly mediaPaths: readonly string[];
  readonly playlistPaths: readonly string[];
  /** Initializations, those that it shares with others included. */
  readonly headerPaths: readonly string[];
  /** What its playlist says of the segments in each file: for files that have no boxes to ask. */
  readonly playlistSegments: ReadonlyMap<string, readonly PlaylistSegment[]>;
}

export interface PlaylistSegment {
  readonly startByte: number;
  /** Undefined: to the end of the file. */
  readonly sizeBytes: number | undefined;
  readonly durationMs: number;
}

/** A manifest's word that these bytes of a file are something of their own. */
export interface ByteClaim {
  readonly path: string;
  readonly startByte: number;
  readonly sizeBytes: number;
  readonly namedIn: string;
}

/** A manifest that was read, with its references turned into paths inside the title. */
export interface ReadHls {
  readonly path: string;
  readonly playlist: MultivariantPlaylist;
  /** By the reference in the multivariant playlist: where the media playlist is and what it says. */
  readonly mediaPlaylists: ReadonlyMap<string, ReadMediaPlaylist>;
}

export interface ReadMediaPlaylist {
  readonly path: string;
  readonly playlist: MediaPlaylist;
  /** Paths of `playlist.parts`, in their order. */
  readonly partPaths: readonly string[];
}

export interface ReadDash {
  readonly path: string;
  readonly text: string;
  readonly mpd: Mpd;
  /** By representation id: paths of its parts, in their order. */
  readonly partPaths: ReadonlyMap<string, readonly string[]>;
}

interface Part {
  readonly kind: 'init' | 'segment';
  readonly path: string;
  readonly range: { readonly startByte: number; readonly sizeBytes: number } | undefined;
  readonly durationMs?: number;
}

interface Encoding {
  readonly names: readonly string[];
  readonly kind: RenditionDraft['kind'];
  readonly parts: readonly Part[];
  readonly playlistPath: string | undefined;
  readonly namedIn: string;
}

/** A title that is one CMAF file: its boxes say everything. */
export function draftOfFile(path: string): TitleDraft {
  const name = nameOf([{ names: namesFromPath(path) }], new Set());
  const rendition = { name, kind: 'video', mediaPaths: [path], playlistPaths: [], headerPaths: [] } as const;
  return { durationMs: 0, renditions: [{ ...rendition, playlistSegments: new Map() }], sharedPaths: [], claims: [] };
}

/** Joins what HLS and DASH say. */
export function draftTitle(hls: ReadHls | undefined, dash: ReadDash | undefined): TitleDraft {
  const encodings = [
    ...(hls === undefined ? [] : hlsEncodings(hls)),
    ...(dash === undefined ? [] : dashEncodings(dash)),
  ];
  const groups = [...Map.groupBy(encodings, firstSegmentPath).values()];
  const users = new Map<string, Set<number>>();
  groups.forEach((group, index) => {
    for (const { parts } of group) {
      for (const { path } of parts) users.set(path, (users.get(path) ?? new Set()).add(index));
    }
  });
  const isShared = (path: string): boolean => (users.get(path)?.size ?? 0) > 1;
  const takenNames = new Set<string>(['manifests']);
  const manifestPaths = [hls?.path, dash?.path].filter((path) => path !== undefined);
  return {
    durationMs: Math.max(
      dash?.mpd.durationMs ?? 0,
      ...[...(hls?.mediaPlaylists.values() ?? [])].map(({ playlist }) => playlist.durationMs),
    ),
    renditions: groups.map((group) => ({
      name: nameOf(group, takenNames),
      kind: group[0]?.kind ?? 'video',
      mediaPaths: unique([...pathsOf(group, 'init'), ...pathsOf(group, 'segment')]).filter((path) => !isShared(path)),
      playlistPaths: unique(group.map(({ playlistPath }) => playlistPath).filter((path) => path !== undefined)),
      headerPaths: unique(pathsOf(group, 'init')),
      playlistSegments: playlistSegmentsOf(group),
    })),
    sharedPaths: unique([...manifestPaths, ...[...users.keys()].filter(isShared)]),
    claims: encodings.flatMap(({ parts, namedIn }) =>
      parts.flatMap(({ path, range }) => (range === undefined ? [] : [{ path, ...range, namedIn }])),
    ),
  };
}

function hlsEncodings(hls: ReadHls): Encoding[] {
  const { playlist, mediaPlaylists } = hls;
  const variants = playlist.variants.map((variant) => ({
    uri: variant.uri,
    stableId: variant.stableId,
    // A variant without a picture size and with only audio codecs is audio alone.
    kind:
      variant.width === undefined && variant.codecs !== undefined && variant.codecs.split(',').every(isAudioCodec)
        ? ('audio' as const)
        : ('video' as const),
  }));
  const media = playlist.media.flatMap((item) =>
    item.uri === undefined
      ? []
      : [
          {
            uri: item.uri,
            stableId: item.stableId,
            kind: item.type === 'AUDIO' ? ('audio' as const) : ('text' as const),
          },
        ],
  );
  const iFrames = playlist.iFramePlaylistUris.map((uri) => ({ uri, stableId: undefined, kind: 'video' as const }));
  return [...variants, ...media, ...iFrames].map(({ uri, stableId, kind }): Encoding => {
    const read = mediaPlaylists.get(uri);
    if (read === undefined) throw new Error(`playlist '${uri}' was not read`);
    return {
      names: [...(stableId === undefined ? [] : [stableId]), ...namesFromPath(read.path)],
      kind,
      parts: read.playlist.parts.map((part, index) => ({ ...part, path: read.partPaths[index] ?? '' })),
      playlistPath: read.path,
      namedIn: `playlist ${read.path}`,
    };
  });
}

function dashEncodings(dash: ReadDash): Encoding[] {
  return dash.mpd.representations.map(({ id, kind, parts }) => ({
    names: [id],
    kind,
    parts: parts.map((part, index) => ({ ...part, path: dash.partPaths.get(id)?.[index] ?? '' })),
    playlistPath: undefined,
    namedIn: `MPD ${dash.path}, representation ${id}`,
  }));
}

const isAudioCodec = (codec: string): boolean => /^\s*(?:mp4a|ac-3|ec-3|ac-4|opus|flac|fLaC|Opus)\b/.test(codec);

const firstSegmentPath = (encoding: Encoding): string =>
  encoding.parts.find(({ kind }) => kind === 'segment')?.path ?? encoding.playlistPath ?? '';

const pathsOf = (group: readonly Encoding[], kind: Part['kind']): string[] =>
  group.flatMap(({ parts }) => parts.filter((part) => part.kind === kind).map(({ path }) => path));

/** Of the first playlist of the group: others (key frames for seeking, say) speak of the same files again. */
function playlistSegmentsOf(group: readonly Encoding[]): Map<string, PlaylistSegment[]> {
  const segments = (group.find(({ playlistPath }) => playlistPath !== undefined)?.parts ?? []).flatMap(
    ({ kind, path, range, durationMs }) =>
      kind === 'init' || durationMs === undefined
        ? []
        : [{ path, startByte: range?.startByte ?? 0, sizeBytes: range?.sizeBytes, durationMs }],
  );
  return Map.groupBy(segments, ({ path }) => path);
}

const unique = (paths: readonly string[]): string[] => [...new Set(paths)];

/** `video/720p/index.m3u8` could be called `index` or `720p`: the more telling one first. */
function namesFromPath(path: string): string[] {
  const [file = '', folder] = path.split('/').reverse();
  const base = file.replace(/\.[^.]*$/, '');
  return folder === undefined || !/^(?:index|playlist|main|media|prog_index|stream)$/i.test(base)
    ? [base]
    : [folder, base];
}

function nameOf(group: readonly Pick<Encoding, 'names'>[], taken: Set<string>): string {
  const candidates = group
    .flatMap(({ names }) => names)
    .map((name) => name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 56))
    .filter((name) => /[A-Za-z0-9]/.test(name));
  const [first = 'rendition'] = candidates;
  let name = candidates.find((candidate) => !taken.has(candidate)) ?? first;
  for (let number = 2; taken.has(name); number += 1) name = `${first}-${number}`;
  taken.add(name);
  return name;
}
