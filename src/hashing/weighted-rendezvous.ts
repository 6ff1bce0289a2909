/**
 * Weighted rendezvous hashing: which of some nodes shall own a key.
 *
 * Every pair of key and node gets a number that only they decide; the node with the best number owns the key, the
 * second best is the first to step in. A node that joins takes from everybody its share and nothing else moves; a node
 * that leaves gives to everybody. A ring needs hundreds of points per node to be as even, and a modulo moves everything.
 * The weight enters as -weight / ln(h) with h uniform in (0, 1), which makes the chance to win exactly proportional to
 * it. Cost is one short hash per pair, so it suits hundreds of nodes, not millions.
 *
 * The hash mixes well and is not a secret: nobody gains by choosing keys, because keys are the operator's own.
 */
export interface RendezvousNode {
  readonly id: string;
  /** Share of the keys relative to the others'; zero or less never owns a key. */
  readonly weight: number;
}

/** The nodes in the order in which they should own `key`, best first; without those of no weight. */
export function rankNodes<N extends RendezvousNode>(key: string, nodes: readonly N[]): N[] {
  return nodes
    .filter((node) => node.weight > 0)
    .map((node) => ({ node, score: rendezvousScore(key, node) }))
    .sort((a, b) => b.score - a.score || (a.node.id < b.node.id ? -1 : 1))
    .map(({ node }) => node);
}

/** How well a node suits a key: higher is better, and only comparable for the same key. */
export function rendezvousScore(key: string, node: RendezvousNode): number {
  return -node.weight / Math.log(unitHash(`${key}\n${node.id}`));
}

const TWO_POW_53 = 2 ** 53;

/** A number in (0, 1), the same for the same text in every process and version: 53 bits out of two 32-bit lanes. */
export function unitHash(text: string): number {
  let low = 0x9e3779b9;
  let high = 0x85ebca6b;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995);
    high ^= high >>> 15;
  }
  low = mix(low ^ Math.imul(high, 0x27d4eb2f));
  high = mix(high ^ Math.imul(low, 0x165667b1));
  // The half keeps it off 0, where the logarithm has no value; 2^53 - 1 + 0.5 rounds to even, hence the clamp below 1.
  return Math.min(((high >>> 11) * 2 ** 32 + (low >>> 0) + 0.5) / TWO_POW_53, 1 - Number.EPSILON);
}

/** The finaliser of MurmurHash3 (public domain, A. Appleby): every input bit reaches every output bit. */
function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
