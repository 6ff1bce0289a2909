/** More is asked for than there is, or than makes sense. */
export class OutOfBytes extends Error {}

/** Reads on from a place, and never beyond its part. */
export class ByteCursor {
  readonly #bytes: Buffer;
  readonly #end: number;
  at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  get leftBytes(): number {
    return this.#end - this.at;
  }

  /** The next byte, which stays the next. */
  peek(): number {
    return this.#bytes.readUInt8(this.at);
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  skip(count: number): void {
    this.#take(count);
  }

  bytes(count: number): Buffer {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** The next bytes, to be read on their own. */
  part(count: number): ByteCursor {
    const start = this.#take(count);
    return new ByteCursor(this.#bytes, start, start + count);
  }

  #take(count: number): number {
    if (count > this.leftBytes) throw new OutOfBytes(`${count} bytes are said to follow, ${this.leftBytes} do`);
    const start = this.at;
    this.at += count;
    return start;
  }
}
