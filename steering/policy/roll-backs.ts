import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { messageOf } from '../../src/errors/operational-error.ts';
import { readStateFile, writeStateFile } from '../../src/state/state-file.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Cohort } from './policy.ts';

/** A cohort that is treated like everybody again. */
export interface RollBack {
  readonly cohort: string;
  readonly salt: string;
  readonly atMs: number;
  readonly by: 'outcomes' | 'operator';
  readonly because: string;
}

const MAX_KEPT = 256;
const rollBackSchema = z.object({
  cohort: z.string(),
  salt: z.string(),
  atMs: z.number(),
  by: z.enum(['outcomes', 'operator']),
  because: z.string(),
});
const fileSchema = z.object({ version: z.literal(1), rollBacks: z.array(rollBackSchema) });

/**
 * What was rolled back, kept over restarts. A roll-back counts for a cohort's name and salt: it ends when the operator
 * gives the cohort another salt, which also draws other sessions, and never by itself. A kept file that cannot be read
 * holds every cohort back: to try again on viewers what had been found bad would be worse.
 */
export class RollBacks {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #kept: RollBack[];
  readonly #isDamaged: boolean;

  constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
    const kept = readKept(file, logger);
    this.#isDamaged = kept === undefined;
    this.#kept = kept ?? [];
  }

  find({ name, salt }: Cohort): RollBack | undefined {
    if (this.#isDamaged)
      return { cohort: name, salt, atMs: 0, by: 'outcomes', because: `${this.#file} cannot be read` };
    return this.#kept.find((rollBack) => rollBack.cohort === name && rollBack.salt === salt);
  }

  all(): readonly RollBack[] {
    return this.#kept;
  }

  /** Counts at once. Where the disk does not take it, it is lost with the process, which is logged. */
  add(rollBack: RollBack): void {
    this.#kept.push(rollBack);
    if (this.#kept.length > MAX_KEPT) this.#kept.shift();
    if (this.#isDamaged) return;
    try {
      writeStateFile(this.#file, { version: 1, rollBacks: this.#kept }, { durable: true });
    } catch (error) {
      this.#logger.error({ reason: messageOf(error) }, 'a roll-back cannot be kept: it will not survive a restart');
    }
  }
}

/** undefined when it is there and cannot be read. */
function readKept(file: string, logger: Logger): RollBack[] | undefined {
  try {
    const document = readStateFile(file);
    return document === undefined ? [] : parseContract('roll-backs', fileSchema, document).rollBacks;
  } catch (error) {
    logger.error(
      { file, reason: messageOf(error) },
      'what was rolled back cannot be read: every cohort is held back until the file is mended or removed',
    );
    return undefined;
  }
}
