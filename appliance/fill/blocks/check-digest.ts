/**
 * Whether bytes are those that their sender says they are (RFC 9530). A manifest knows each block before it is used;
 * a digest is known to be wrong only at the end, when viewers have seen what it is about. It is worth it all the same:
 * what fails is thrown away and not given to the next.
 *
 * The digest of a whole file is computed along with its blocks while they come in order, as most do. Blocks that came
 * otherwise are read back from the disk once all are there, behind everybody else who wants the disk.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Digest, readDigest } from '../../../src/http/digest-fields.ts';
import type { StoredObject } from '../../store/object-store.ts';

const HASH_NAMES = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const;

/** Checks a run of bytes against a digest field; undefined where the field gives nothing to check by. */
export class DigestCheck {
  readonly #hash: Hash;
  readonly #expected: Uint8Array;

  private constructor({ algorithm, bytes }: Digest) {
    this.#hash = createHash(HASH_NAMES[algorithm]);
    this.#expected = bytes;
  }

  static of(field: string | undefined): DigestCheck | undefined {
    const digest = readDigest(field);
    return digest === undefined ? undefined : new DigestCheck(digest);
  }

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Whether the bytes match. Once. */
  isRight(): boolean {
    return this.#hash.digest().equals(this.#expected);
  }
}

/** Checks an object's blocks, in whatever order they come, against its Repr-Digest. */
export class ObjectCheck {
  readonly #check: DigestCheck;
  readonly #blockCount: number;
  #nextBlock = 0;
  #isConcluded = false;

  constructor(check: DigestCheck, blockCount: number) {
    this.#check = check;
    this.#blockCount = blockCount;
  }

  /** A block is here; `isHeld`: all are stored. @returns whether it is time to conclude: once. */
  takes(blockIndex: number, bytes: Uint8Array, isHeld: boolean): boolean {
    if (blockIndex === this.#nextBlock && !this.#isConcluded) {
      this.#check.add(bytes);
      this.#nextBlock += 1;
    }
    if (this.#isConcluded || (!isHeld && this.#nextBlock < this.#blockCount)) return false;
    this.#isConcluded = true;
    return true;
  }

  /** Reads what did not come in order. Undefined when a block is no longer there: then nobody can tell. */
  async conclude(stored: StoredObject): Promise<boolean | undefined> {
    for (; this.#nextBlock < this.#blockCount; this.#nextBlock += 1) {
      const bytes = await stored.read(this.#nextBlock, 'scrub');
      if (bytes === undefined) return undefined;
      this.#check.add(bytes);
    }
    return this.#check.isRight();
  }
}
