/**
 * Counts of the last minute or so, in steps: what is older than the window goes a step at a time, so that nothing is
 * kept per operation. Times are given, monotonic ms.
 */
export class OperationWindow {
  readonly #stepMs: number;
  readonly #steps: Counts[];
  #stepNumber = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number, stepCount = 6) {
    this.#stepMs = windowMs / stepCount;
    this.#steps = Array.from({ length: stepCount }, () => ({ ...NOTHING }));
  }

  note(nowMs: number, { isError, isSlow }: { readonly isError: boolean; readonly isSlow: boolean }): void {
    const counts = this.#advance(nowMs);
    counts.operations += 1;
    if (isError) counts.errors += 1;
    if (isSlow) counts.slow += 1;
  }

  total(nowMs: number): Readonly<Counts> {
    this.#advance(nowMs);
    const sum = { ...NOTHING };
    for (const { operations, errors, slow } of this.#steps) {
      sum.operations += operations;
      sum.errors += errors;
      sum.slow += slow;
    }
    return sum;
  }

  clear(): void {
    for (const counts of this.#steps) Object.assign(counts, NOTHING);
  }

  /** Empties the steps that have gone by. @returns the one that is now */
  #advance(nowMs: number): Counts {
    const number = Math.floor(nowMs / this.#stepMs);
    const from = Math.max(this.#stepNumber + 1, number - this.#steps.length + 1);
    for (let step = from; step <= number; step += 1) Object.assign(this.#at(step), NOTHING);
    this.#stepNumber = Math.max(this.#stepNumber, number);
    return this.#at(this.#stepNumber);
  }

  #at(number: number): Counts {
    const count = this.#steps.length;
    const step = this.#steps[((number % count) + count) % count];
    if (step === undefined) throw new RangeError(`no step ${number}`);
    return step;
  }
}

interface Counts {
  operations: number;
  errors: number;
  slow: number;
}

const NOTHING: Counts = { operations: 0, errors: 0, slow: 0 };
