import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { diskFailure } from './data-file.ts';

/**
 * Where things lie in a volume's directory:
 *
 *     v1/holder                  pid of the process that has it, for people; the lock itself is on the index
 *     v1/index.sqlite            which blocks are held
 *     v1/data/ab/<sha256>-<id>   the blocks of one generation; ab = the first two digits of the hash of its key
 *     v1/scrub.json              where the scrub stands
 *     v1/probe                   written and removed to see whether a disk in trouble works again
 *
 * File names come from a hash and a number, so no key, however it is spelt, names a path. Another layout gets another
 * `vN` beside this one.
 */
const HASH_LENGTH = 64;
const HYPHEN = 45;
const FAN_OUT_FOLDER = /^[0-9a-f]{2}$/;

export class VolumeLayout {
  readonly dir: string;
  readonly #root: string;

  constructor(dir: string) {
    this.dir = dir;
    this.#root = join(dir, 'v1');
  }

  get indexPath(): string {
    return join(this.#root, 'index.sqlite');
  }

  get scrubPath(): string {
    return join(this.#root, 'scrub.json');
  }

  get #dataDir(): string {
    return join(this.#root, 'data');
  }

  dataPath(key: string, generation: number): string {
    const hash = createHash('sha256').update(key).digest('hex');
    return join(this.#dataDir, hash.slice(0, 2), `${hash}-${generation.toString(36)}`);
  }

  /** Makes what is not there yet. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  prepare(): void {
    try {
      mkdirSync(this.#dataDir, { recursive: true, mode: 0o750 });
    } catch (error) {
      throw diskFailure(error, `prepare ${this.dir}`);
    }
  }

  /** The folders that data files are spread over, as far as there are any. @throws OperationalError VOLUME_IO */
  folders(): string[] {
    try {
      const names = readdirSync(this.#dataDir);
      return names.filter((name) => FAN_OUT_FOLDER.test(name)).map((name) => join(this.#dataDir, name));
    } catch (error) {
      throw diskFailure(error, `list ${this.#dataDir}`);
    }
  }

  nameHolder(pid: number): void {
    try {
      writeFileSync(join(this.#root, 'holder'), `${pid}\n`);
    } catch (error) {
      throw diskFailure(error, `write ${join(this.#root, 'holder')}`);
    }
  }

  /** The error for a volume that another process has. */
  inUse(cause: unknown): OperationalError {
    let holder = 'another process';
    try {
      holder = `process ${readFileSync(join(this.#root, 'holder'), 'utf8').trim()}`;
    } catch {
      // It holds the lock and has not written its number yet: then it stays another process.
    }
    return new OperationalError('STATE_IN_USE', `volume ${this.dir} belongs to ${holder}`, { cause });
  }

  /** Moves a damaged index out of the way, replacing one that was moved before. */
  setIndexAside(): string {
    const aside = `${this.indexPath}.damaged`;
    try {
      renameSync(this.indexPath, aside);
      rmSync(`${this.indexPath}-wal`, { force: true });
      rmSync(`${this.indexPath}-journal`, { force: true });
      return aside;
    } catch (error) {
      throw diskFailure(error, `move ${this.indexPath} aside`);
    }
  }

  /** Writes so many bytes through to the disk and removes them. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  async probe(bytes: number): Promise<void> {
    const path = join(this.#root, 'probe');
    try {
      const file = await open(path, 'w', 0o640);
      try {
        await file.writeFile(Buffer.alloc(bytes, 'probe '));
        await file.sync();
      } finally {
        await file.close();
        await unlink(path);
      }
    } catch (error) {
      throw diskFailure(error, `probe ${path}`);
    }
  }
}

/**
 * The generation whose blocks are in a file of this name; 0 for a file that is none of ours. Of a million names at a
 * start a regular expression would take a second.
 */
export function generationOfFile(name: string): number {
  if (name.length <= HASH_LENGTH + 1 || name.charCodeAt(HASH_LENGTH) !== HYPHEN) return 0;
  for (let at = 0; at < HASH_LENGTH; at += 1) if (digitOf(name.charCodeAt(at)) > 15) return 0;
  let generation = 0;
  for (let at = HASH_LENGTH + 1; at < name.length; at += 1) {
    const digit = digitOf(name.charCodeAt(at));
    if (digit > 35) return 0;
    generation = generation * 36 + digit;
  }
  return generation;
}

/** Of a base up to 36, in lower case; 36 for what is none. */
function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 122 ? code - 87 : 36;
}
