/** What was found out about the last so many tokens; the one not used for longest goes first. A map, in order of use. */
export class TokenMemo<V extends object | string> {
  readonly #max: number;
  readonly #entries = new Map<string, V>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(token: string): V | undefined {
    const value = this.#entries.get(token);
    if (value === undefined) return undefined;
    this.#entries.delete(token);
    this.#entries.set(token, value);
    return value;
  }

  set(token: string, value: V): void {
    this.#entries.delete(token);
    this.#entries.set(token, value);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#max && oldest !== undefined) this.#entries.delete(oldest);
  }

  clear(): void {
    this.#entries.clear();
  }
}
