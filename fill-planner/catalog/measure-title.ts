import type { PlaylistSegment, RenditionDraft, TitleDraft } from './manifests/title-draft.ts';
import { measureRendition, type RenditionMeasures } from './measure-rendition.ts';
import type { FileFacts } from './media/examine-file.ts';
import { type MappedSegment, timedSegments } from './media/map-segments.ts';

export interface IngestedMeasures extends RenditionMeasures {
  /** RFC 6381 names, joined by commas; '' where no box says. */
  readonly codecs: string;
}

/** Segments by path, in the time of the header that they rely on; where a file has no boxes, as its playlist says. */
export function timeSegments(
  { renditions }: TitleDraft,
  facts: ReadonlyMap<string, FileFacts>,
): ReadonlyMap<string, readonly MappedSegment[]> {
  const timed = new Map<string, readonly MappedSegment[]>();
  for (const { mediaPaths, headerPaths, playlistSegments } of renditions) {
    const header = headerPaths.map((path) => facts.get(path)?.map?.movie).find((movie) => movie !== undefined);
    for (const path of mediaPaths) {
      const file = facts.get(path);
      if (file?.map !== undefined) timed.set(path, timedSegments(file.map, header));
      else if (file !== undefined) timed.set(path, placeSegments(playlistSegments.get(path) ?? [], file.sizeBytes));
    }
  }
  return timed;
}

function placeSegments(segments: readonly PlaylistSegment[], fileBytes: number): MappedSegment[] {
  let startMs = 0;
  return segments.map(({ startByte, sizeBytes, durationMs }) => {
    const placed = { startByte, sizeBytes: sizeBytes ?? fileBytes - startByte, startMs, durationMs };
    startMs += durationMs;
    return placed;
  });
}

/** The manifests: wanted whole wherever anything of the title is. */
const NOTHING_TO_PLAY: IngestedMeasures = { durationMs: 0, codecs: '', headBytes: [] };

/** One for each rendition of the assembled title: those of the draft, then the manifests. */
export function measureTitle(
  { renditions }: TitleDraft,
  facts: ReadonlyMap<string, FileFacts>,
  timed: ReadonlyMap<string, readonly MappedSegment[]>,
): IngestedMeasures[] {
  const measure = ({ mediaPaths, playlistPaths, headerPaths }: RenditionDraft): IngestedMeasures => {
    const files = [...mediaPaths, ...playlistPaths].map((path, index) => ({
      sizeBytes: facts.get(path)?.sizeBytes ?? 0,
      segments: timed.get(path) ?? [],
      isPlaylist: index >= mediaPaths.length,
    }));
    const movie = [...headerPaths, ...mediaPaths].map((path) => facts.get(path)?.map?.movie).find((found) => found);
    return { ...measureRendition(files), codecs: movie?.tracks.map(({ codec }) => codec).join(',') ?? '' };
  };
  return [...renditions.map(measure), NOTHING_TO_PLAY];
}
