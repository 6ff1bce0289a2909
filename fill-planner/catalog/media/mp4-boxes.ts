import { createFile, type ISOFile, Log, MP4BoxBuffer } from 'mp4box';
import { OperationalError } from '../../../src/errors/operational-error.ts';

/**
 * The boxes of ISO/IEC 14496-12 that describe a CMAF file, one at a time. The one place that knows mp4box.
 *
 * mp4box reads well-formed boxes well. On broken ones it throws, prints, or loops as often as a count in the file says,
 * so each box comes here alone, with a limit on its size, and its counts are checked against its bytes before mp4box
 * sees it.
 */
export interface BoxBytes {
  readonly type: string;
  readonly bytes: Buffer;
  /** Where the box begins in its file: for messages. */
  readonly startByte: number;
  readonly path: string;
}

export interface Movie {
  readonly tracks: readonly MovieTrack[];
}

export interface MovieTrack {
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'text' | 'other';
  readonly codec: string;
  readonly timescale: number;
  /** Of a sample that states none itself, in the track's timescale. */
  readonly defaultSampleDuration: number;
}

export interface SegmentIndex {
  readonly timescale: number;
  readonly earliestTime: number;
  /** Distance from the end of the index box to the first segment. */
  readonly firstOffsetBytes: number;
  readonly references: readonly { readonly sizeBytes: number; readonly duration: number; readonly isIndex: boolean }[];
}

export interface Fragment {
  readonly trackId: number;
  /** Decode time of the first sample, in the track's timescale; undefined without a tfdt box. */
  readonly decodeTime: number | undefined;
  /** Sum over the samples; undefined when samples rely on the default of the movie header. */
  readonly duration: number | undefined;
  readonly sampleCount: number;
}

const KINDS: Readonly<Record<string, MovieTrack['kind']>> = {
  vide: 'video',
  soun: 'audio',
  subt: 'text',
  text: 'text',
};

/** Reads a `moov` box. @throws OperationalError MEDIA_BROKEN */
export function readMovie(box: BoxBytes): Movie {
  checkTables(box);
  return readBox(box, (file) => {
    const { moov } = file;
    const defaults = new Map((moov.mvex?.trexs ?? []).map((trex) => [trex.track_id, trex.default_sample_duration]));
    const tracks = moov.traks.map((trak): MovieTrack => {
      const { mdia } = trak;
      const entry = mdia.minf.stbl.stsd.entries[0] as { type: string; getCodec?(): string } | undefined;
      if (!(mdia.mdhd.timescale > 0)) throw new Error('a track has no timescale');
      return {
        id: trak.tkhd.track_id,
        kind: KINDS[mdia.hdlr.handler] ?? 'other',
        codec: entry?.getCodec?.() ?? entry?.type ?? '',
        timescale: mdia.mdhd.timescale,
        defaultSampleDuration: defaults.get(trak.tkhd.track_id) ?? 0,
      };
    });
    if (tracks.length === 0) throw new Error('it has no track');
    return { tracks };
  });
}

/** Reads a `sidx` box. @throws OperationalError MEDIA_BROKEN */
export function readSegmentIndex(box: BoxBytes): SegmentIndex {
  return readBox(box, (file) => {
    const sidx = file.boxes[0] as unknown as ISOFile['sidx'];
    if (!(sidx.timescale > 0)) throw new Error('its timescale is zero');
    return {
      timescale: sidx.timescale,
      earliestTime: sidx.earliest_presentation_time,
      firstOffsetBytes: sidx.first_offset,
      references: sidx.references.map((reference) => ({
        sizeBytes: reference.referenced_size,
        duration: reference.subsegment_duration,
        isIndex: reference.reference_type === 1,
      })),
    };
  });
}

/** Reads a `moof` box; of several tracks the first. @throws OperationalError MEDIA_BROKEN */
export function readFragment(box: BoxBytes): Fragment {
  checkTables(box);
  return readBox(box, (file) => {
    const traf = file.moofs[0]?.trafs?.[0];
    if (traf?.tfhd === undefined) throw new Error('it has no track fragment');
    const perSample = traf.tfhd.default_sample_duration > 0 ? traf.tfhd.default_sample_duration : undefined;
    let duration: number | undefined = 0;
    let sampleCount = 0;
    for (const trun of traf.truns ?? []) {
      sampleCount += trun.sample_count;
      const own =
        trun.sample_duration.length > 0 ? trun.sample_duration.reduce((sum, each) => sum + each, 0) : undefined;
      const known: number | undefined = own ?? (perSample === undefined ? undefined : perSample * trun.sample_count);
      duration = duration === undefined || known === undefined ? undefined : duration + known;
    }
    return { trackId: traf.tfhd.track_id, decodeTime: traf.tfdt?.baseMediaDecodeTime, duration, sampleCount };
  });
}

