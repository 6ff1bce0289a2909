import { stat } from 'node:fs/promises';
import { messageOf } from '../errors/operational-error.ts';
import type { Service } from '../lifecycle/service.ts';
import { PeriodicTask } from '../resilience/periodic-task.ts';
import type { World } from '../world/world.ts';

export interface FollowedFilesOptions {
  readonly files: readonly string[];
  readonly pollMs: number;
  readonly world: World;
  /** Reads the files and takes what they say. What it throws is why they cannot be used. */
  readonly onChange: () => void | Promise<void>;
  /** Told once for each new state of the files: why they cannot be used, or undefined when they could. */
  readonly onState: (problem: string | undefined) => void;
}

/**
 * Files of the operator that are read again when one of them changes. They are looked at rather than watched: editors
 * and configuration tools replace files by renaming, which a watch on the old inode does not see.
 */
export class FollowedFiles implements Service {
  readonly #options: FollowedFilesOptions;
  readonly #looks: PeriodicTask;
  #seen = '';

  constructor(options: FollowedFilesOptions) {
    this.#options = options;
    this.#looks = new PeriodicTask(options.world, options.pollMs, () => this.#look());
  }

  /** Reads the files once, then goes on looking. */
  async start(): Promise<void> {
    await this.#look();
    await this.#looks.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#looks.stop(deadlineMs);
  }

  async #look(): Promise<void> {
    const { files, onChange, onState } = this.#options;
    const now = await identityOf(files);
    if (now === this.#seen) return;
    this.#seen = now;
    try {
      await onChange();
      onState(undefined);
    } catch (error) {
      onState(messageOf(error));
    }
  }
}

/** A text that changes with the files; a file that cannot be looked at is a state like any other. */
async function identityOf(files: readonly string[]): Promise<string> {
  const parts = files.map(async (file) => {
    try {
      const { mtimeMs, size, ino } = await stat(file);
      return `${mtimeMs} ${size} ${ino}`;
    } catch (error) {
      return messageOf(error);
    }
  });
  return (await Promise.all(parts)).join('\n');
}
