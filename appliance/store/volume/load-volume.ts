import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { Durability } from '../durability.ts';
import type { PackedRows } from '../files/packed-rows.ts';
import type { Disagreements } from '../files/read-volume.ts';
import type { RebuildProgress } from '../files/rebuild-index.ts';
import { type DescriptionTexts, Generation } from '../generation.ts';
import type { ObjectDescription } from '../object-description.ts';
import { IndexClient, type LoadingMessage } from './index-client.ts';
import type { IndexBatch } from './index-messages.ts';

/** Everything a volume holds, the least recently used first, and its index. */
export interface LoadedVolume {
  readonly index: IndexClient;
  readonly generations: readonly Generation[];
}

/**
 * Opens a volume's index and brings rows and data files to agree: files in which no row holds a block are removed,
 * and rows whose file is gone go. A lost or damaged index is made anew from the data files.
 * @throws OperationalError STATE_IN_USE, STATE_CORRUPT (a newer version wrote it), VOLUME_FULL, VOLUME_IO
 */
export async function loadVolume(
  dir: string,
  volumeIndex: number,
  durability: Durability,
  clock: Clock,
  logger: Logger,
): Promise<LoadedVolume> {
  const reconciliation = new Reconciliation(volumeIndex, clock, logger);
  const index = new IndexClient(dir, durability, clock, (message) => reconciliation.hear(message));
  try {
    await index.load();
    await index.commit(reconciliation.repairs());
  } catch (error) {
    // Not waited for: a thread that hangs in a dead disk may never end.
    void index.kill();
    throw error;
  }
  return { index, generations: reconciliation.generations() };
}

const PROGRESS_INTERVAL_MS = 5000;

class Reconciliation {
  readonly #volumeIndex: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #generations: Generation[] = [];
  /** Objects with pages that do not fit them. */
  #strayIds: number[] = [];
  #found: Disagreements = { orphanFiles: 0, objectsWithoutFile: 0, strayRows: 0 };
  #nextLineMs = 0;

  constructor(volumeIndex: number, clock: Clock, logger: Logger) {
    this.#volumeIndex = volumeIndex;
    this.#clock = clock;
    this.#logger = logger;
  }

  hear(message: LoadingMessage): void {
    switch (message.kind) {
      case 'rows':
        this.#take(message.rows);
        break;
      case 'alive':
        break;
      case 'set-aside':
        this.#logger.error(
          { aside: message.aside, why: message.detail },
          'index is damaged: a new one is made from the data files',
        );
        this.#generations = [];
        this.#strayIds = [];
        break;
      case 'rebuilding':
        this.#noteProgress(message.progress);
        break;
      case 'loaded':
        this.#found = message.found;
        break;
    }
  }

  /** A walk through a large disk takes minutes: one line says how far it is every some seconds, and one that it is done. */
  #noteProgress(progress: RebuildProgress): void {
    if (progress.files === 0) return;
    const nowMs = this.#clock.monotonicMs();
    const done = progress.folders === progress.allFolders;
    if (!done && nowMs < this.#nextLineMs) return;
    this.#nextLineMs = nowMs + PROGRESS_INTERVAL_MS;
    this.#logger.warn({ ...progress }, done ? 'index is made anew from the data files' : 'index is being made anew');
  }

  /** What the index must learn before it is right. Ends the reconciliation. */
  repairs(): IndexBatch {
    const found = { ...this.#found, strayRows: this.#found.strayRows + this.#strayIds.length };
    if (Object.values(found).some((count) => count > 0)) this.#logger.warn(found, 'volume reconciled');
    return { deleted: this.#strayIds, buried: [], objects: [], pages: [], uses: [] };
  }

  generations(): Generation[] {
    return byLastUse(this.#generations);
  }

  #take(rows: PackedRows): void {
    const texts = new RowTexts(rows);
    let page = 0;
    let pageAt = 0;
    for (let place = 0; place < rows.generations.length; place += 1) {
      const packed = { key: texts.keyAt(place), sizeBytes: rows.sizesBytes[place] ?? 0, texts, place };
      const id = rows.generations[place] ?? 0;
      const generation = new Generation(id, this.#volumeIndex, packed, rows.usedAtMs[place] ?? 0);
      let fits = true;
      for (const end = page + (rows.pageCounts[place] ?? 0); page < end; page += 1) {
        const pageEnd = rows.pageEnds[page] ?? 0;
        fits = generation.blocks.loadPage(rows.pageNumbers[page] ?? 0, rows.pages.subarray(pageAt, pageEnd)) && fits;
        pageAt = pageEnd;
      }
      if (fits) this.#generations.push(generation);
      else this.#strayIds.push(id);
    }
  }
}

/** The texts of one chunk of rows, which stay for as long as one of them was not asked for. */
class RowTexts implements DescriptionTexts {
  readonly #text: Buffer;
  readonly #ends: Uint32Array;

  constructor({ text, textEnds }: PackedRows) {
    this.#text = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
    this.#ends = textEnds;
  }

  keyAt(place: number): string {
    const key = this.#text.toString('utf8', this.#ends[2 * place - 1] ?? 0, this.#ends[2 * place]);
    return key === '' ? (JSON.parse(this.at(place)) as ObjectDescription).key : key;
  }

  at(place: number): string {
    return this.#text.toString('utf8', this.#ends[2 * place], this.#ends[2 * place + 1]);
  }
}

/**
 * The least recently used first. A million objects are ordered by numbers alone, ten times as fast as by a comparison
 * of objects: time since the first use and place, in one number. Milliseconds fit up to a span of 99 days for a million
 * objects; beyond it the order is as much coarser as the span is longer.
 */
function byLastUse(generations: readonly Generation[]): Generation[] {
  const firstMs = generations.reduce((first, { lastUsedMs }) => Math.min(first, lastUsedMs), Infinity);
  const lastMs = generations.reduce((last, { lastUsedMs }) => Math.max(last, lastUsedMs), 0);
  const places = 2 ** Math.ceil(Math.log2(generations.length + 1));
  const unitMs = Math.max(1, ((lastMs - firstMs) * places) / 2 ** 52);
  const order = Float64Array.from(
    generations,
    ({ lastUsedMs }, place) => Math.floor((lastUsedMs - firstMs) / unitMs) * places + place,
  ).sort();
  return Array.from(order, (number) => generations[number % places]).filter((generation) => generation !== undefined);
}
