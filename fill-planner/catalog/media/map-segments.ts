import { OperationalError } from '../../../src/errors/operational-error.ts';
import { BoxWalker, boxBytes, type TopBox, type WalkState } from './box-walker.ts';
import {
  brokenBox,
  type Fragment,
  type Movie,
  type MovieTrack,
  readFragment,
  readMovie,
  readSegmentIndex,
  type SegmentIndex,
} from './mp4-boxes.ts';

/**
 * What a CMAF file is made of: its tracks, and its segments with time and place, from the index (`sidx`) where there is
 * one, else from the fragments. The index is checked against the fragments: one that points elsewhere makes players ask
 * for the wrong bytes, and shows here instead of on screens.
 */
export interface SegmentMap {
  /** None in a file of segments that relies on another for its header. */
  readonly movie: Movie | undefined;
  readonly segments: readonly MappedSegment[];
  /** Of segments whose header is another file: their times in that header's ticks. `segments` has zeros then. */
  readonly untimed: readonly FragmentTime[] | undefined;
  /** Where top-level boxes begin, ascending, and the end of the file: where a byte range may begin and end. */
  readonly borders: readonly number[];
}

export interface MappedSegment {
  readonly startByte: number;
  readonly sizeBytes: number;
  readonly startMs: number;
  readonly durationMs: number;
}

/** When a fragment plays, in ticks of a track that some header describes. */
export type FragmentTime = Fragment;

/** The segments of a file with times from the header that they rely on. */
export function timedSegments(map: SegmentMap, header: Movie | undefined): readonly MappedSegment[] {
  if (map.untimed === undefined || header === undefined) return map.segments;
  return map.segments.map((segment, index) => {
    const time = map.untimed?.[index];
    const track = header.tracks.find(({ id }) => id === time?.trackId);
    return time === undefined || track === undefined ? segment : { ...segment, ...timesOf(time, track) };
  });
}

function timesOf(fragment: FragmentTime, track: MovieTrack): Pick<MappedSegment, 'startMs' | 'durationMs'> {
  const duration = fragment.duration ?? fragment.sampleCount * track.defaultSampleDuration;
  return {
    startMs: ((fragment.decodeTime ?? 0) / track.timescale) * 1000,
    durationMs: (duration / track.timescale) * 1000,
  };
}

interface PlacedFragment extends Fragment {
  readonly box: TopBox;
  /** Where what belongs to the fragment begins: its `styp`, `prft` or `emsg`, or itself. */
  readonly startByte: number;
}

const BEFORE_FRAGMENT: ReadonlySet<string> = new Set(['styp', 'prft', 'emsg', 'sidx']);

/** A mapping half way, as plain data. */
export interface MappingState {
  readonly walk: WalkState;
  readonly borders: readonly number[];
  readonly fragments: readonly PlacedFragment[];
  readonly movie: Movie | undefined;
  readonly index: { readonly box: TopBox; readonly index: SegmentIndex } | undefined;
  readonly leadByte: number | undefined;
  readonly lastEndByte: number;
  readonly mediaBytes: number;
  /** The fragment whose media is not there yet. */
  readonly openFragment: TopBox | undefined;
}

/** Feed it a file's bytes in order, then ask. */
export class SegmentMapper {
  readonly #path: string;
  readonly #walker: BoxWalker;
  readonly #borders: number[];
  readonly #fragments: PlacedFragment[];
  #movie: Movie | undefined;
  #index: MappingState['index'];
  #leadByte: number | undefined;
  #lastEndByte: number;
  #mediaBytes: number;
  #openFragment: TopBox | undefined;

  /** @param state of an earlier mapping of the same file, to go on where it stood */
  constructor(path: string, state?: MappingState) {
    this.#path = path;
    this.#walker = new BoxWalker(path, (box, bytes) => this.#onBox(box, bytes), state?.walk);
    this.#borders = [...(state?.borders ?? [])];
    this.#fragments = [...(state?.fragments ?? [])];
    this.#movie = state?.movie;
    this.#index = state?.index;
    this.#leadByte = state?.leadByte;
    this.#lastEndByte = state?.lastEndByte ?? 0;
    this.#mediaBytes = state?.mediaBytes ?? 0;
    this.#openFragment = state?.openFragment;
  }

  /** Undefined while a box is being gathered: ask again some bytes later. */
  state(): MappingState | undefined {
    const walk = this.#walker.state();
    if (walk === undefined) return undefined;
    return {
      walk,
      borders: this.#borders,
      fragments: this.#fragments,
      movie: this.#movie,
      index: this.#index,
      leadByte: this.#leadByte,
      lastEndByte: this.#lastEndByte,
      mediaBytes: this.#mediaBytes,
      openFragment: this.#openFragment,
    };
  }

