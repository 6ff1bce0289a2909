import { createHash, type Hash } from 'node:crypto';
import { BLOCK_BYTES, manifestRoot } from '../../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { type SegmentMap, SegmentMapper } from './map-segments.ts';

/** Everything ingest learns of one file in the single pass over its bytes. */
export interface FileFacts {
  readonly sizeBytes: number;
  /** SHA-256 of each block of BLOCK_BYTES, concatenated. */
  readonly blockHashes: Buffer;
  readonly root: string;
  /** Of ISO BMFF files. */
  readonly map: SegmentMap | undefined;
}

export interface ExamineOptions {
  /** For messages and to tell the kind of file. */
  readonly path: string;
  readonly maxBytes: number;
  onProgress(doneBytes: number): void;
}

/** @throws OperationalError MEDIA_BROKEN with the place; what the source throws passes through. */
export async function examineFile(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  options: ExamineOptions,
): Promise<FileFacts> {
  const hasher = new BlockHasher();
  let mapper: SegmentMapper | undefined;
  let first = true;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (first) mapper = looksLikeBmff(options.path, chunk) ? new SegmentMapper(options.path) : undefined;
    first = false;
    hasher.push(chunk);
    if (hasher.sizeBytes > options.maxBytes)
      throw new OperationalError('MEDIA_BROKEN', `${options.path}: over the limit of ${options.maxBytes} bytes`);
    mapper?.push(chunk);
    options.onProgress(hasher.sizeBytes);
  }
  if (hasher.sizeBytes === 0) throw new OperationalError('MEDIA_BROKEN', `${options.path}: is empty`);
  return { ...hasher.finish(), map: mapper?.finish() };
}

const BMFF_NAMES = /\.(?:mp4|m4[sva]|cmf[vatm]|dash|ism[va])$/i;
const BMFF_TYPES: ReadonlySet<string> = new Set(['ftyp', 'styp', 'moov', 'moof', 'sidx', 'emsg', 'prft']);

/** By name, or by how it begins: a name that promises boxes is held to it. */
function looksLikeBmff(path: string, firstChunk: Buffer): boolean {
  return BMFF_NAMES.test(path) || BMFF_TYPES.has(firstChunk.toString('latin1', 4, 8));
}

class BlockHasher {
  sizeBytes = 0;
  readonly #digests: Buffer[] = [];
  #hash: Hash | undefined;
  #blockBytes = 0;

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      this.#hash ??= createHash('sha256');
      const taken = Math.min(BLOCK_BYTES - this.#blockBytes, rest.length);
      this.#hash.update(rest.subarray(0, taken));
      this.#blockBytes += taken;
      this.sizeBytes += taken;
      rest = rest.subarray(taken);
      if (this.#blockBytes === BLOCK_BYTES) this.#closeBlock();
    }
  }

  finish(): Omit<FileFacts, 'map'> {
    this.#closeBlock();
    const blockHashes = Buffer.concat(this.#digests);
    return { sizeBytes: this.sizeBytes, blockHashes, root: manifestRoot(this.sizeBytes, BLOCK_BYTES, blockHashes) };
  }

  #closeBlock(): void {
    if (this.#hash !== undefined) this.#digests.push(this.#hash.digest());
    this.#hash = undefined;
    this.#blockBytes = 0;
  }
}
