import { z } from 'zod';
import { parseContract } from '../../../src/contracts/contract.ts';
import { type FillPlanFile, plannedBytes } from '../../../src/contracts/fill-plan.ts';
import { epochMsSchema, filePathSchema } from '../../../src/contracts/ids.ts';
import { messageOf } from '../../../src/errors/operational-error.ts';
import { readStateFile, writeStateFile } from '../../../src/state/state-file.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { StoreUsage } from '../../store/object-store.ts';

/**
 * Files that the plan named and names no longer: kept for a while all the same.
 *
 * A plan may be taken back (a canary that did badly, a planner that saw too little), and then what was thrown away has
 * to be fetched once more, at a time of day when nobody wants to. And sessions that began with a file are still playing
 * it. So who is gone from the plan keeps his place for a grace time, unless the plan's own files need the room: then
 * those that went first lose it first. After that they are like anything that viewers asked for: they leave when others
 * are worth more, and never while they are being read (the store sees to that). Nothing is deleted for its own sake: an
 * empty disk serves nobody.
 */
export interface GoneFilesOptions {
  /** Where they are remembered, for a restart in between. */
  readonly file: string;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Gone {
  readonly sizeBytes: number;
  readonly sinceMs: number;
}

const MAX_GONE = 50_000;
const keptSchema = z.object({
  version: z.literal(1),
  gone: z
    .array(z.object({ path: filePathSchema, sizeBytes: z.number().nonnegative(), sinceMs: epochMsSchema }))
    .max(MAX_GONE),
});

export class GoneFiles {
  readonly #options: GoneFilesOptions;
  /** Those of the plan in force, so that the next one shows who has gone. */
  #planned: ReadonlyMap<string, FillPlanFile> | undefined;
  /** Who went first stands first. */
  #gone = new Map<string, Gone>();

  constructor(options: GoneFilesOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier run knew. Never throws: without it they leave a little early. */
  load(): void {
    try {
      const document = readStateFile(this.#options.file);
      if (document === undefined) return;
      const { gone } = parseContract('list of files gone from the plan', keptSchema, document);
      this.#gone = new Map(gone.map(({ path, ...rest }) => [path, rest]));
    } catch (error) {
      this.#options.logger.warn({ error: messageOf(error) }, 'what went from the plan lately is not known any more');
    }
  }

  /**
   * These are the plan's files from now on, and nobody changes them any more. Yields how many files it has looked at: a
   * plan may have a million. Ask for nothing else until it is done.
   */
  *planChanged(files: ReadonlyMap<string, FillPlanFile>): Generator<number, void> {
    const sinceMs = this.#options.clock.nowMs();
    for (const [path, file] of this.#planned ?? []) {
      if (!files.has(path)) this.#gone.set(path, { sizeBytes: plannedBytes(file), sinceMs });
      yield 1;
    }
    for (const path of this.#gone.keys()) {
      if (files.has(path)) this.#gone.delete(path);
      yield 1;
    }
    for (const path of this.#gone.keys()) {
      if (this.#gone.size <= MAX_GONE) break;
      this.#gone.delete(path);
    }
    const isFirst = this.#planned === undefined;
    this.#planned = files;
    if (!isFirst) this.#keep();
  }

  /** Lets go whose time is over, and whose place is needed. @returns whether `pinned` has changed */
  look(missing: readonly FillPlanFile[], usage: Pick<StoreUsage, 'capacityBytes' | 'pinnedBytes'>): boolean {
    if (this.#gone.size === 0) return false;
    const before = this.#gone.size;
    const { clock, graceMs } = this.#options;
    const nowMs = clock.nowMs();
    let lackingBytes =
      missing.reduce((sum, file) => sum + plannedBytes(file), 0) + usage.pinnedBytes - usage.capacityBytes * ROOM_SHARE;
    for (const [path, { sizeBytes, sinceMs }] of this.#gone) {
      const isOver = nowMs >= sinceMs + graceMs || nowMs < sinceMs - graceMs;
      if (!isOver && lackingBytes <= 0) continue;
      this.#gone.delete(path);
      lackingBytes -= sizeBytes;
    }
    if (this.#gone.size === before) return false;
    this.#keep();
    return true;
  }

  /** Everything whose place is kept: the plan's files and those that went lately. Yields how many it has collected. */
  *pinned(): Generator<number, ReadonlySet<string>> {
    const paths = new Set<string>();
    for (const kept of [this.#planned ?? new Map<string, FillPlanFile>(), this.#gone]) {
      for (const path of kept.keys()) {
        paths.add(path);
        yield 1;
      }
    }
    return paths;
  }

  #keep(): void {
    const gone = [...this.#gone].map(([path, rest]) => ({ path, ...rest }));
    try {
      writeStateFile(this.#options.file, { version: 1, gone }, { durable: false });
    } catch (error) {
      this.#options.logger.warn({ error: messageOf(error) }, 'what went from the plan is not remembered by a restart');
    }
  }
}

/** The store evicts before it is full; half of what is missing may be there in part. */
const ROOM_SHARE = 0.95;
