/** Lets a few in at a time, in the order in which they came. */
export class IntakeSlots {
  readonly #size: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** How many must end before one that comes now may begin. */
  get aheadCount(): number {
    return this.#taken < this.#size ? 0 : this.#waiting.length + 1;
  }

  /** Runs `run` when its turn has come. Whoever aborts while waiting runs into its signal then, and makes room. */
  async use<T>(run: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#size) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#taken += 1;
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next();
    }
  }
}
