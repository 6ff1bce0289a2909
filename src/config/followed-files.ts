import { stat } from 'node:fs/promises';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import type { Service } from '../lifecycle/service.ts';
import { PeriodicTask } from '../resilience/periodic-task.ts';
import type { World } from '../world/world.ts';

export interface FollowedFilesOptions {
  readonly files: readonly string[];
  /** A larger file is not read. */
  readonly maxBytes: number;
  readonly pollMs: number;
  readonly world: World;
  /** Reads the files and takes what they say. What it throws is why they cannot be used. */
  readonly onChange: () => void | Promise<void>;
  /** Told once for each new state of the files: why they cannot be used, or undefined when they could. */
  readonly onState: (problem: string | undefined) => void;
  /** Told at each look that finds the files as they were. */
  readonly onUnchanged?: () => void;
}

/**
 * Files of the operator that are read again when one of them changes. They are looked at rather than watched: editors
 * and configuration tools replace files by renaming, which a watch on the old inode does not see.
 *
 * What is wrong in a file stays wrong until it changes. What kept a file from being read may pass by itself, so that is
 * tried again at each look.
 */
export class FollowedFiles implements Service {
  readonly #options: FollowedFilesOptions;
  readonly #looks: PeriodicTask;
  #seen = '';
  /** Why the files as they were seen could not be read. */
  #unreadable: string | undefined;

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
    const { files, maxBytes, onChange, onState, onUnchanged } = this.#options;
    const looked = await Promise.all(files.map((file) => lookAt(file, maxBytes)));
    const now = looked.map(({ identity }) => identity).join('\n');
    const told = now === this.#seen ? this.#unreadable : undefined;
    if (now === this.#seen && told === undefined) return onUnchanged?.();
    this.#seen = now;
    this.#unreadable = undefined;
    try {
      for (const { refusal } of looked) if (refusal !== undefined) throw refusal;
      await onChange();
      onState(undefined);
    } catch (error) {
      const problem = messageOf(error);
      if (isOfTheSystem(error)) this.#unreadable = problem;
      if (problem !== told) onState(problem);
    }
  }
}

interface Look {
  /** A text that changes with the file. */
  readonly identity: string;
  readonly refusal?: OperationalError;
}

async function lookAt(file: string, maxBytes: number): Promise<Look> {
  try {
    // The time of change, which tells of new rights too and cannot be set back.
    const { ctimeMs, size, ino } = await stat(file);
    const identity = `${ctimeMs} ${size} ${ino}`;
    if (size <= maxBytes) return { identity };
    return { identity, refusal: new OperationalError('CONFIG_INVALID', `larger than ${maxBytes} bytes`) };
  } catch (error) {
    // A file that cannot be looked at is a state like any other.
    const identity = messageOf(error);
    return { identity, refusal: new OperationalError('CONFIG_INVALID', identity, { cause: error }) };
  }
}

/** The system refused something, as opposed to a file that says something wrong. */
const isOfTheSystem = (error: unknown): boolean => error instanceof Error && 'syscall' in error;
