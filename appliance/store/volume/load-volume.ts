import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { PackedRows } from '../files/packed-rows.ts';
import type { Disagreements } from '../files/read-volume.ts';
import type { RebuildProgress } from '../files/rebuild-index.ts';
import { type DescriptionTexts, Generation } from '../generation.ts';
import type { ObjectDescription } from '../object-description.ts';
import { inSlices } from '../slices.ts';
import { IndexClient, type LoadingMessage } from './index-client.ts';
import type { IndexBatch } from './index-messages.ts';
import type { VolumeOptions } from './volume-options.ts';
import type { VolumeSpace } from './volume-space.ts';

/** Everything a volume holds, and its index. */
export interface LoadedVolume {
  readonly index: IndexClient;
  /** By rising id. */
  readonly generations: readonly Generation[];
  /** The same, the least recently used first. */
  readonly byLastUse: Iterable<Generation>;
}

/**
 * Opens a volume's index and brings rows and data files to agree: files in which no row holds a block are removed,
 * and rows whose file is gone go. A lost or damaged index is made anew from the data files.
 *
 * A million objects of one block, on a quiet machine of two cores and with a warm cache: 8.8 s until all are found, 11 s
 * of processor in both threads, a longest stall of the loop of 0.24 s (the eviction policy's tables double in one turn),
 * 880 bytes of memory for each object, 400 of them on the heap. Under a load of 5 to 9 it was 8 to 15 s; row by row and in
 * one turn 31 to 38 s and a stall of 10 to 13 s at much the same load.
 * @throws OperationalError STATE_IN_USE, STATE_CORRUPT (a newer version wrote it), VOLUME_FULL, VOLUME_IO
 */
export async function loadVolume(
  {
    dir,
    durability,
    volumeIndex,
    world: { clock },
  }: Pick<VolumeOptions, 'dir' | 'durability' | 'volumeIndex' | 'world'>,
  logger: Logger,
): Promise<LoadedVolume> {
  const reconciliation = new Reconciliation(volumeIndex, clock, logger);
  const index = new IndexClient(dir, durability, clock, (message) => reconciliation.hear(message));
  try {
    await index.load();
    await reconciliation.taken();
    await index.commit(reconciliation.repairs());
  } catch (error) {
    // Not waited for: a thread that hangs in a dead disk may never end.
    void index.kill();
    throw error;
  }
  return { index, generations: reconciliation.generations(), byLastUse: reconciliation.byLastUse() };
}

/** Gives everything its place in the room of the volume, while others are served. */
export function enterSpace(
  space: VolumeSpace,
  { byLastUse }: LoadedVolume,
  isPinned: VolumeOptions['isPinned'],
): Promise<void> {
  return inSlices(byLastUse, (generation) => {
    generation.pinned = isPinned(generation);
    space.add(generation);
  });
}

const PROGRESS_INTERVAL_MS = 5000;

