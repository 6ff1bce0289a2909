/**
 * The segment index of a single-file rendition: where the initialisation bytes end and where each segment lies.
 *
 * A fragmented MP4 that opens with `ftyp moov sidx` says all of it in its first kilobyte (ISO/IEC 14496-12, 8.16.3). The
 * demo needs these numbers once, when its title is made; the product reads them with its own segment map at ingest.
 */

/** One media segment: bytes [start, end) of the file and how long it plays. */
export type Segment = {
  readonly start: number;
  readonly end: number;
  /** In units of the index's timescale. */
  readonly durationUnits: number;
  readonly durationSeconds: number;
};

/** What a playlist writer has to know about one file. All offsets are bytes, half-open. */
export type SegmentIndex = {
  /** `ftyp` and `moov`: bytes [0, initEnd). */
  readonly initEnd: number;
  /** Units per second of the sidx and of every `durationUnits`. */
  readonly timescale: number;
  readonly segments: readonly Segment[];
  readonly durationSeconds: number;
  /** RFC 6381 text for manifests, such as `avc1.4d400c` or `mp4a.40.2`. */
  readonly codec: string;
};

type Box = { readonly type: string; readonly start: number; readonly end: number };

function topLevelBoxes(file: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let start = 0; start < file.length; ) {
    const sizeBytes = file.readUInt32BE(start);
    const type = file.toString('latin1', start + 4, start + 8);
    if (sizeBytes < 8 || start + sizeBytes > file.length) throw new Error(`box ${type} at ${start} leaves the file`);
    boxes.push({ type, start, end: start + sizeBytes });
    start += sizeBytes;
  }
  return boxes;
}

function readSidx(file: Buffer, sidx: Box): { timescale: number; segments: Segment[] } {
  const version = file.readUInt8(sidx.start + 8);
  const timescale = file.readUInt32BE(sidx.start + 16);
  let at = sidx.start + 20;
  const firstOffset = version === 0 ? file.readUInt32BE(at + 4) : Number(file.readBigUInt64BE(at + 8));
  at += version === 0 ? 8 : 16;
  const count = file.readUInt16BE(at + 2);
  at += 4;
  const segments: Segment[] = [];
  let start = sidx.end + firstOffset;
  for (let n = 0; n < count; n += 1, at += 12) {
    const sizeBytes = file.readUInt32BE(at);
    if (sizeBytes >= 0x8000_0000) throw new Error('a sidx that points to another sidx is not what this title uses');
    const durationUnits = file.readUInt32BE(at + 4);
    segments.push({ start, end: start + sizeBytes, durationUnits, durationSeconds: durationUnits / timescale });
    start += sizeBytes;
  }
  if (start !== file.length) throw new Error(`the sidx covers ${start} of ${file.length} bytes`);
  return { timescale, segments };
}

function readCodec(moov: Buffer): string {
  const avcC = moov.indexOf('avcC', 0, 'latin1');
  if (avcC >= 0) return `avc1.${moov.toString('hex', avcC + 5, avcC + 8)}`;
  if (moov.includes('mp4a', 0, 'latin1')) return 'mp4a.40.2';
  throw new Error('neither H.264 nor AAC');
}

/** Reads the index of one whole file. Throws when the file is not `ftyp moov sidx (moof mdat)+`. */
export function readSegmentIndex(file: Buffer): SegmentIndex {
  const boxes = topLevelBoxes(file);
  const [ftyp, moov, sidx] = boxes;
  if (ftyp?.type !== 'ftyp' || moov?.type !== 'moov' || sidx?.type !== 'sidx') {
    throw new Error(
      `the file opens with ${boxes
        .slice(0, 3)
        .map((box) => box.type)
        .join(' ')}, not ftyp moov sidx`,
    );
  }
  const { timescale, segments } = readSidx(file, sidx);
  return {
    initEnd: moov.end,
    timescale,
    segments,
    durationSeconds: segments.reduce((sum, segment) => sum + segment.durationSeconds, 0),
    codec: readCodec(file.subarray(moov.start, moov.end)),
  };
}
