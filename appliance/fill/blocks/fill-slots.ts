import { OperationalError } from '../../../src/errors/operational-error.ts';

/** Bounds the fills at one time: so many on their way, as many waiting in turn, and no more. */
export class FillSlots {
  readonly #limit: number;
  #taken = 0;
  readonly #queue: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Waits for a slot, which the caller must release. @throws OperationalError OVERLOADED when too many wait. */
  async acquire(): Promise<void> {
    if (this.#taken < this.#limit) {
      this.#taken += 1;
      return;
    }
    if (this.#queue.length >= this.#limit)
      throw new OperationalError('OVERLOADED', `${this.#limit} fills wait already`);
    // The slot passes from hand to hand, so the count stays.
    await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }
}
