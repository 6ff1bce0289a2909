import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BlockMap } from '../appliance/store/block-map.ts';
import { crc32cOf } from '../appliance/store/checksum.ts';
import { createDiskObjectStore } from '../appliance/store/disk-object-store.ts';
import type { Durability } from '../appliance/store/durability.ts';
import { encodeEntry } from '../appliance/store/files/file-tail.ts';
import { Generation } from '../appliance/store/generation.ts';
import type { ObjectDescription } from '../appliance/store/object-description.ts';
import { CommitQueue } from '../appliance/store/volume/commit-queue.ts';
import { loadVolume } from '../appliance/store/volume/load-volume.ts';
import { BLOCK_BYTES } from '../src/contracts/file-manifest.ts';
import { silentLogger } from '../src/telemetry/logger.ts';
import { systemWorld } from '../src/world/world.ts';

const FILL_WRITERS = 4;

const describeFile = (key: string, sizeBytes: number): ObjectDescription => ({
  key,
  sizeBytes,
  etag: '"1"',
  headers: { 'content-type': 'video/mp4' },
  confirmedAtMs: 0,
  initialAgeMs: 0,
  freshnessMs: 0,
  staleIfErrorMs: 0,
});

const percentile = (sorted: readonly number[], share: number): number =>
  Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 100) / 100;

/** The store as it is on one volume; the page cache takes what the policy leaves to it. */
async function withStore<T>(dir: string, durability: Durability, task: (queue: CommitQueue) => Promise<T>): Promise<T> {
  const { index } = await loadVolume({ dir, volumeIndex: 0, durability, world: systemWorld }, silentLogger);
  try {
    return await task(new CommitQueue(index, durability));
  } finally {
    await index.close();
  }
}

/**
 * What a block costs by its size: checksum, bytes, entry of the tail and row, as a volume does it. @param wanted what
 * of it is done: the same without entries tells what they cost
 */
export async function measureBlockSize(
  dir: string,
  blockBytes: number,
  totalBytes: number,
  wanted: { readonly entries: boolean },
) {
  mkdirSync(dir, { recursive: true });
  const count = totalBytes / blockBytes;
  const bytes = randomFillSync(Buffer.alloc(blockBytes));
  const file = await open(join(dir, 'blocks'), 'w+');
  const generation = new Generation(1, 0, describeFile('/blocks', count * BLOCK_BYTES), 0);
  let next = 0;
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  const latencies: number[] = [];
  const indexBytes = await withStore(dir, 'process', async (queue) => {
    queue.putObject(generation);
    const write = async (): Promise<void> => {
      for (let block = next++; block < count; block = next++) {
        const blockBeganMs = performance.now();
        const checksum = crc32cOf(bytes);
        await writeFully(file, bytes, block * blockBytes);
        if (wanted.entries) await writeFully(file, encodeEntry(1, block, checksum), totalBytes + block * 8);
        await new Promise<void>((kept, failed) => queue.keepBlock({ generation, block, checksum, kept, failed }));
        latencies.push(performance.now() - blockBeganMs);
      }
    };
    await Promise.all(Array.from({ length: FILL_WRITERS }, write));
    await queue.flush();
    return new BlockMap(count).blockCount * 4 + count / 8;
  });
  const tookMs = performance.now() - beganMs;
  const cpu = process.cpuUsage(cpuBefore);
  await file.close();
  latencies.sort((a, b) => a - b);
  const mebibytes = totalBytes / 2 ** 20;
  return {
    blockKibibytes: blockBytes / 1024,
    tailEntries: wanted.entries,
    megabytesPerSec: Math.round(totalBytes / 1000 / tookMs),
    cpuMicrosPerMebibyte: Math.round((cpu.user + cpu.system) / mebibytes),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    memoryBytesPerGibibyte: Math.round((indexBytes / totalBytes) * 2 ** 30),
    indexKibibytes: Math.round(statSync(join(dir, 'v1/index.sqlite')).size / 1024),
  };
}

async function writeFully(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  const { bytesWritten } = await file.write(bytes, 0, bytes.length, offset);
  if (bytesWritten !== bytes.length) throw new Error('the disk took only a part');
}

/** Rows alone: what the index does when so many writers wait for it. */
export async function measureCommits(dir: string, writers: number, durationMs: number) {
  mkdirSync(dir, { recursive: true });
  const latencies: number[] = [];
  let batches = 0;
  const { index } = await loadVolume({ dir, volumeIndex: 0, durability: 'process', world: systemWorld }, silentLogger);
  const queue = new CommitQueue({
    commit: (batch) => {
      batches += 1;
      return index.commit(batch);
    },
  });
  const untilMs = performance.now() + durationMs;
  const write = async (writer: number): Promise<void> => {
    const generation = new Generation(writer + 1, 0, describeFile(`/${writer}`, 2 ** 40), 0);
    for (let block = 0; performance.now() < untilMs; block += 1) {
      const beganMs = performance.now();
      await new Promise<void>((kept, failed) => queue.keepBlock({ generation, block, checksum: block, kept, failed }));
      latencies.push(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  await index.close();
  const log = latencies.length;
  latencies.sort((a, b) => a - b);
  return {
    writers,
    blocksPerSec: Math.round((log * 1000) / durationMs),
    transactionsPerSec: Math.round((batches * 1000) / durationMs),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
  };
}

export type SyncPolicy = 'none' | 'every second' | 'every group';

/** Writers that each keep blocks of one object, through the whole store. */
export async function measureSyncPolicy(
  dir: string,
  policy: SyncPolicy,
  load: { readonly writers: number; readonly durationMs: number },
) {
  mkdirSync(dir, { recursive: true });
  const store = createDiskObjectStore({
    volumes: [{ dir, capacityBytes: 2 ** 40 }],
    memoryBytes: 0,
    durability: policy === 'every group' ? 'power' : 'process',
    world: systemWorld,
    logger: silentLogger,
  });
  await store.start();
  const latencies: number[] = [];
  const bytes = randomFillSync(Buffer.alloc(BLOCK_BYTES));
  const beganMs = performance.now();
  const untilMs = beganMs + load.durationMs;
  const stopSyncing = policy === 'every second' ? syncEverySecond(dir) : async () => undefined;
  const write = async (writer: number): Promise<void> => {
    using object = store.create(describeFile(`/${writer}`, 2 ** 40));
    for (let block = 0; performance.now() < untilMs; block += 1) {
      const blockBeganMs = performance.now();
      await object.write(block, bytes);
      latencies.push(performance.now() - blockBeganMs);
    }
  };
  await Promise.all(Array.from({ length: load.writers }, (_, writer) => write(writer)));
  const tookMs = performance.now() - beganMs;
  await stopSyncing();
  await store.stop(60_000);
  latencies.sort((a, b) => a - b);
  return {
    sync: policy,
    writers: load.writers,
    megabytesPerSec: Math.round((latencies.length * BLOCK_BYTES) / 1000 / tookMs),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
  };
}

/** Syncs the file system of a folder again and again. @returns what ends it */
function syncEverySecond(dir: string): () => Promise<void> {
  const ended = new AbortController();
  const loop = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await promisify(execFile)('sync', ['--file-system', dir]);
      await sleep(1000);
    }
  };
  const looping = loop();
  return () => {
    ended.abort();
    return looping;
  };
}
