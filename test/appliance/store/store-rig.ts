import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDiskObjectStore, type DiskStore } from '../../../appliance/store/disk-object-store.ts';
import type { DiskObjectStoreOptions } from '../../../appliance/store/disk-store-options.ts';
import type { ObjectDescription } from '../../../appliance/store/object-description.ts';
import type { ObjectStore } from '../../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { systemWorld } from '../../../src/world/world.ts';

/** A folder of its own, removed with the rig, and stores that are opened in it one after the other. */
export class StoreRig {
  readonly dir = mkdtempSync(join(tmpdir(), 'oca-store-'));
  #store: DiskStore | undefined;

  volumeDir(name = 'volume'): string {
    return join(this.dir, name);
  }

  /** Opens a store, after stopping the one before. */
  async open(options: Partial<DiskObjectStoreOptions> = {}): Promise<DiskStore> {
    await this.close();
    const store = createDiskObjectStore({
      volumes: [{ dir: this.volumeDir(), capacityBytes: 64 * BLOCK_BYTES }],
      memoryBytes: 0,
      world: systemWorld,
      logger: silentLogger,
      probeIntervalMs: 10,
      policy: { drainMs: 50 },
      ...options,
    });
    await store.start();
    this.#store = store;
    return store;
  }

  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.stop(10_000);
  }

  /** Paths of the data files of a volume, sorted. */
  async dataFiles(name = 'volume'): Promise<string[]> {
    const files = await readdir(join(this.volumeDir(name), 'v1', 'data'), { recursive: true, withFileTypes: true });
    return files
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name))
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function descriptionOf(
  key: string,
  sizeBytes: number,
  more: Partial<ObjectDescription> = {},
): ObjectDescription {
  return {
    key,
    sizeBytes,
    etag: '"1"',
    headers: { 'content-type': 'video/mp4' },
    confirmedAtMs: 1000,
    initialAgeMs: 0,
    freshnessMs: 60_000,
    staleIfErrorMs: 0,
    ...more,
  };
}

/** The one right content of a block: it follows from what names it, so that any process can tell. */
export function contentOf(name: string, block: number, length: number): Buffer {
  const seed = createHash('sha256').update(`${name}\n${block}`).digest();
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += seed.length) seed.copy(bytes, at);
  // Every 4 KiB differs, so that pages in the wrong place show.
  for (let at = 0; at + 4 <= length; at += 4096) bytes.writeUInt32LE(at + block, at);
  return bytes;
}

export const lengthOf = (sizeBytes: number, block: number): number =>
  Math.min(BLOCK_BYTES, sizeBytes - block * BLOCK_BYTES);

/** Writes all blocks of a new object, or those given. */
export async function fillObject(
  store: ObjectStore,
  description: ObjectDescription,
  blocks: readonly number[] = [...Array(Math.ceil(description.sizeBytes / BLOCK_BYTES)).keys()],
): Promise<void> {
  using object = store.create(description);
  const { key, sizeBytes } = description;
  await Promise.all(blocks.map((block) => object.write(block, contentOf(key, block, lengthOf(sizeBytes, block)))));
}
