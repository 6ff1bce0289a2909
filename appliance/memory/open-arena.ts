import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { World } from '../../src/world/world.ts';
import type { Libc } from '../kernel/libc.ts';
import { Arena, type ArenaSize } from './arena.ts';
import { createArenaMetrics } from './arena-metrics.ts';
import { largePageBytes } from './large-pages.ts';
import { openMemoryFile } from './memory-file.ts';
import { hintTableBytes } from './tables/hint-table.ts';
import { boardBytes } from './tables/object-board.ts';
import { slotTableBytes } from './tables/slot-table.ts';

/** What blocks are at least, on average: below it there are not enough slots to fill the memory. */
const SLOT_FOR_BYTES = 64 * 1024;
const MOST_SMALL_SLOTS = 2 ** 20;
const FEWEST_SLOTS = 64;
/** Beyond, descriptions would take more memory than they are worth: a kilobyte each. */
const MOST_OBJECTS = 2 ** 18;
/** Copies of blocks for the engine that sends from buffers, where another one has most of the memory. */
const COPIES_SHARE = 1 / 8;
/** With fewer, everybody who sends would wait for somebody else. */
const FEWEST_BLOCKS = 16;

export interface OpenArenaOptions {
  readonly libc: Libc;
  /** Of everything: blocks and the tables beside them. */
  readonly memoryBytes: number;
  readonly readerCount: number;
  readonly metrics: Metrics;
  readonly world: World;
}

/** @returns undefined where the system gives no such memory */
export function openArena({ libc, memoryBytes, metrics, readerCount, world }: OpenArenaOptions): Arena | undefined {
  const size = arenaSize(memoryBytes, readerCount);
  const file = openMemoryFile(libc, size.slotCount, size.largeSlots);
  if (file === undefined) return undefined;
  const arena: Arena = new Arena({ file, size, world, metrics: createArenaMetrics(metrics, () => arena.usage()) });
  return arena;
}

/** So much memory as the tables leave goes to blocks. */
function arenaSize(memoryBytes: number, readerCount: number): ArenaSize {
  const small = Math.min(MOST_SMALL_SLOTS, Math.ceil(memoryBytes / SLOT_FOR_BYTES));
  const pageBytes = largePageBytes();
  const largeSlots = pageBytes === 0 ? 0 : Math.ceil(memoryBytes / BLOCK_BYTES);
  const slotCount = largeSlots + Math.max(FEWEST_SLOTS, small, Math.ceil(memoryBytes / BLOCK_BYTES));
  const maxObjects = Math.min(MOST_OBJECTS, slotCount);
  const size = { slotCount, largeSlots, largePageBytes: pageBytes, maxObjects, readerCount };
  const tableBytes = slotTableBytes(slotCount, readerCount) + hintTableBytes(slotCount) + boardBytes(size);
  return { ...size, capacityBytes: Math.max(0, memoryBytes - tableBytes) };
}

/**
 * How the memory for content is divided where threads send from a part of it that they share; undefined where it is too
 * little to be divided.
 */
export function divideMemory(
  memoryBytes: number,
): { readonly sharedBytes: number; readonly copiesBytes: number } | undefined {
  const copiesBytes = Math.floor(memoryBytes * COPIES_SHARE);
  const sharedBytes = memoryBytes - copiesBytes;
  return sharedBytes < FEWEST_BLOCKS * BLOCK_BYTES ? undefined : { sharedBytes, copiesBytes };
}
