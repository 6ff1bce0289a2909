import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { scrambled } from '../../appliance/store/eviction/structures/hash-of-key.ts';
import { type Trace, traceOf } from './trace.ts';

/**
 * Video requests of a campus network, two days, when their folder is there. The log says who asked for which video and
 * when, not how large it is: each video is given one of the six bitrates of a real title, by its number, and the log is
 * replayed twice, as whole videos ("videos") and segment by segment at the pace of playing ("segments", an expanded
 * trace: it assumes that everybody watches to the end).
 */
const DAYS = [
  ['day 1', 'campus-video-day1.tsv.gz'],
  ['day 2', 'campus-video-day2-first12h.tsv.gz'],
] as const;
const SEGMENT_SEC = 4;
const SEGMENT = /video(\d)\/(\d+)\.m4s/;
/** More than a rendition has segments. */
const SEGMENTS_PER_VIDEO = 64;

/** @returns undefined when the folder does not hold them */
export function campusTraces(dataDir: string): Trace[] | undefined {
  const sizesFile = join(dataDir, 'media/segment-sizes-six-bitrates.tsv');
  const files = DAYS.map(([day, name]) => ({ day, file: join(dataDir, 'requests', name) }));
  if (![sizesFile, ...files.map(({ file }) => file)].every((file) => existsSync(file))) return undefined;
  const renditions = readSegmentSizes(sizesFile);
  const days = files.map(({ day, file }) => ({ day, asked: readRequests(file) }));
  const segmentsOf = (video: number): readonly number[] => renditions[scrambled(video) % renditions.length] ?? [];
  return [
    ...days.map(({ day, asked }) =>
      traceOf(
        `${day}, videos`,
        asked.map(({ video }) => ({ id: video, bytes: segmentsOf(video).reduce((sum, bytes) => sum + bytes, 0) })),
      ),
    ),
    ...days.map(({ day, asked }) => traceOf(`${day}, segments`, expanded(asked, segmentsOf))),
  ];
}

interface Asked {
  readonly atSec: number;
  readonly video: number;
}

function expanded(asked: readonly Asked[], segmentsOf: (video: number) => readonly number[]) {
  return asked
    .flatMap(({ atSec, video }) =>
      segmentsOf(video).map((bytes, index) => ({
        atSec: atSec + index * SEGMENT_SEC,
        id: video * SEGMENTS_PER_VIDEO + index,
        bytes,
      })),
    )
    .sort((a, b) => a.atSec - b.atSec);
}

function readRequests(file: string): Asked[] {
  const [, ...lines] = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
  return lines.map((line) => {
    const [seconds, , video] = line.split('\t');
    return { atSec: Number(seconds), video: Number(video) };
  });
}

/** Per rendition the sizes of its segments in order. */
function readSegmentSizes(file: string): number[][] {
  const byRendition = new Map<string, number[]>();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const [bytes, path = ''] = line.split('\t');
    const [, rendition, segment] = SEGMENT.exec(path) ?? [];
    if (rendition === undefined) continue;
    const sizes = byRendition.get(rendition) ?? [];
    byRendition.set(rendition, sizes);
    sizes[Number(segment) - 1] = Number(bytes);
  }
  return [...byRendition.values()];
}
