import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import { pageOf } from '../block-map.ts';
import type { RebuildProgress } from '../files/rebuild-index.ts';
import { Generation } from '../generation.ts';
import type { ObjectDescription } from '../object-description.ts';
import { IndexClient, type LoadingMessage } from './index-client.ts';
import type { FileRow, IndexBatch, ObjectRow, PageRow } from './index-messages.ts';

/** Everything a volume holds, the least recently used first, and its index. */
export interface LoadedVolume {
  readonly index: IndexClient;
  readonly generations: readonly Generation[];
}

/**
 * Opens a volume's index and brings rows and data files to agree: files in which no row holds a block are removed,
 * rows whose file is gone go, and so do blocks beyond the end of their file. A lost or damaged
 * index is made anew from the data files.
 * @throws OperationalError STATE_IN_USE, STATE_CORRUPT (a newer version wrote it), VOLUME_FULL, VOLUME_IO
 */
export async function loadVolume(
  dir: string,
  volumeIndex: number,
  clock: Clock,
  logger: Logger,
): Promise<LoadedVolume> {
  const reconciliation = new Reconciliation(volumeIndex, clock, logger);
  const index = new IndexClient(dir, clock, (message) => reconciliation.hear(message));
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
  readonly #logger: Logger;
  readonly #generations = new Map<number, Generation>();
  readonly #withoutFile = new Set<Generation>();
  /** Rows that make no sense: not our description, or pages that do not fit it. */
  readonly #strayIds = new Set<number>();
  readonly #cut: { readonly generation: Generation; readonly block: number }[] = [];
  readonly #clock: Clock;
  #orphanFiles = 0;
  #nextLineMs = 0;

  constructor(volumeIndex: number, clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#volumeIndex = volumeIndex;
    this.#logger = logger;
  }

  hear(message: LoadingMessage): void {
    switch (message.kind) {
      case 'objects':
        for (const row of message.rows) this.#addObject(row);
        break;
      case 'pages':
        for (const row of message.rows) this.#addPage(row);
        break;
      case 'files':
        for (const row of message.rows) this.#addFile(row);
        break;
      case 'set-aside':
        this.#logger.error(
          { aside: message.aside, why: message.detail },
          'index is damaged: a new one is made from the data files',
        );
        this.#generations.clear();
        this.#withoutFile.clear();
        this.#strayIds.clear();
        this.#cut.length = 0;
        break;
      case 'rebuilding':
        this.#noteProgress(message.progress);
        break;
      case 'loaded':
        this.#orphanFiles = message.orphanFiles;
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
    const lost = [...this.#withoutFile].map(({ id }) => id);
    for (const id of lost) this.#generations.delete(id);
    for (const { generation, block } of this.#cut) generation.blocks.delete(block);
    const pages = this.#cut.map(({ generation, block }) => {
      const page = pageOf(block);
      return [generation.id, page, generation.blocks.page(page)?.slice()] as const;
    });
    const found = {
      orphanFiles: this.#orphanFiles,
      objectsWithoutFile: lost.length,
      blocksCut: this.#cut.length,
      strayRows: this.#strayIds.size,
    };
    if (Object.values(found).some((count) => count > 0)) this.#logger.warn(found, 'volume reconciled');
    return { deleted: [...this.#strayIds, ...lost], buried: [], objects: [], pages, uses: [] };
  }

  generations(): Generation[] {
    return [...this.#generations.values()].sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  }

  #addObject([id, json, usedAtMs]: ObjectRow): void {
    const description = parseDescription(json);
    if (description === undefined) this.#strayIds.add(id);
    else this.#generations.set(id, new Generation(id, this.#volumeIndex, description, usedAtMs));
  }

  #addPage([id, page, held]: PageRow): void {
    const generation = this.#generations.get(id);
    if (generation?.blocks.loadPage(page, held) === true) this.#withoutFile.add(generation);
    else {
      this.#generations.delete(id);
      this.#strayIds.add(id);
      if (generation !== undefined) this.#withoutFile.delete(generation);
    }
  }

  #addFile([id, sizeBytes]: FileRow): void {
    const generation = this.#generations.get(id);
    if (generation === undefined) return;
    this.#withoutFile.delete(generation);
    for (const block of blocksBeyond(generation, sizeBytes)) this.#cut.push({ generation, block });
  }
}

/** The row was written by this program, so only damage is to be caught: what the store itself relies on is checked. */
function parseDescription(json: string): ObjectDescription | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || !('key' in value) || !('sizeBytes' in value)) return undefined;
    const sound =
      typeof value.key === 'string' && Number.isSafeInteger(value.sizeBytes) && Number(value.sizeBytes) >= 0;
    return sound ? (value as ObjectDescription) : undefined;
  } catch {
    return undefined;
  }
}

function* blocksBeyond(generation: Generation, fileBytes: number): Generator<number> {
  if (fileBytes >= generation.description.sizeBytes) return;
  for (const block of generation.blocks.held(Math.floor(fileBytes / BLOCK_BYTES))) {
    if (block * BLOCK_BYTES + generation.blockBytes(block) > fileBytes) yield block;
  }
}
