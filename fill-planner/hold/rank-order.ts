/** Of a 32-bit float the sign, the exponent and 7 bits of the mantissa: steps of 0.8 %, less than any forecast knows. */
const DROPPED_BITS = 16;
const MAX_PLACE = 0xff_ff;

/**
 * Indices by falling score; those whose score is 0 or less are left out. Scores closer than a forecast can tell count
 * as equal and go by index, so noise does not swap equals with every cycle. The bits of a positive float grow with its
 * value, so the upper half of them is a place to sort by, byte by byte, without comparing (radix sort).
 * @param scores below 1e-38 they are not told apart, above 1e38 neither
 */
export function orderByScore(scores: Float64Array): Uint32Array {
  const bits = new Uint32Array(Float32Array.from(scores).buffer);
  const ranked = new Uint32Array(scores.length);
  let count = 0;
  for (let index = 0; index < scores.length; index++) {
    // The largest first.
    bits[index] = MAX_PLACE - ((bits[index] ?? 0) >>> DROPPED_BITS);
    if (!((scores[index] ?? 0) > 0)) continue;
    ranked[count] = index;
    count += 1;
  }
  return sortByByte(sortByByte(ranked.subarray(0, count), bits, 0), bits, 8);
}

/** Sorts indices by one byte of their places; equal ones stay in order. */
function sortByByte(indices: Uint32Array, places: Uint32Array, shift: number): Uint32Array {
  const begins = new Uint32Array(257);
  for (let at = 0; at < indices.length; at++) {
    const next = (((places[indices[at] ?? 0] ?? 0) >>> shift) & 0xff) + 1;
    begins[next] = (begins[next] ?? 0) + 1;
  }
  for (let byte = 0; byte < 256; byte++) begins[byte + 1] = (begins[byte + 1] ?? 0) + (begins[byte] ?? 0);
  const sorted = new Uint32Array(indices.length);
  for (let at = 0; at < indices.length; at++) {
    const index = indices[at] ?? 0;
    const byte = ((places[index] ?? 0) >>> shift) & 0xff;
    const to = begins[byte] ?? 0;
    sorted[to] = index;
    begins[byte] = to + 1;
  }
  return sorted;
}
