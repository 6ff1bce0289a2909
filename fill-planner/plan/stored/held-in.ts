import type { HeldBefore } from '../plan-facts.ts';
import type { PackedDraft } from './pack-draft.ts';

const ENTRIES = 2 ** 20;

/** A plan as what was held, ascending by the numbers of now. */
export function heldIn({ rendition, isHead, isMaster }: PackedDraft, numbers: Int32Array): HeldBefore {
  // Number and entry packed into one: sorted natively, ten times as fast as by a comparison.
  const packed = new Float64Array(rendition.length);
  let count = 0;
  for (let entry = 0; entry < rendition.length; entry++) {
    const number = numbers[rendition[entry] ?? 0] ?? -1;
    if (number < 0) continue;
    packed[count] = number * ENTRIES + entry;
    count += 1;
  }
  const order = Uint32Array.from(packed.subarray(0, count).sort(), (each) => each % ENTRIES);
  return {
    rendition: Uint32Array.from(order, (entry) => numbers[rendition[entry] ?? 0] ?? 0),
    isHead: Uint8Array.from(order, (entry) => isHead[entry] ?? 0),
    isMaster: Uint8Array.from(order, (entry) => isMaster[entry] ?? 0),
  };
}
