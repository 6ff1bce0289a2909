/**
 * Numbers for pairs, as rendezvous hashing wants one of each key and node, from a hash of each that is made once. A
 * decision compares twenty appliances by three such numbers; hashing the texts together each time is most of its cost.
 *
 * Mixing is by the finaliser of MurmurHash3 (public domain, A. Appleby). No secret: nobody gains by choosing keys.
 */
const TWO_POW_26 = 2 ** 26;
const TWO_POW_53 = 2 ** 53;

/** 32 bits of a text, the same in every process and version. */
export function hashOfText(text: string): number {
  let hash = 0x9e3779b9;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  return mix(hash ^ text.length);
}

/** One hash of two; their order matters. */
export const hashOfPair = (first: number, second: number): number => mix(Math.imul(first, 0x9e3779b1) ^ second);

/** A number in (0, 1) of two hashes, with 53 bits. */
export function unitOfPair(first: number, second: number): number {
  const low = mix(Math.imul(first, 0x9e3779b1) ^ second);
  const high = mix(Math.imul(second, 0x85ebca77) ^ first ^ Math.imul(low, 0x27d4eb2f));
  // 27 and 26 bits; the half keeps it off 0, and the clamp off 1, to which 2^53 - 1 + 0.5 rounds.
  return Math.min(((high >>> 5) * TWO_POW_26 + (low >>> 6) + 0.5) / TWO_POW_53, 1 - Number.EPSILON);
}

function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
