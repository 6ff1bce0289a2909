/** A million numbers in 8 MB. */
export class NumberList {
  #numbers = new Float64Array(1024);
  size = 0;

  add(number: number): void {
    if (this.size === this.#numbers.length) this.#growTo(2 * this.size);
    this.#numbers[this.size] = number;
    this.size += 1;
  }

  addAll(numbers: Float64Array): void {
    const size = this.size + numbers.length;
    if (size > this.#numbers.length) this.#growTo(2 * size);
    this.#numbers.set(numbers, this.size);
    this.size = size;
  }

  /** In the order in which they were added. */
  numbers(): Float64Array {
    return this.#numbers.subarray(0, this.size);
  }

  #growTo(length: number): void {
    const larger = new Float64Array(length);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}
