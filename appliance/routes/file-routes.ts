import { readFile, stat } from 'node:fs/promises';
import type { RouteReport } from '../../src/contracts/route-report.ts';
import { messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { parseRoutes } from './parse-routes.ts';
import type { RouteSource } from './route-source.ts';

const MAX_PROBLEMS_TOLD = 20;
const MAX_FILE_BYTES = 128 * 1024 * 1024;

/**
 * The routes file. It counts once it looked the same twice in a row: a half-written one would withdraw the routes of
 * half an ISP. For the same reason a file that is gone, or in which nothing makes sense, changes nothing, and neither
 * does a dump whose end is missing once there are routes; only a file that is empty on purpose withdraws all.
 */
export class FileRoutes implements RouteSource {
  readonly name: string;
  readonly #file: string;
  readonly #logger: Logger;
  #seen = '';
  #taken = '';
  #hasRoutes = false;

  constructor(file: string, logger: Logger) {
    this.name = file;
    this.#file = file;
    this.#logger = logger;
  }

  async look(): Promise<RouteReport['routes'] | undefined> {
    const { mtimeMs, size, ino } = await fromDisk(this.#file, stat(this.#file));
    const now = `${mtimeMs} ${size} ${ino}`;
    const isSettled = now === this.#seen;
    this.#seen = now;
    if (!isSettled || now === this.#taken) return undefined;
    if (size > MAX_FILE_BYTES) {
      throw new OperationalError('CONFIG_INVALID', `${this.#file} is over ${MAX_FILE_BYTES} bytes`);
    }
    const { routes, problems, isTorn } = parseRoutes(await fromDisk(this.#file, readFile(this.#file)));
    this.#taken = now;
    if (problems.length > 0) {
      const told = problems.slice(0, MAX_PROBLEMS_TOLD);
      const fields = { file: this.#file, count: problems.length, problems: told };
      this.#logger.warn(fields, 'the routes file has wrong lines, left out');
      if (routes.length === 0 || (isTorn === true && this.#hasRoutes)) return undefined;
    }
    this.#hasRoutes = true;
    return [...routes];
  }
}

async function fromDisk<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
}
