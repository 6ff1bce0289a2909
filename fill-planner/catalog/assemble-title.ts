import type { CatalogueRendition, CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { filePathSchema } from '../../src/contracts/ids.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { ReadManifests } from './manifests/read-manifests.ts';
import type { ReadHls, TitleDraft } from './manifests/title-draft.ts';
import type { FileFacts } from './media/examine-file.ts';

/** Names of the catalogue from names inside the title, and the title in the words of its contract. */
export interface TitleNaming {
  readonly id: string;
  readonly name: string;
  /** Public URL path of the title's folder, without a trailing slash. */
  readonly pathPrefix: string;
  readonly originUrl: string;
}

/** @throws OperationalError MEDIA_BROKEN when a path would not be a public path */
export function publicPath(naming: TitleNaming, titlePath: string): string {
  const path = `${naming.pathPrefix}/${titlePath}`;
  const checked = filePathSchema.safeParse(path);
  if (!checked.success)
    throw new OperationalError('MEDIA_BROKEN', `'${path}' ${checked.error.issues[0]?.message ?? 'is no public path'}`);
  return path;
}

/** What manifests claim of byte ranges, against the files. @throws OperationalError MEDIA_BROKEN */
export function checkClaims(draft: TitleDraft, facts: ReadonlyMap<string, FileFacts>): void {
  const bordersOf = new Map<string, ReadonlySet<number>>();
  for (const claim of draft.claims) {
    const file = facts.get(claim.path);
    if (file === undefined) continue;
    const endByte = claim.startByte + claim.sizeBytes;
    const refuse = (why: string): never => {
      throw new OperationalError(
        'MEDIA_BROKEN',
        `${claim.namedIn}: bytes ${claim.startByte} to ${endByte - 1} of ${claim.path} ${why}`,
      );
    };
    if (endByte > file.sizeBytes) refuse(`reach beyond its ${file.sizeBytes} bytes`);
    if (file.map === undefined) continue;
    const borders = bordersOf.get(claim.path) ?? new Set(file.map.borders);
    bordersOf.set(claim.path, borders);
    if (!borders.has(claim.startByte)) refuse('begin in the middle of a box');
    if (!borders.has(endByte)) refuse('end in the middle of a box');
  }
}

/** @throws OperationalError MEDIA_BROKEN */
export function assembleTitle(
  naming: TitleNaming,
  manifests: ReadManifests,
  draft: TitleDraft,
  facts: ReadonlyMap<string, FileFacts>,
): CatalogueTitle {
  const rendition = (
    name: string,
    kind: CatalogueRendition['kind'],
    titlePaths: readonly string[],
  ): CatalogueRendition => {
    const files = titlePaths.map((titlePath) => {
      const file = facts.get(titlePath);
      if (file === undefined) throw new Error(`${titlePath} was not examined`);
      return { path: publicPath(naming, titlePath), sizeBytes: file.sizeBytes, root: file.root };
    });
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    return { id: `${naming.id}/${name}`, kind, files, sizeBytes };
  };
  const renditions = draft.renditions.map(({ name, kind, mediaPaths, playlistPaths }) =>
    rendition(name, trueKind(mediaPaths, facts) ?? kind, [...mediaPaths, ...playlistPaths]),
  );
  const title: CatalogueTitle = {
    id: naming.id,
    name: naming.name,
    durationMs: draft.durationMs,
    originUrl: naming.originUrl,
    renditions:
      draft.sharedPaths.length === 0
        ? renditions
        : [...renditions, rendition('manifests', 'manifest', draft.sharedPaths)],
  };
  const { hls, dash } = manifests;
  if (hls !== undefined) title.hls = describeHls(naming, hls, title.renditions);
  if (dash !== undefined) title.dash = { path: publicPath(naming, dash.path), mpd: dash.text };
  return title;
}

/** What the boxes say beats what the manifest says: a movie with pictures is video. */
function trueKind(
  mediaPaths: readonly string[],
  facts: ReadonlyMap<string, FileFacts>,
): CatalogueRendition['kind'] | undefined {
  const tracks = mediaPaths.map((path) => facts.get(path)?.map?.movie?.tracks).find((found) => found !== undefined);
  return (['video', 'audio', 'text'] as const).find((kind) => tracks?.some((track) => track.kind === kind));
}

function describeHls(
  naming: TitleNaming,
  hls: ReadHls,
  renditions: readonly CatalogueRendition[],
): NonNullable<CatalogueTitle['hls']> {
  const renditionOf = new Map(renditions.flatMap(({ id, files }) => files.map(({ path }) => [path, id] as const)));
  const place = (uri: string): { renditionId: string; playlistPath: string } => {
    const playlistPath = publicPath(naming, hls.mediaPlaylists.get(uri)?.path ?? '');
    return { renditionId: renditionOf.get(playlistPath) ?? '', playlistPath };
  };
  return {
    version: hls.playlist.version,
    independentSegments: hls.playlist.independentSegments,
    variants: hls.playlist.variants.map(({ uri, stableId: _, ...variant }) => ({
      ...place(uri),
      bandwidthBitsPerSec: variant.bandwidthBitsPerSec,
      ...given({
        averageBandwidthBitsPerSec: positiveInteger(variant.averageBandwidthBitsPerSec),
        codecs: variant.codecs,
        width: positiveInteger(variant.width),
        height: positiveInteger(variant.height),
        frameRate: variant.frameRate !== undefined && variant.frameRate > 0 ? variant.frameRate : undefined,
        audioGroup: variant.audioGroup,
      }),
    })),
    media: hls.playlist.media.flatMap(({ uri, stableId: _, language, channels, ...media }) =>
      uri === undefined ? [] : [{ ...place(uri), ...media, ...given({ language, channels }) }],
    ),
  };
}

const positiveInteger = (value: number | undefined): number | undefined =>
  value !== undefined && value >= 1 ? Math.round(value) : undefined;

/** The members that have a value: an absent member and one that is undefined differ in a contract. */
function given<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
