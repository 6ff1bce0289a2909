import { type ByRecency, byRecency } from '../../memory/by-recency.ts';
import type { Generation } from '../generation.ts';
import { DataFile } from './data-file.ts';

/** So many files stay open for nobody. Viewers who play something take the next range of the same file seconds later. */
const MOST_RESTING = 128;

/**
 * The data files of a volume that are open: those of generations that somebody holds, and, of those that were only read,
 * some that were held of late. Opening and closing a file for every range costs two more turns of a thread of libuv's
 * pool, and two more of the owner's loop.
 */
export class OpenFiles {
  readonly #pathOf: (generation: Generation) => string;
  readonly #resting: ByRecency<Generation, DataFile> = byRecency({ maxEntries: MOST_RESTING });
  #isClosed = false;

  constructor(pathOf: (generation: Generation) => string) {
    this.#pathOf = pathOf;
  }

  /** For who holds the generation. */
  of(generation: Generation): DataFile {
    if (generation.file === undefined) {
      generation.file = this.#resting.get(generation) ?? new DataFile(this.#pathOf(generation), generation);
      this.#resting.delete(generation);
    }
    return generation.file;
  }

  /** Nobody holds it any more. Resolves when what is closed for that is closed; never rejects. */
  async rest(generation: Generation): Promise<void> {
    const { file } = generation;
    generation.file = undefined;
    if (file === undefined) return this.forget(generation);
    if (generation.forgotten || file.isWritten || this.#isClosed) return file.close();
    const oldest = this.#resting.size < MOST_RESTING ? undefined : this.#resting.pop();
    this.#resting.set(generation, file);
    await oldest?.close();
  }

  /** It is to be removed: nothing of it stays open for nobody. */
  async forget(generation: Generation): Promise<void> {
    const file = this.#resting.get(generation);
    this.#resting.delete(generation);
    await file?.close();
  }

  /** Closes what nobody holds; from now on nothing stays open for nobody. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const files = [...this.#resting.values()];
    this.#resting.clear();
    await Promise.all(files.map((file) => file.close()));
  }
}
