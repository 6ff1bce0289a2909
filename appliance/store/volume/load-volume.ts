import { stat, unlink } from 'node:fs/promises';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { pageOf } from '../block-map.ts';
import { Generation } from '../generation.ts';
import { ObjectIndex } from '../object-index.ts';
import type { ObjectDescription } from '../object-store.ts';
import { diskFailure } from './data-file.ts';
import type { VolumeLayout } from './volume-layout.ts';

/** Folders walked at a time at start: enough to keep a disk busy. */
const WALKERS = 8;

/**
 * Opens the index of a volume. A damaged one is set aside and a new one begun: without it nobody can tell what the data
 * files hold, and everything in a cache can be filled again. An index of a newer version is left alone.
 * @throws OperationalError STATE_IN_USE, STATE_CORRUPT (newer version), VOLUME_FULL, VOLUME_IO
 */
export function openIndex(layout: VolumeLayout, logger: Logger): ObjectIndex {
  try {
    return new ObjectIndex(layout.indexPath);
  } catch (error) {
    if (isOperational(error, 'STATE_IN_USE')) throw layout.inUse(error);
    if (!isOperational(error, 'STATE_CORRUPT') || error.cause === undefined) throw error;
    return beginAnew(layout, logger, error);
  }
}

/** @throws OperationalError VOLUME_FULL, VOLUME_IO */
export function beginAnew(layout: VolumeLayout, logger: Logger, error: unknown): ObjectIndex {
  logger.error({ error, aside: layout.setIndexAside() }, 'index is damaged: the volume starts empty');
  return new ObjectIndex(layout.indexPath);
}

/**
 * Everything a volume holds, with index and data files brought to agree: data files that no row knows are removed (a
 * process died between removing the row and the file, or before the first row), rows whose file is gone go, and so do
 * blocks beyond the end of their file.
 * @throws OperationalError STATE_CORRUPT when the index cannot be read, VOLUME_FULL, VOLUME_IO
 */
export async function loadGenerations(
  layout: VolumeLayout,
  index: ObjectIndex,
  volumeIndex: number,
  logger: Logger,
): Promise<Generation[]> {
  const { generations, strayIds } = readRows(index, volumeIndex);
  const withoutFile = new Map([...generations].filter(([, generation]) => generation.heldBlocks > 0));
  const cut: { generation: Generation; block: number }[] = [];
  let orphans = 0;

  const look = async ({ path, generation: id }: { path: string; generation: number }): Promise<void> => {
    const generation = generations.get(id);
    try {
      if (generation === undefined) {
        orphans += 1;
        await unlink(path);
        return;
      }
      const { size } = await stat(path);
      withoutFile.delete(id);
      for (const block of blocksBeyond(generation, size)) cut.push({ generation, block });
    } catch (error) {
      throw diskFailure(error, `reconcile ${path}`);
    }
  };
  // All walkers share one iterator, so each takes the next folder that nobody has.
  const folders = (await layout.folders()).values();
  const walk = async (): Promise<void> => {
    for (const folder of folders) for (const file of await layout.dataFilesIn(folder)) await look(file);
  };
  const walks = await Promise.allSettled(Array.from({ length: WALKERS }, walk));
  for (const outcome of walks) if (outcome.status === 'rejected') throw outcome.reason;

  for (const { generation, block } of cut) generation.blocks.delete(block);
  for (const id of withoutFile.keys()) generations.delete(id);
  index.transaction(() => {
    for (const id of [...strayIds, ...withoutFile.keys()]) index.deleteObject(id);
    for (const { generation, block } of cut) {
      index.putPage(generation.id, pageOf(block), generation.blocks.page(pageOf(block)));
    }
  });
  const repaired = {
    orphanFiles: orphans,
    objectsWithoutFile: withoutFile.size,
    blocksCut: cut.length,
    strayRows: strayIds.size,
  };
  if (Object.values(repaired).some((count) => count > 0)) logger.warn(repaired, 'volume reconciled');
  return [...generations.values()].sort((a, b) => a.lastUsedMs - b.lastUsedMs);
}

function readRows(
  index: ObjectIndex,
  volumeIndex: number,
): { generations: Map<number, Generation>; strayIds: Set<number> } {
  const generations = new Map<number, Generation>();
  const strayIds = new Set<number>();
  for (const [id, json, usedAtMs] of index.objects()) {
    const description = parseDescription(json);
    if (description === undefined) strayIds.add(id);
    else generations.set(id, new Generation(id, volumeIndex, description, usedAtMs));
  }
  for (const [id, page, held] of index.pages()) {
    // A page that does not fit its object means that neither can be believed.
    if (generations.get(id)?.blocks.loadPage(page, held) === true) continue;
    generations.delete(id);
    strayIds.add(id);
  }
  return { generations, strayIds };
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
  for (const block of generation.blocks.held()) {
    if (block * BLOCK_BYTES + generation.blockBytes(block) > fileBytes) yield block;
  }
}
