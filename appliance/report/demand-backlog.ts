import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DemandSample, parseDemandSample } from '../../src/contracts/demand-sample.ts';
import { messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import { readStateFile, writeStateFile } from '../../src/state/state-file.ts';
import type { Random } from '../../src/world/world.ts';
import type { DemandByHour, PathDemand } from './demand-counter.ts';

/**
 * Demand samples that the planner has not acknowledged, one file each.
 *
 * A sample that was sent once never changes, because its id makes it count once at the planner: were counts added
 * after an answer that got lost, they would be dropped with the repetition. A sample that was never sent takes new
 * counts of its hour in, so that a planner that is away for a day costs a few samples an hour and not one a minute.
 * After a restart all count as sent: nobody knows any more. When there are too many, the oldest go.
 */
export interface BacklogOptions {
  readonly stateDir: string;
  readonly applianceId: string;
  readonly siteId: string;
  readonly random: Random;
  readonly maxSamples: number;
  /** Samples that were left out for want of room, or could not be read any more. */
  readonly onLost: (samples: number) => void;
}

/** Keeps a request body around 200 KB, whatever the contract would take. */
export const MAX_ENTRIES = 2000;
const FILE_NAME = /^(\d{10})-([0-9a-f-]{36})\.json$/;

interface Kept {
  readonly file: string;
  readonly sample: DemandSample;
  isOpen: boolean;
}

export class DemandBacklog {
  readonly #options: BacklogOptions;
  readonly #dir: string;
  #kept: Kept[] = [];
  #nextNumber = 1;

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.#dir = join(options.stateDir, 'demand');
  }

  /** Reads what an earlier run left. @throws OperationalError VOLUME_IO */
  load(): void {
    try {
      mkdirSync(this.#dir, { recursive: true });
      const names = readdirSync(this.#dir).filter((name) => FILE_NAME.test(name));
      for (const name of names.sort()) {
        this.#nextNumber = Math.max(this.#nextNumber, Number(FILE_NAME.exec(name)?.[1]) + 1);
        const file = join(this.#dir, name);
        const sample = readSample(file);
        if (sample === undefined) this.#lose(file);
        else this.#kept.push({ file, sample, isOpen: false });
      }
    } catch (error) {
      throw new OperationalError('VOLUME_IO', `${this.#dir}: ${messageOf(error)}`, { cause: error });
    }
  }

  get size(): number {
    return this.#kept.length;
  }

  /** Takes counts in and keeps them on disk. @throws OperationalError VOLUME_FULL, VOLUME_IO: they are in memory then */
  add(counts: DemandByHour): void {
    const changed = new Set<Kept>();
    for (const [hourStartMs, byPath] of counts) {
      const entries = [...byPath];
      while (entries.length > 0) {
        const kept = this.#openFor(hourStartMs);
        const leftOver = mergeInto(kept.sample, entries.splice(0, MAX_ENTRIES));
        changed.add(kept);
        // Full: the next entries go into another one.
        if (leftOver.length > 0) kept.isOpen = false;
        entries.unshift(...leftOver);
      }
    }
    while (this.#kept.length > this.#options.maxSamples) {
      const [oldest] = this.#kept.splice(0, 1);
      if (oldest === undefined) break;
      changed.delete(oldest);
      this.#lose(oldest.file);
    }
    for (const { file, sample } of changed) writeStateFile(file, sample, { durable: false });
  }

  /** The oldest sample, which from now on never changes. */
  nextToSend(): DemandSample | undefined {
    const [oldest] = this.#kept;
    if (oldest === undefined) return undefined;
    oldest.isOpen = false;
    return oldest.sample;
  }

  /** The planner has it, or will never take it. */
  remove(sampleId: string): void {
    const index = this.#kept.findIndex(({ sample }) => sample.sampleId === sampleId);
    const [gone] = index < 0 ? [] : this.#kept.splice(index, 1);
    if (gone !== undefined) erase(gone.file);
  }

  #openFor(hourStartMs: number): Kept {
    const open = this.#kept.find(({ isOpen, sample }) => isOpen && sample.hourStartMs === hourStartMs);
    if (open !== undefined) return open;
    const { applianceId, siteId, random } = this.#options;
    const sampleId = random.uuid();
    const file = join(this.#dir, `${String(this.#nextNumber).padStart(10, '0')}-${sampleId}.json`);
    this.#nextNumber += 1;
    const sample: DemandSample = { version: 1, sampleId, applianceId, siteId, hourStartMs, entries: [] };
    const kept = { file, sample, isOpen: true };
    this.#kept.push(kept);
    return kept;
  }

  #lose(file: string): void {
    erase(file);
    this.#options.onLost(1);
  }
}

/** Adds counts to a sample's entries. @returns those that found no room */
function mergeInto(sample: DemandSample, counts: readonly [string, PathDemand][]): [string, PathDemand][] {
  const byPath = new Map(sample.entries.map((entry) => [entry.path, entry]));
  const leftOver: [string, PathDemand][] = [];
  for (const [path, count] of counts) {
    const entry = byPath.get(path);
    if (entry !== undefined) {
      entry.requests += count.requests;
      entry.servedBytes += count.servedBytes;
      entry.missedBytes = (entry.missedBytes ?? 0) + count.missedBytes;
    } else if (sample.entries.length < MAX_ENTRIES) {
      sample.entries.push({ path, ...count });
    } else {
      leftOver.push([path, count]);
    }
  }
  return leftOver;
}

function readSample(file: string): DemandSample | undefined {
  try {
    return parseDemandSample(readStateFile(file));
  } catch {
    // Torn by a power cut, or of another version: an hour's counts are not worth a start that fails.
    return undefined;
  }
}

function erase(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It is sent once more after a restart, and its id makes that harmless.
  }
}