function readBox<T>(box: BoxBytes, read: (file: ISOFile) => T): T {
  let complaint: string | undefined;
  // mp4box prints complaints unless told otherwise; they belong into our refusal.
  Log.error = (_module, message) => {
    complaint ??= message;
  };
  Log.warn = () => undefined;
  try {
    const file = createFile();
    const copy = new Uint8Array(box.bytes).buffer;
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(copy, 0), true);
    const first = file.boxes[0];
    if (complaint !== undefined) throw new Error(complaint);
    if (first === undefined || first.type !== box.type) throw new Error('it cannot be read');
    return read(file);
  } catch (error) {
    throw brokenBox(box, complaint ?? (error instanceof Error ? error.message : String(error)), error);
  }
}

export function brokenBox(box: Omit<BoxBytes, 'bytes'>, why: string, cause?: unknown): OperationalError {
  return new OperationalError('MEDIA_BROKEN', `${box.path}: box ${box.type} at byte ${box.startByte}: ${why}`, {
    cause,
  });
}

const CONTAINERS: ReadonlySet<string> = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl', 'moof', 'traf']);
/** Sample tables by the offset of their entry count; all empty in CMAF (ISO/IEC 23000-19 section 7.5.12). */
const SAMPLE_TABLES: Readonly<Record<string, number>> = {
  stts: 12,
  ctts: 12,
  stsc: 12,
  stco: 12,
  co64: 12,
  stsz: 16,
  stz2: 16,
};
/** A movie nests five deep: moov, trak, mdia, minf, stbl. */
const MAX_DEPTH = 8;
const RUN_FIELD_FLAGS = [0x100, 0x200, 0x400, 0x800];
const MAX_RUN_SAMPLES = 1_000_000;

/** Checks that children lie inside their parents and that no count promises more than its box holds. */
function checkTables(box: BoxBytes): void {
  const { bytes } = box;
  const walk = (start: number, end: number, depth: number): void => {
    if (depth > MAX_DEPTH) throw brokenBox(box, `its parts are nested deeper than ${MAX_DEPTH} levels`);
    let at = start;
    while (at < end) {
      const sizeBytes = end - at < 8 ? 0 : bytes.readUInt32BE(at);
      const type = bytes.toString('latin1', at + 4, at + 8);
      if (sizeBytes < 8 || at + sizeBytes > end) {
        throw brokenBox(box, `its part '${printable(type)}' at byte ${box.startByte + at} does not fit into it`);
      }
      if (CONTAINERS.has(type)) walk(at + 8, at + sizeBytes, depth + 1);
      const countAt = SAMPLE_TABLES[type];
      if (countAt !== undefined && sizeBytes >= countAt + 4 && bytes.readUInt32BE(at + countAt) !== 0) {
        throw brokenBox(box, `its ${type} lists samples: a plain MP4, not CMAF`);
      }
      if (type === 'trun') checkRun(box, at, sizeBytes);
      at += sizeBytes;
    }
  };
  walk(8, bytes.length, 1);
}

function checkRun(box: BoxBytes, at: number, sizeBytes: number): void {
  if (sizeBytes < 16) throw brokenBox(box, 'its trun is too short');
  const flags = box.bytes.readUInt32BE(at + 8) & 0xff_ff_ff;
  const sampleCount = box.bytes.readUInt32BE(at + 12);
  const fixedBytes = 16 + ((flags & 1) === 0 ? 0 : 4) + ((flags & 4) === 0 ? 0 : 4);
  const sampleBytes = RUN_FIELD_FLAGS.filter((flag) => (flags & flag) !== 0).length * 4;
  if (sampleCount > MAX_RUN_SAMPLES || sizeBytes !== fixedBytes + sampleCount * sampleBytes) {
    throw brokenBox(box, `its trun counts ${sampleCount} samples in ${sizeBytes} bytes`);
  }
}

/** A box type for a message: bytes that are no letters as dots. */
export const printable = (type: string): string => type.replace(/[^\x20-\x7e]/g, '.');
