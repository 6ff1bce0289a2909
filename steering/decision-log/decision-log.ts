import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../src/errors/operational-error.ts';
import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { DecisionBatch } from './decision-batch.ts';
import { encodeFrame } from './log-frames.ts';
import type { LoggedDecision } from './logged-decision.ts';

/**
 * Keeps decisions with all that they knew, so that "why was this viewer sent there last night" has an answer.
 *
 * Thousands of decisions a second cannot all be written with their candidates, and one in a hundred picked at random
 * tells of no session from start to end. So it is sessions that are picked: by their hash, as many as fit the rate.
 * Picking costs one hash; writing happens once a second and away from the players. The log never grows beyond its
 * bytes, the oldest file goes first. A disk that takes nothing costs the log, not an answer.
 */
export interface DecisionLogOptions {
  readonly folder: string;
  readonly world: World;
  readonly logger: Logger;
  /** All files together. */
  readonly maxBytes: number;
  readonly maxPerSec: number;
  readonly onOutcome: (outcome: 'written' | 'dropped', count: number) => void;
}

const FLUSH_MS = 1000;
const FILES = 8;
/** Bursts within a second before the share of sessions has adapted. */
const BURST = 2;
/** Of one frame: a disk that is slow for a second must not cost memory without end. */
const MAX_PENDING_BYTES = 64 * 2 ** 20;

export class DecisionLog implements Service {
  readonly #options: DecisionLogOptions;
  readonly #flushing: PeriodicTask;
  #pending = new DecisionBatch();
  /** Whose turn is next; undefined while it is being written. */
  #spare: DecisionBatch | undefined = new DecisionBatch();
  #seen = 0;
  #share = 1;
  #file: { readonly handle: FileHandle; bytes: number } | undefined;
  #isFailing = false;

  constructor(options: DecisionLogOptions) {
    this.#options = options;
    this.#flushing = new PeriodicTask(options.world, FLUSH_MS, () => this.#flush());
  }

  start(): Promise<void> {
    return this.#flushing.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#flushing.stop(deadlineMs);
    await this.#flush();
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  /**
   * @param make is called when the session is among those that are kept
   * @param share of all sessions that come here, 0 to 1: those whose hash is below it
   */
  note(sessionId: string, make: () => LoggedDecision, share = 1): void {
    this.#seen += 1;
    const { maxPerSec } = this.#options;
    if (this.#pending.count >= maxPerSec * BURST || this.#pending.bytes >= MAX_PENDING_BYTES) return;
    if (this.#share < 1 && unitHash(sessionId) >= share * this.#share) return;
    this.#pending.add(make());
  }

  async #flush(): Promise<void> {
    const { maxPerSec } = this.#options;
    this.#share = this.#seen > maxPerSec ? maxPerSec / this.#seen : 1;
    this.#seen = 0;
    if (this.#pending.count === 0) return;
    const batch = this.#pending;
    this.#pending = this.#spare ?? new DecisionBatch();
    this.#spare = undefined;
    await this.#writeDown(batch);
    batch.clear();
    this.#spare = batch;
  }

  async #writeDown(batch: DecisionBatch): Promise<void> {
    const { onOutcome } = this.#options;
    try {
      await this.#append(await encodeFrame(batch.document()));
      this.#isFailing = false;
      onOutcome('written', batch.count);
    } catch (error) {
      onOutcome('dropped', batch.count);
      await this.#giveUpFile();
      const { logger, folder } = this.#options;
      if (!this.#isFailing) logger.error({ folder, because: messageOf(error) }, 'decisions cannot be logged');
      this.#isFailing = true;
    }
  }

  async #append(frame: Buffer): Promise<void> {
    const file = (this.#file ??= await this.#open());
    // A write may take less than it is given; what is torn by a failure ends this file, see `#giveUpFile`.
    for (let written = 0; written < frame.length; )
      written += (await file.handle.write(frame, written, frame.length - written)).bytesWritten;
    file.bytes += frame.length;
    if (file.bytes < this.#options.maxBytes / FILES) return;
    await file.handle.close();
    this.#file = undefined;
  }

  /** Makes room, then begins the next file. Its name tells when it begins; names sort by time. */
  async #open(): Promise<{ handle: FileHandle; bytes: number }> {
    const { folder, world, maxBytes } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await removeOldest(folder, maxBytes - maxBytes / FILES);
    const name = `decisions-${new Date(world.clock.nowMs()).toISOString().replaceAll(/[:.]/g, '')}${LOG_SUFFIX}`;
    return { handle: await open(join(folder, name), 'a', 0o600), bytes: 0 };
  }

  /** Half a frame may stand at its end: the next frame begins a file of its own. */
  async #giveUpFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close().catch(() => undefined);
  }
}

const LOG_SUFFIX = '.ocdl';

/** The files of a log, oldest first. */
export async function logFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith(LOG_SUFFIX))
    .sort()
    .map((name) => join(folder, name));
}

async function removeOldest(folder: string, maxBytes: number): Promise<void> {
  const files = await Promise.all(
    (await logFiles(folder)).map(async (file) => ({ file, bytes: (await stat(file)).size })),
  );
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { file, bytes } of files) {
    if (total <= maxBytes) return;
    await unlink(file);
    total -= bytes;
  }
}
