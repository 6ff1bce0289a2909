/** 32 bits that stand for a key in sketches and filters: FNV-1a. Whoever collides shares a frequency, nothing else. */
export function hashOfKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return scrambled(hash);
}

/** Stands for one block of an object. */
export function hashOfBlock(keyHash: number, block: number): number {
  return scrambled(keyHash ^ Math.imul(block + 1, 0x9e3779b1));
}

/** Every bit of the result depends on every bit given (the finish of MurmurHash3, public domain). */
export function scrambled(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
