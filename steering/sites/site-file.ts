import { readFile } from 'node:fs/promises';
import { FollowedFiles } from '../../src/config/followed-files.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { parseSites } from './parse-sites.ts';
import { NO_SITES, type SiteTable } from './site-table.ts';

export interface SiteFileOptions {
  readonly file: string;
  readonly pollMs: number;
  readonly world: World;
  readonly logger: Logger;
  readonly onTable: (table: SiteTable) => void;
  readonly onState: (problem: string | undefined) => void;
}

const MAX_FILE_BYTES = 16 * 2 ** 20;

/** The operator's table of sites, read again when it changes. A broken file changes nothing and is told once. */
export class SiteFile implements Service {
  readonly #files: FollowedFiles;
  #table: SiteTable = NO_SITES;

  constructor({ file, pollMs, world, logger, onTable, onState }: SiteFileOptions) {
    this.#files = new FollowedFiles({
      files: [file],
      maxBytes: MAX_FILE_BYTES,
      pollMs,
      world,
      onChange: async () => {
        this.#table = parseSites(await readFile(file, 'utf8'));
        onTable(this.#table);
      },
      onState: (problem) => {
        const { version } = this.#table;
        if (problem === undefined)
          logger.info({ file, version, sites: this.#table.facts().length }, 'table of sites in use');
        else logger.error({ file, problem, version }, 'table of sites not taken: the one before stays in use');
        onState(problem);
      },
    });
  }

  start(): Promise<void> {
    return this.#files.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#files.stop(deadlineMs);
  }
}
