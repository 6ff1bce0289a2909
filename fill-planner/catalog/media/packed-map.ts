import { deflateSync, inflateSync } from 'node:zlib';
import type { MappedSegment, SegmentMap } from './map-segments.ts';

/**
 * Segment maps at rest: deflated JSON of rows. As plain JSON the map of a film of two hours is 290 kB, of 200,000
 * renditions 58 GB; packed it is about a tenth.
 */
export const packSegments = (segments: readonly MappedSegment[]): Buffer => pack(segments.map(rowOf));

/** @param packed what `packSegments` gave, or the JSON text that older programs stored */
export function unpackSegments(packed: unknown): MappedSegment[] {
  if (typeof packed === 'string') return JSON.parse(packed) as MappedSegment[];
  return Buffer.isBuffer(packed) ? (unpack(packed) as SegmentRow[]).map(segmentOf) : [];
}

/** Everything that is known of a file's boxes. */
export function packMap({ movie, segments, untimed, borders }: SegmentMap): Buffer {
  return pack({ movie, segments: segments.map(rowOf), untimed, borders: steps(borders) });
}

export function unpackMap(packed: Buffer): SegmentMap {
  const { movie, segments, untimed, borders } = unpack(packed) as Omit<SegmentMap, 'segments'> & {
    readonly segments: readonly SegmentRow[];
  };
  let at = 0;
  const places = borders.map((step) => {
    at += step;
    return at;
  });
  return { movie, segments: segments.map(segmentOf), untimed, borders: places };
}

export const pack = (value: unknown): Buffer => deflateSync(JSON.stringify(value));
export const unpack = (packed: Buffer): unknown => JSON.parse(inflateSync(packed).toString('utf8'));

type SegmentRow = readonly [startByte: number, sizeBytes: number, startMs: number, durationMs: number];

const rowOf = ({ startByte, sizeBytes, startMs, durationMs }: MappedSegment): SegmentRow => [
  startByte,
  sizeBytes,
  startMs,
  durationMs,
];

const segmentOf = ([startByte, sizeBytes, startMs, durationMs]: SegmentRow): MappedSegment => ({
  startByte,
  sizeBytes,
  startMs,
  durationMs,
});

/** Distances repeat where places do not, so they pack well. */
const steps = (places: readonly number[]): number[] => places.map((place, index) => place - (places[index - 1] ?? 0));
