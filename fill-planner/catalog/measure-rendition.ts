/**
 * How long a rendition plays, and which bytes of it are its head: what a player needs to show the first seconds.
 *
 * A cluster that cannot hold a title whole can still hold its head, so that every title starts from inside the ISP. A
 * head of a fixed number of bytes would be a tenth of a second of one rung and a minute of another, and would end in
 * the middle of a segment, of which a player can show nothing. So it is cut where the segment map says that ten seconds
 * are complete: the header, the segments up to there, and the playlists, without which no player finds them. In a
 * rendition of one file the head is its beginning, in one of many files it is the first of them.
 *
 * Limits: where no segment ends early (a file without an index, a title that is shorter) there is no head.
 */
export interface PlayedFile {
  readonly sizeBytes: number;
  /** In the order of playing; empty for headers, playlists and files that nobody describes. */
  readonly segments: readonly { readonly startByte: number; readonly sizeBytes: number; readonly durationMs: number }[];
  readonly isPlaylist: boolean;
}

export interface RenditionMeasures {
  /** 0 where no file says. */
  readonly durationMs: number;
  /** For each file how many of its first bytes belong to the head: 0 to all. All 0: there is no head. */
  readonly headBytes: readonly number[];
}

/** Three segments of the usual length: enough to start and to reach the next source. */
const HEAD_MS = 10_000;

/** @param files in the order of playing */
export function measureRendition(files: readonly PlayedFile[]): RenditionMeasures {
  let durationMs = 0;
  let cutByte: number | undefined;
  const headBytes = files.map(({ sizeBytes, segments, isPlaylist }) => {
    if (isPlaylist) return sizeBytes;
    const isBehind = cutByte !== undefined;
    for (const segment of segments) {
      durationMs += segment.durationMs;
      if (durationMs >= HEAD_MS - 1) cutByte ??= segment.startByte + segment.sizeBytes;
    }
    return isBehind ? 0 : Math.min(cutByte ?? sizeBytes, sizeBytes);
  });
  const isCut = files.some(({ sizeBytes }, index) => (headBytes[index] ?? 0) < sizeBytes);
  return { durationMs: Math.round(durationMs), headBytes: isCut ? headBytes : files.map(() => 0) };
}
