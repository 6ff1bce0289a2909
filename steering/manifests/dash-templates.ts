import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { DashPreparer } from './prepare-in-thread.ts';
import type { DashTemplate } from './render-dash.ts';

/**
 * Prepared MPDs by title. Preparing a large one takes seconds, so it is done in a thread: whoever asks for it waits, once
 * for all who ask, and nobody else does. A catalogue brings all its titles anew, mostly with the same MPDs in them:
 * what was prepared from the same text stays. What nobody asked for longest goes when all take too much memory.
 */
interface Kept {
  readonly mpd: string;
  readonly path: string;
  readonly originUrl: string;
  readonly template: Promise<DashTemplate | 'broken'>;
}

const MAX_WAITING = 64;
const MAX_KEPT_CHARS = 256 * 2 ** 20;

export class DashTemplates {
  readonly #preparer: DashPreparer;
  readonly #maxKeptChars: number;
  /** Who was asked for last stands last. */
  readonly #kept = new Map<string, Kept>();
  #keptChars = 0;
  #waiting = 0;

  constructor(preparer: DashPreparer, maxKeptChars = MAX_KEPT_CHARS) {
    this.#preparer = preparer;
    this.#maxKeptChars = maxKeptChars;
  }

  /**
   * undefined when the title has no MPD, or one that cannot be read.
   * @throws OperationalError OVERLOADED when too many others wait to be prepared
   */
  async find({ id, dash, originUrl }: CatalogueTitle): Promise<DashTemplate | undefined> {
    if (dash === undefined) return undefined;
    let kept = this.#kept.get(id);
    if (kept?.mpd !== dash.mpd || kept.path !== dash.path || kept.originUrl !== originUrl) {
      if (this.#waiting >= MAX_WAITING)
        throw new OperationalError('OVERLOADED', 'more MPDs are new than can be prepared');
      kept = { mpd: dash.mpd, path: dash.path, originUrl, template: this.#prepare(id, dash, originUrl) };
    }
    this.#keep(id, kept);
    const template = await kept.template;
    return template === 'broken' ? undefined : template;
  }

  stop(): Promise<void> {
    return this.#preparer.stop();
  }

  async #prepare(
    id: string,
    dash: NonNullable<CatalogueTitle['dash']>,
    originUrl: string,
  ): Promise<DashTemplate | 'broken'> {
    this.#waiting += 1;
    try {
      return await this.#preparer.prepare(dash, originUrl);
    } catch (error) {
      // The next one who asks tries again.
      this.#drop(id);
      throw error;
    } finally {
      this.#waiting -= 1;
    }
  }

  #keep(id: string, kept: Kept): void {
    this.#drop(id);
    this.#kept.set(id, kept);
    this.#keptChars += kept.mpd.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#keptChars <= this.#maxKeptChars || oldest === id) return;
      this.#drop(oldest);
    }
  }

  #drop(id: string): void {
    this.#keptChars -= this.#kept.get(id)?.mpd.length ?? 0;
    this.#kept.delete(id);
  }
}
