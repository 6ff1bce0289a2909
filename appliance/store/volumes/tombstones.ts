import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFailure, errnoOf } from '../volume/data-file.ts';
import { replaceDurably } from './durable-file.ts';

/** What is more is not remembered key by key: the volumes that are away are then not believed at all. */
const MAX_TOMBSTONES = 100_000;

/**
 * What was removed while a volume was away, so that it does not come back with the volume: the hash of a key and the
 * highest generation number that was given out by then. Every generation of that key up to that number is gone,
 * whichever volume brings it; what was stored under the key later is not concerned.
 *
 * Kept in `removed.log` of the appliance's state, a line each, synced before the removal is called durable, and emptied
 * once every volume is back and has forgotten what it had to. A torn last line was never acknowledged.
 */
export class Tombstones {
  readonly #dir: string | undefined;
  readonly #boundOf = new Map<string, number>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(stateDir: string | undefined) {
    this.#dir = stateDir;
  }

  get size(): number {
    return this.#boundOf.size;
  }

  get isFull(): boolean {
    return this.#boundOf.size >= MAX_TOMBSTONES;
  }

  /** @throws OperationalError VOLUME_IO */
  async load(): Promise<void> {
    if (this.#dir === undefined) return;
    try {
      const text = await readFile(this.#file(this.#dir), 'utf8');
      for (const line of text.split('\n')) {
        const match = LINE.exec(line);
        if (match !== null) this.#note(match[1] ?? '', Number(match[2]));
      }
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw diskFailure(error, `read the removals in ${this.#dir}`);
    }
  }

  /** Durable when it resolves; in force at once. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  async add(key: string, boundId: number): Promise<void> {
    const hash = hashOf(key);
    this.#note(hash, boundId);
    const dir = this.#dir;
    if (dir === undefined) return;
    await this.#inTurn(async () => {
      await mkdir(dir, { recursive: true });
      // A line of its own, whatever a write that was cut short has left.
      const line = `\n${hash} ${boundId} .\n`;
      await appendFile(this.#file(dir), line, { mode: 0o640, flush: true });
    });
  }

  covers(key: string, id: number): boolean {
    return this.#boundOf.size > 0 && id <= (this.#boundOf.get(hashOf(key)) ?? -1);
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO: then they are applied once more, which changes nothing */
  async clear(): Promise<void> {
    if (this.#boundOf.size === 0) return;
    this.#boundOf.clear();
    const dir = this.#dir;
    if (dir !== undefined) await this.#inTurn(() => this.#empty(dir));
  }

  async #empty(dir: string): Promise<void> {
    // What came meanwhile stays.
    const lines = [...this.#boundOf].map(([hash, boundId]) => `${hash} ${boundId} .\n`);
    await replaceDurably(this.#file(dir), lines.join(''));
  }

  #note(hash: string, boundId: number): void {
    this.#boundOf.set(hash, Math.max(boundId, this.#boundOf.get(hash) ?? 0));
  }

  async #inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.#writing.then(write);
    this.#writing = written.catch(() => undefined);
    try {
      await written;
    } catch (error) {
      throw diskFailure(error, `write the removals in ${this.#dir}`);
    }
  }

  #file(dir: string): string {
    return join(dir, 'removed.log');
  }
}

/** The point says that the line is whole. */
const LINE = /^([0-9a-f]{32}) (\d+) \.$/;

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 32);
