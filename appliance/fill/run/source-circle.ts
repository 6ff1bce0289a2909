import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { FillSource } from '../fill-source.ts';

/** The sources of one run, in the order in which they are asked now: one that failed goes to the end. */
export class SourceCircle {
  #sources: readonly FillSource[];
  readonly #errors = new Map<FillSource, OperationalError>();

  constructor(sources: readonly FillSource[]) {
    this.#sources = sources;
  }

  /** Whom to ask now; undefined when none is left. */
  get current(): FillSource | undefined {
    return this.#sources[0];
  }

  get size(): number {
    return this.#sources.length;
  }

  get all(): readonly FillSource[] {
    return this.#sources;
  }

  failed(source: FillSource, error: OperationalError): void {
    this.#errors.set(source, error);
    this.#sources = [...this.#sources.filter((other) => other !== source), source];
  }

  /** It has no more part in this run. */
  drop(source: FillSource, error: OperationalError): void {
    this.#errors.set(source, error);
    this.#sources = this.#sources.filter((other) => other !== source);
  }

  /** One was quicker than another. */
  prefer(winner: FillSource, slow: FillSource): void {
    const others = this.#sources.filter((other) => other !== winner && other !== slow);
    this.#sources = winner === slow ? [winner, ...others] : [winner, ...others, slow];
  }

  /** Turns on to the first that was not asked yet, or may be asked again by its budget. @returns false when none may */
  turnToOneThatMayBeAsked(): boolean {
    for (const source of this.#sources) {
      if (this.#errors.has(source) && !source.health.mayRetry()) continue;
      this.#sources = [source, ...this.#sources.filter((other) => other !== source)];
      return true;
    }
    return false;
  }

  /** Who may be asked beside one that is late; that one itself only where it may have a second connection for it. */
  besides(slow: FillSource, mayBeOrigin: boolean): FillSource | undefined {
    const other = this.#sources.find(
      (source) => source !== slow && source.health.restMs === 0 && source.health.isTrusted,
    );
    return other ?? (mayBeOrigin && slow.kind === 'origin' ? slow : undefined);
  }

  /** How long until one of them may be asked, in ms. */
  get shortestRestMs(): number {
    return Math.min(...this.#sources.map(({ health }) => health.restMs));
  }

  /** The last failure, with those of the others. */
  explain(error: OperationalError): OperationalError {
    if (this.#errors.size < 2) return error;
    const told = [...this.#errors.values()].map(({ code, detail }) => `${code} ${detail}`).join('; ');
    return new OperationalError(error.code, `all ${this.#errors.size} sources fail: ${told}`, { cause: error });
  }
}
