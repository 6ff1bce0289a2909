/** A thread that reads as fast as it can and judges every byte; the storm is in storm.test.ts. */
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { PublishedReader, SharedMemory } from '../../../appliance/memory/published.ts';
import { createReader } from '../../../appliance/memory/reader.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { wordOf } from './storm-pattern.ts';

export interface StormData {
  readonly memory: SharedMemory;
  readonly number: number;
  readonly keys: readonly string[];
  readonly blocks: number;
  readonly blockBytes: number;
  /** The first word is not 0 when the storm is over; then the pins of each reader so far. */
  readonly shared: SharedArrayBuffer;
}

export interface StormReport {
  readonly missed: number;
  readonly stale: number;
  /** What was read that was not the block's, described. */
  readonly wrong: readonly string[];
}

function storm({ memory, number, keys, blocks, blockBytes, shared }: StormData): StormReport {
  const reader: PublishedReader = createReader(memory, number);
  const told = new Int32Array(shared);
  const bytes = new Uint8Array(blockBytes);
  const words = new Uint32Array(bytes.buffer);
  const wrong: string[] = [];
  let missed = 0;
  let stale = 0;
  for (let round = 0; Atomics.load(told, 0) === 0; round += 1) {
    const key = keys[(round * 7 + number) % keys.length] ?? '';
    const object = reader.find(key);
    if (object?.description.key !== key) {
      if (object !== undefined) wrong.push(`${object.description.key} under ${key}`);
      missed += 1;
      continue;
    }
    reader.enter();
    if (!reader.isCurrent(object)) stale += 1;
    reader.leave();
    const block = round % blocks;
    const slot = reader.pin(object, block);
    if (slot === -1) {
      missed += 1;
      continue;
    }
    Atomics.add(told, 1 + number, 1);
    const expected = wordOf(object.contentHigh, object.contentLow, block);
    // Twice: it must also stay the block's.
    for (let time = 0; time < 2; time += 1) {
      readSync(memory.memoryFd, bytes, 0, blockBytes, slot * BLOCK_BYTES);
      if (words.some((word) => word !== expected)) wrong.push(`block ${block} of ${key} in slot ${slot}`);
    }
    reader.unpin(slot);
  }
  return { missed, stale, wrong: wrong.slice(0, 5) };
}

parentPort?.postMessage(storm(workerData as StormData));