  /** @throws OperationalError MEDIA_BROKEN */
  push(chunk: Buffer): void {
    this.#walker.push(chunk);
  }

  /** @throws OperationalError MEDIA_BROKEN */
  finish(): SegmentMap {
    this.#walker.end();
    this.#closeFragment();
    this.#borders.push(this.#lastEndByte);
    if (this.#movie === undefined && this.#fragments.length === 0)
      throw new OperationalError('MEDIA_BROKEN', `${this.#path}: has neither a movie header nor a fragment`);
    if (this.#mediaBytes > 0 && this.#fragments.length === 0)
      throw new OperationalError('MEDIA_BROKEN', `${this.#path}: has no fragments: a plain MP4, not CMAF`);
    const indexed = this.#index === undefined ? [] : this.#fromIndex(this.#index);
    const endByte = indexed.reduce((_, segment) => segment.startByte + segment.sizeBytes, 0);
    // An index that ends before the last fragment is the first of several, each of its own segment.
    const coversAll = endByte > (this.#fragments.at(-1)?.box.startByte ?? Number.POSITIVE_INFINITY);
    const segments = coversAll ? indexed : this.#fromFragments();
    const untimed =
      coversAll || this.#movie !== undefined
        ? undefined
        : this.#fragments.map(({ trackId, decodeTime, duration, sampleCount }) => ({
            trackId,
            decodeTime,
            duration,
            sampleCount,
          }));
    return { movie: this.#movie, segments, untimed, borders: this.#borders };
  }

  #onBox(box: TopBox, bytes: Buffer | undefined): void {
    this.#borders.push(box.startByte);
    this.#lastEndByte = box.startByte + box.sizeBytes;
    const kept = bytes === undefined ? undefined : boxBytes(this.#path, box, bytes);
    if (box.type === 'mdat') {
      this.#mediaBytes += box.sizeBytes;
      this.#openFragment = undefined;
    }
    if (box.type === 'moov' && kept !== undefined) this.#movie = readMovie(kept);
    if (box.type === 'sidx' && kept !== undefined && this.#index === undefined) {
      const index = readSegmentIndex(kept);
      // Only an index before all fragments covers the file; one inside segments covers its own.
      if (this.#fragments.length === 0 && index.references.every(({ isIndex }) => !isIndex))
        this.#index = { box, index };
    }
    if (box.type === 'moof' && kept !== undefined) {
      this.#closeFragment();
      this.#openFragment = box;
      this.#fragments.push({ ...readFragment(kept), box, startByte: this.#leadByte ?? box.startByte });
    }
    this.#leadByte = BEFORE_FRAGMENT.has(box.type) ? (this.#leadByte ?? box.startByte) : undefined;
  }

  /** ISO/IEC 23000-19 section 7.3.2.3: a chunk is one moof and one mdat. */
  #closeFragment(): void {
    if (this.#openFragment !== undefined)
      throw brokenBox({ ...this.#openFragment, path: this.#path }, 'its media data (mdat) is missing');
  }

  #fromIndex({ box, index }: NonNullable<MappingState['index']>): MappedSegment[] {
    const borders = new Set(this.#borders);
    let startByte = box.startByte + box.sizeBytes + index.firstOffsetBytes;
    let time = index.earliestTime;
    const segments: MappedSegment[] = [];
    for (const [number, reference] of index.references.entries()) {
      const endByte = startByte + reference.sizeBytes;
      if (endByte > this.#lastEndByte) {
        const why = `reference ${number} ends at byte ${endByte}, the file at ${this.#lastEndByte}`;
        throw brokenBox({ ...box, path: this.#path }, why);
      }
      if (!borders.has(startByte)) {
        throw brokenBox({ ...box, path: this.#path }, `reference ${number} points into the middle of a box`);
      }
      segments.push({
        startByte,
        sizeBytes: reference.sizeBytes,
        startMs: (time / index.timescale) * 1000,
        durationMs: (reference.duration / index.timescale) * 1000,
      });
      startByte = endByte;
      time += reference.duration;
    }
    return segments;
  }

  #fromFragments(): MappedSegment[] {
    return this.#fragments.map((fragment, number) => {
      const next = this.#fragments[number + 1];
      const track = this.#movie?.tracks.find(({ id }) => id === fragment.trackId);
      if (this.#movie !== undefined && track === undefined)
        throw brokenBox({ ...fragment.box, path: this.#path }, `is of track ${fragment.trackId}, which is not in moov`);
      return {
        startByte: fragment.startByte,
        sizeBytes: (next?.startByte ?? this.#lastEndByte) - fragment.startByte,
        ...(track === undefined ? { startMs: 0, durationMs: 0 } : timesOf(fragment, track)),
      };
    });
  }
}
