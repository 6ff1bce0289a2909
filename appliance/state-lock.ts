import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOperational, OperationalError } from '../src/errors/operational-error.ts';
import { type Database, openDatabase } from '../src/sqlite/open-database.ts';
import { diskFailure } from './store/volume/data-file.ts';

/**
 * Keeps a folder with an appliance's state to one process. Two that share it would sign with one key, and each would
 * overwrite what the other remembers of its disks. The kernel holds the lock, and gives it back however the process
 * ends; `holder` has the number of the process, for people.
 */
export class StateLock {
  readonly #dir: string;
  #database: Database | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** @throws OperationalError STATE_IN_USE, VOLUME_FULL, VOLUME_IO */
  take(): void {
    try {
      mkdirSync(this.#dir, { recursive: true, mode: 0o750 });
      this.#database = openDatabase(join(this.#dir, 'lock.sqlite'), { durable: false, exclusive: true });
      writeFileSync(this.#holderFile, `${process.pid}\n`);
    } catch (error) {
      if (!isOperational(error, 'STATE_IN_USE')) throw diskFailure(error, `lock the state in ${this.#dir}`);
      throw new OperationalError('STATE_IN_USE', `state ${this.#dir} belongs to ${this.#holder()}`, { cause: error });
    }
  }

  release(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  get #holderFile(): string {
    return join(this.#dir, 'holder');
  }

  #holder(): string {
    try {
      return `process ${readFileSync(this.#holderFile, 'utf8').trim()}`;
    } catch {
      // It has the lock and has not written its number yet.
      return 'another process';
    }
  }
}