class Reconciliation {
  readonly #volumeIndex: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #untaken: PackedRows[] = [];
  #taking: Promise<void> | undefined;
  #taken: Taken = { generations: [], strayIds: [] };
  #order: Uint32Array = new Uint32Array();
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
        this.#untaken.push(message.rows);
        this.#taking ??= this.#takeAll();
        break;
      case 'alive':
        break;
      case 'set-aside':
        this.#logger.error(
          { aside: message.aside, why: message.detail },
          'index is damaged: a new one is made from the data files',
        );
        this.#untaken.length = 0;
        this.#taken = { generations: [], strayIds: [] };
        break;
      case 'rebuilding':
        this.#noteProgress(message.progress);
        break;
      case 'loaded':
        this.#found = message.found;
        this.#order = message.order;
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
    const { strayIds } = this.#taken;
    const found = { ...this.#found, strayRows: this.#found.strayRows + strayIds.length };
    if (Object.values(found).some((count) => count > 0)) this.#logger.warn(found, 'volume reconciled');
    return { deleted: strayIds, buried: [], objects: [], pages: [], uses: [] };
  }

  /** Resolves when nothing is left to be taken of what was told. */
  async taken(): Promise<void> {
    await this.#taking;
  }

  /** By rising id. */
  generations(): Generation[] {
    return this.#taken.generations.filter((generation) => generation !== undefined);
  }

  *byLastUse(): Generator<Generation> {
    for (const place of this.#order) {
      const generation = this.#taken.generations[place];
      if (generation !== undefined) yield generation;
    }
  }

  /** A port hands over all that waits in it in one turn: the loop serves between one chunk and the next. */
  async #takeAll(): Promise<void> {
    for (;;) {
      await nextTurn();
      const rows = this.#untaken.shift();
      if (rows === undefined) break;
      await this.#take(rows);
    }
    this.#taking = undefined;
  }

  async #take(rows: PackedRows): Promise<void> {
    const from = new ChunkReader(rows, this.#volumeIndex);
    // Of the index that told them: should it be set aside meanwhile, this is thrown away as a whole.
    const { generations, strayIds } = this.#taken;
    let work = 0;
    for (const [place, id] of rows.generations.entries()) {
      work += 1 + (rows.pageCounts[place] ?? 0);
      if (work > SLICE_WORK) {
        work = 0;
        await nextTurn();
      }
      const isDropped = rows.isDropped[place] === 1;
      const generation = isDropped ? undefined : from.generationAt(place, id);
      generations.push(generation);
      if (generation === undefined && !isDropped) strayIds.push(id);
    }
  }
}

interface Taken {
  /** Undefined where a row was not taken: the others keep their places. */
  readonly generations: (Generation | undefined)[];
  /** Objects with pages that do not fit them. */
  readonly strayIds: number[];
}

/** Objects and pages taken at a time: some milliseconds. */
const SLICE_WORK = 2000;

/** Makes objects of one chunk of rows. */
class ChunkReader {
  readonly #rows: PackedRows;
  readonly #volumeIndex: number;
  readonly #keys: Buffer;
  readonly #texts: RowTexts;

  constructor(rows: PackedRows, volumeIndex: number) {
    this.#rows = rows;
    this.#volumeIndex = volumeIndex;
    this.#keys = asBuffer(rows.keys);
    this.#texts = new RowTexts(rows);
  }

  /** Undefined when its pages do not fit it. */
  generationAt(place: number, id: number): Generation | undefined {
    const { firstPages, pageCounts, pageEnds, pageNumbers, pages, sizesBytes, usedAtMs } = this.#rows;
    const packed = { key: this.#keyAt(place), sizeBytes: sizesBytes[place] ?? 0, texts: this.#texts, place };
    const generation = new Generation(id, this.#volumeIndex, packed, usedAtMs[place] ?? 0);
    const first = firstPages[place] ?? 0;
    const end = first + (pageCounts[place] ?? 0);
    for (let page = first; page < end; page += 1) {
      const held = pages.subarray(startOf(page, pageEnds), pageEnds[page]);
      if (!generation.blocks.loadPage(pageNumbers[page] ?? 0, held)) return undefined;
    }
    return generation;
  }

  #keyAt(place: number): string {
    const { keyEnds } = this.#rows;
    const key = this.#keys.toString('utf8', startOf(place, keyEnds), keyEnds[place]);
    return key === '' ? (JSON.parse(this.#texts.at(place)) as ObjectDescription).key : key;
  }
}

/** The descriptions of one chunk of rows, which stay for as long as one of them was not asked for. */
class RowTexts implements DescriptionTexts {
  readonly #texts: Buffer;
  readonly #ends: Uint32Array;

  constructor({ texts, textEnds }: PackedRows) {
    this.#texts = asBuffer(texts);
    this.#ends = textEnds;
  }

  at(place: number): string {
    return this.#texts.toString('utf8', startOf(place, this.#ends), this.#ends[place]);
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const startOf = (place: number, ends: Uint32Array): number => (place === 0 ? 0 : (ends[place - 1] ?? 0));
