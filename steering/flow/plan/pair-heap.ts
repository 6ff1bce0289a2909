/** The cheapest ways known to bring a viewer from one site to another; entries that no longer hold are passed over. */
export class PairHeap {
  readonly #keys: number[] = [];
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  get topKey(): number {
    return this.#keys[0] ?? Infinity;
  }

  /** The arc that gives. */
  get topFrom(): number {
    return this.#from[0] ?? 0;
  }

  /** The arc that takes. */
  get topTo(): number {
    return this.#to[0] ?? 0;
  }

  push(key: number, from: number, to: number): void {
    let at = this.#keys.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#keys[parent] ?? 0) <= key) break;
      this.#copy(parent, at);
      at = parent;
    }
    this.#put(at, key, from, to);
  }

  pop(): void {
    const key = this.#keys.pop() ?? 0;
    const from = this.#from.pop() ?? 0;
    const to = this.#to.pop() ?? 0;
    const count = this.#keys.length;
    if (count === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && (this.#keys[child + 1] ?? 0) < (this.#keys[child] ?? 0)) child += 1;
      if ((this.#keys[child] ?? 0) >= key) break;
      this.#copy(child, at);
      at = child;
    }
    this.#put(at, key, from, to);
  }

  #copy(source: number, target: number): void {
    this.#put(target, this.#keys[source] ?? 0, this.#from[source] ?? 0, this.#to[source] ?? 0);
  }

  #put(at: number, key: number, from: number, to: number): void {
    this.#keys[at] = key;
    this.#from[at] = from;
    this.#to[at] = to;
  }
}
