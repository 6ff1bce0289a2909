/**
 * A short number for a text, by a key that lives as long as the process. It tells whether two reports come from one
 * address or session without either being kept: without the key, which is never written anywhere, the number says
 * nothing, and after a restart it is another one. Collisions are one in four billion; this is no signature.
 */
export class KeyedHash {
  readonly #low: number;
  readonly #high: number;

  /** @param key at least eight random bytes */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
    this.#low = view.getUint32(0);
    this.#high = view.getUint32(4);
  }

  /** From 0 to 2^32 - 1. */
  ofText(text: string): number {
    let hash = this.#low;
    for (let at = 0; at < text.length; at += 1) hash = round(hash, text.charCodeAt(at));
    return this.#finish(hash, text.length);
  }

  /** The same of 32-bit words. */
  ofWords(first: number, second: number): number {
    return this.#finish(round(round(this.#low, first), second), 2);
  }

  #finish(hash: number, length: number): number {
    let mixed = hash ^ this.#high ^ Math.imul(length, 0x9e3779b9);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  }
}

function round(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
  return mixed ^ (mixed >>> 15);
}
