import { createHash, type Hash } from 'node:crypto';
import { BLOCK_BYTES, manifestRoot } from '../../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { type MappingState, type SegmentMap, SegmentMapper } from './map-segments.ts';

/** Everything ingest learns of one file in the single pass over its bytes. */
export interface FileFacts {
  readonly sizeBytes: number;
  /** SHA-256 of each block of BLOCK_BYTES, concatenated. */
  readonly blockHashes: Buffer;
  readonly root: string;
  /** Of ISO BMFF files. */
  readonly map: SegmentMap | undefined;
}

/** What is known after the first `doneBytes` of a file, as plain data: enough to go on from there after a crash. */
export interface Checkpoint {
  /** A multiple of BLOCK_BYTES. */
  readonly doneBytes: number;
  readonly blockHashes: Buffer;
  /** Of ISO BMFF files. */
  readonly mapping: MappingState | undefined;
}

export interface ExamineOptions {
  /** For messages and to tell the kind of file. */
  readonly path: string;
  readonly maxBytes: number;
  /** Of an earlier pass over the same bytes: `chunks` begin where it stood. */
  readonly resumed?: Checkpoint | undefined;
  onProgress(doneBytes: number): void;
  onCheckpoint?(checkpoint: Checkpoint): void;
}

/** A file of 50 GB is read for minutes; this much of it at most is read twice after a crash. A tenth of a second apart. */
export const CHECKPOINT_EVERY_BYTES = 64 * BLOCK_BYTES;

/** @throws OperationalError MEDIA_BROKEN with the place; what the source throws passes through. */
export async function examineFile(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  options: ExamineOptions,
): Promise<FileFacts> {
  const { path, resumed } = options;
  const hasher = new BlockHasher(resumed);
  let mapper = resumed?.mapping === undefined ? undefined : new SegmentMapper(path, resumed.mapping);
  let checkpointBytes = hasher.sizeBytes;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (hasher.sizeBytes === 0) mapper = looksLikeBmff(path, chunk) ? new SegmentMapper(path) : undefined;
    if (hasher.sizeBytes + chunk.length > options.maxBytes)
      throw new OperationalError('MEDIA_BROKEN', `${path}: over the limit of ${options.maxBytes} bytes`);
    for (const piece of hasher.cut(chunk)) {
      hasher.push(piece);
      mapper?.push(piece);
      if (hasher.sizeBytes - checkpointBytes < CHECKPOINT_EVERY_BYTES) continue;
      const checkpoint = takeCheckpoint(hasher, mapper);
      if (checkpoint === undefined) continue;
      checkpointBytes = checkpoint.doneBytes;
      options.onCheckpoint?.(checkpoint);
    }
    options.onProgress(hasher.sizeBytes);
  }
  if (hasher.sizeBytes === 0) throw new OperationalError('MEDIA_BROKEN', `${path}: is empty`);
  return { ...hasher.finish(), map: mapper?.finish() };
}

/** Undefined inside of a block or of a box: the next boundary of a block is tried again. */
function takeCheckpoint(hasher: BlockHasher, mapper: SegmentMapper | undefined): Checkpoint | undefined {
  if (hasher.sizeBytes % BLOCK_BYTES !== 0) return undefined;
  const mapping = mapper?.state();
  if (mapper !== undefined && mapping === undefined) return undefined;
  return { doneBytes: hasher.sizeBytes, blockHashes: hasher.hashes(), mapping };
}

const BMFF_NAMES = /\.(?:mp4|m4[sva]|cmf[vatm]|dash|ism[va])$/i;
const BMFF_TYPES: ReadonlySet<string> = new Set(['ftyp', 'styp', 'moov', 'moof', 'sidx', 'emsg', 'prft']);

/** By name, or by how it begins: a name that promises boxes is held to it. */
function looksLikeBmff(path: string, firstChunk: Buffer): boolean {
  return BMFF_NAMES.test(path) || BMFF_TYPES.has(firstChunk.toString('latin1', 4, 8));
}

class BlockHasher {
  sizeBytes: number;
  readonly #digests: Buffer[];
  #hash: Hash | undefined;

  constructor(resumed: Checkpoint | undefined) {
    this.sizeBytes = resumed?.doneBytes ?? 0;
    this.#digests = resumed === undefined ? [] : [resumed.blockHashes];
  }

  /** The chunk in pieces that end where blocks end. */
  *cut(chunk: Buffer): Generator<Buffer> {
    let rest = chunk;
    while (rest.length > 0) {
      const taken = Math.min(BLOCK_BYTES - (this.sizeBytes % BLOCK_BYTES), rest.length);
      yield rest.subarray(0, taken);
      rest = rest.subarray(taken);
    }
  }

  /** @param piece one of `cut` */
  push(piece: Buffer): void {
    this.#hash ??= createHash('sha256');
    this.#hash.update(piece);
    this.sizeBytes += piece.length;
    if (this.sizeBytes % BLOCK_BYTES === 0) this.#closeBlock();
  }

  /** Of the blocks that are complete. */
  hashes(): Buffer {
    return Buffer.concat(this.#digests);
  }

  finish(): Omit<FileFacts, 'map'> {
    this.#closeBlock();
    const blockHashes = this.hashes();
    return { sizeBytes: this.sizeBytes, blockHashes, root: manifestRoot(this.sizeBytes, BLOCK_BYTES, blockHashes) };
  }

  #closeBlock(): void {
    if (this.#hash !== undefined) this.#digests.push(this.#hash.digest());
    this.#hash = undefined;
  }
}
