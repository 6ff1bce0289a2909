import { LOG_FORMAT, type LoggedDecision } from './logged-decision.ts';

/**
 * Decisions on their way to the disk, as the document of one frame, in JSON. They share most of what they knew, which
 * compression finds.
 *
 * They wait for a second, and what waits for a second the collector takes for old: a buffer for each decision, and one
 * for all of them joined, are memory of which nothing is free before a collection of the whole heap: by estimate three
 * megabytes a second at the default rate. Where the service has one core, such a collection takes it from the answers.
 * So each is written as text behind the one before, into memory that is used again.
 */
const HEAD = `{"format":${LOG_FORMAT},"decisions":[`;
const TAIL = ']}';
const FIRST_BYTES = 2 ** 20;
/** What a burst has made larger is given back. */
const MOST_KEPT_BYTES = 2 ** 23;
/** Of one unit of a text in UTF-8. */
const MOST_BYTES_PER_UNIT = 3;

export class DecisionBatch {
  #memory = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #end = 0;
  #count = 0;

  constructor() {
    this.clear();
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#end;
  }

  add(decision: LoggedDecision): void {
    const text = JSON.stringify(decision);
    this.#makeRoomFor(text.length * MOST_BYTES_PER_UNIT + 1 + TAIL.length);
    if (this.#count > 0) this.#write(',');
    this.#write(text);
    this.#count += 1;
  }

  /** The document: memory of the batch, good until it is cleared. Nothing is added in between. */
  document(): Buffer {
    return this.#memory.subarray(0, this.#end + this.#memory.write(TAIL, this.#end));
  }

  clear(): void {
    if (this.#memory.length > MOST_KEPT_BYTES) this.#memory = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.#end = 0;
    this.#count = 0;
    this.#write(HEAD);
  }

  #write(text: string): void {
    this.#end += this.#memory.write(text, this.#end);
  }

  #makeRoomFor(bytes: number): void {
    let size = this.#memory.length;
    while (size - this.#end < bytes) size *= 2;
    if (size === this.#memory.length) return;
    const larger = Buffer.allocUnsafeSlow(size);
    this.#memory.copy(larger, 0, 0, this.#end);
    this.#memory = larger;
  }
}
