import { isOperational, messageOf } from '../errors/operational-error.ts';
import type { Logger } from './logger.ts';

/**
 * Log lines for something that is tried again and again: one when it begins to fail, one when it fails differently, one
 * when it works again. An hour of a planner being away is two lines, not a thousand.
 */
export class FailureLog {
  readonly #logger: Logger;
  readonly #what: string;
  #failing: string | undefined;
  #failures = 0;

  /** @param what continues "cannot ...", for example `send heartbeats`. */
  constructor(logger: Logger, what: string) {
    this.#logger = logger;
    this.#what = what;
  }

  failed(error: unknown): void {
    this.#failures += 1;
    const how = isOperational(error) ? `${error.code} ${error.answeredStatus ?? ''}` : messageOf(error);
    if (this.#failing === how) return;
    this.#failing = how;
    this.#logger.warn({ error }, `cannot ${this.#what}`);
  }

  worked(): void {
    if (this.#failing !== undefined) this.#logger.info({ failures: this.#failures }, `can ${this.#what} again`);
    this.#failing = undefined;
    this.#failures = 0;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }
}
