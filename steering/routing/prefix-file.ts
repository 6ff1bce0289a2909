import { stat } from 'node:fs/promises';
import { messageOf } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { loadPrefixFile } from './load-prefix-file.ts';
import { PrefixTable } from './prefix-table.ts';

export interface PrefixFileOptions {
  readonly file: string;
  readonly pollMs: number;
  readonly world: World;
  readonly logger: Logger;
  readonly onTable: (table: PrefixTable) => void;
  /** Why the file cannot be used, or undefined now that it can. The table before stays in use. */
  readonly onState: (problem: string | undefined) => void;
}

const MAX_FILE_BYTES = 256 * 2 ** 20;

/**
 * The operator's table of prefixes, read again when it changes. It is looked at rather than watched: editors and
 * configuration tools replace files by renaming, which a watch on the old inode does not see.
 */
export class PrefixFile implements Service {
  readonly #options: PrefixFileOptions;
  readonly #looks: PeriodicTask;
  #seen = '';

  constructor(options: PrefixFileOptions) {
    this.#options = options;
    this.#looks = new PeriodicTask(options.world, options.pollMs, () => this.#look());
  }

  /** Reads the file once, then goes on looking. */
  async start(): Promise<void> {
    await this.#look();
    await this.#looks.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#looks.stop(deadlineMs);
  }

  async #look(): Promise<void> {
    const { file, logger, onTable, onState } = this.#options;
    try {
      const { mtimeMs, size, ino } = await stat(file);
      const identity = `${mtimeMs} ${size} ${ino}`;
      if (identity === this.#seen) return;
      this.#seen = identity;
      if (size > MAX_FILE_BYTES) return this.#refuse([`larger than ${MAX_FILE_BYTES} bytes`]);
      const parsed = await loadPrefixFile(file);
      if (parsed.kind === 'broken') return this.#refuse(parsed.problems);
      const table = new PrefixTable(parsed.table);
      onTable(table);
      onState(undefined);
      logger.info({ file, prefixes: table.size }, 'table of prefixes in use');
    } catch (error) {
      const problem = messageOf(error);
      if (this.#seen !== problem) this.#refuse([problem]);
      this.#seen = problem;
    }
  }

  #refuse(problems: readonly string[]): void {
    const { file, logger, onState } = this.#options;
    logger.error({ file, problems }, 'table of prefixes not taken: the one before stays in use');
    onState(`${file}: ${problems.join('; ')}`);
  }
}
