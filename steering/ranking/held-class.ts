/** The class of a title that is held whole. */
export const WHOLE_CLASS = 4;

/** How much of a title is held, in quarters: 0 (little) to 4 (whole). @param share 0 to 1 */
export function heldClassOf(share: number): number {
  return share >= 0.999 ? WHOLE_CLASS : Math.floor(Math.max(0, share) * WHOLE_CLASS);
}
