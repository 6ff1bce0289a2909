import { readSync } from 'node:fs';
import { loadLibc } from '../../../appliance/kernel/libc.ts';
import { Arena, type ArenaContent, type ArenaSize, type SlotFill } from '../../../appliance/memory/arena.ts';
import { createArenaMetrics } from '../../../appliance/memory/arena-metrics.ts';
import { openMemoryFile } from '../../../appliance/memory/memory-file.ts';
import type { PublishedDescription } from '../../../appliance/memory/published.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { systemWorld } from '../../../src/world/world.ts';

export const libcLoad = loadLibc();
export const PAGE_BYTES = 4096;

/** An arena of its own, closed with the rig. */
export class ArenaRig implements Disposable {
  readonly arena: Arena;
  readonly metrics = new Metrics('appliance');

  constructor(size: Partial<ArenaSize> = {}) {
    if (libcLoad.kind === 'missing') throw new Error(libcLoad.because);
    const pages = { largeSlots: 0, largePageBytes: 0 };
    const whole = { capacityBytes: 8 * BLOCK_BYTES, slotCount: 16, maxObjects: 16, readerCount: 2, ...pages, ...size };
    const file = openMemoryFile(libcLoad.libc, whole.slotCount, whole.largeSlots);
    if (file === undefined) throw new Error('no memory file');
    const metrics = createArenaMetrics(this.metrics, () => this.arena.usage());
    this.arena = new Arena({ file, size: whole, metrics, world: systemWorld });
  }

  /** A block of one repeated byte. */
  load(content: ArenaContent, block: number, byte: number, sizeBytes = PAGE_BYTES) {
    return this.arena.load(content, block, sizeBytes, filledWith(byte));
  }

  /** What a slot has now, as any thread would read it. */
  bytes(slot: number, sizeBytes: number): Uint8Array {
    const bytes = new Uint8Array(sizeBytes);
    readSync(this.arena.shared.memoryFd, bytes, 0, sizeBytes, slot * BLOCK_BYTES);
    return bytes;
  }

  [Symbol.dispose](): void {
    this.arena.close();
  }
}

export function filledWith(byte: number): SlotFill {
  return (view) => {
    view.fill(byte);
    return { checked: Promise.resolve(true), ended: Promise.resolve() };
  };
}

export function publishedOf(key: string, more: Partial<PublishedDescription> = {}): PublishedDescription {
  return {
    key,
    sizeBytes: BLOCK_BYTES,
    etag: '"1"',
    headers: { 'content-type': 'video/mp4' },
    validators: { etag: '"1"', lastModifiedMs: undefined, dateMs: undefined },
    initialAgeMs: 0,
    confirmedAtMs: 1000,
    freshnessMs: 60_000,
    freshUntilMs: 61_000,
    ...more,
  };
}
