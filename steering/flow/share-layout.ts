/**
 * Which part of a group's sessions goes to which site, as parts of [0, 1) that a session's own number falls into.
 *
 * Laying the shares out anew, one behind the other, would shift every border when the first share changes, and sessions
 * between two sites that did not change would move. So a new layout takes the old one, lets each site that loses give
 * up its last parts, and hands what became free to those that gain: exactly the difference moves. The parts that are
 * given up are the smallest first, so that they do not crumble.
 */
export interface SharePart {
  /** Where the part ends; it starts where the one before ends, the first at 0 and the last ends at 1. */
  readonly end: number;
  readonly siteId: string;
}

export type ShareLayout = readonly SharePart[];

/** Shares below it are nobody: no group has so many sessions. */
const NEGLIGIBLE = 1e-6;

/** @param unit in [0, 1) */
export function siteAt(layout: ShareLayout, unit: number): string | undefined {
  for (const { end, siteId } of layout) if (unit < end) return siteId;
  return layout.at(-1)?.siteId;
}

export function sharesOf(layout: ShareLayout): Map<string, number> {
  const shares = new Map<string, number>();
  let start = 0;
  for (const { end, siteId } of layout) {
    shares.set(siteId, (shares.get(siteId) ?? 0) + end - start);
    start = end;
  }
  return shares;
}

/** @param shares by site, summing up to 1 */
export function changeLayout(before: ShareLayout, shares: ReadonlyMap<string, number>): ShareLayout {
  const old = sharesOf(before);
  if (sameShares(old, shares)) return before;
  const pieces = release(before, old, shares);
  const gains = [...shares]
    .map(([siteId, share]) => ({ siteId, left: share - Math.min(share, old.get(siteId) ?? 0) }))
    .filter(({ left }) => left > NEGLIGIBLE)
    .sort((a, b) => b.left - a.left || (a.siteId < b.siteId ? -1 : 1));
  const laid: Piece[] = [];
  for (const piece of pieces) {
    let { start } = piece;
    while (piece.siteId === undefined && piece.end - start > 0) {
      const gain = gains.find(({ left }) => left > NEGLIGIBLE) ?? { siteId: largest(shares), left: 1 };
      const end = piece.end - start - gain.left > NEGLIGIBLE ? start + gain.left : piece.end;
      laid.push({ start, end, siteId: gain.siteId });
      gain.left -= end - start;
      start = end;
    }
    if (piece.siteId !== undefined) laid.push(piece);
  }
  return merged(laid);
}

interface Piece {
  readonly start: number;
  readonly end: number;
  /** undefined: free. */
  readonly siteId: string | undefined;
}

/** The layout with the parts set free that its sites have too much. */
function release(
  before: ShareLayout,
  old: ReadonlyMap<string, number>,
  shares: ReadonlyMap<string, number>,
): readonly Piece[] {
  const parts = before.map(({ end, siteId }, at): Piece => ({ start: before[at - 1]?.end ?? 0, end, siteId }));
  if (parts.length === 0) return [{ start: 0, end: 1, siteId: undefined }];
  const excess = new Map([...old].map(([siteId, share]) => [siteId, share - (shares.get(siteId) ?? 0)]));
  const kept = new Map<Piece, number>();
  for (const part of parts.toSorted((a, b) => a.end - a.start - (b.end - b.start) || b.start - a.start)) {
    const tooMuch = excess.get(part.siteId ?? '') ?? 0;
    if (tooMuch <= NEGLIGIBLE) continue;
    const given = Math.min(tooMuch, part.end - part.start);
    excess.set(part.siteId ?? '', tooMuch - given);
    kept.set(part, part.end - given);
  }
  return parts.flatMap((part): Piece[] => {
    const end = kept.get(part);
    if (end === undefined) return [part];
    const free: Piece = { start: Math.max(end, part.start), end: part.end, siteId: undefined };
    return end - part.start > NEGLIGIBLE ? [{ ...part, end }, free] : [{ ...free, start: part.start }];
  });
}

function merged(pieces: readonly Piece[]): ShareLayout {
  const parts: SharePart[] = [];
  for (const { end, siteId = '' } of pieces) {
    if (parts.at(-1)?.siteId === siteId) parts.pop();
    parts.push({ end, siteId });
  }
  const last = parts.pop();
  return last === undefined ? parts : [...parts, { ...last, end: 1 }];
}

function sameShares(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  const ids = new Set([...a.keys(), ...b.keys()]);
  return a.size > 0 && [...ids].every((id) => Math.abs((a.get(id) ?? 0) - (b.get(id) ?? 0)) <= NEGLIGIBLE);
}

function largest(shares: ReadonlyMap<string, number>): string {
  return [...shares].reduce((most, one) => (one[1] > most[1] ? one : most), ['', -1] as [string, number])[0];
}
