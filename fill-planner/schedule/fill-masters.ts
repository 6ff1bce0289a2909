import type { HolderTable } from './holder-table.ts';

/**
 * Who of a site fetches a rendition for all of it.
 *
 * If every holder went far, a file would cross the site's link once per copy. So one holder, its fill master, takes it
 * across the link, and the others take it from him, block by block while he still fills.
 *
 * The obvious choice, a hash of file and appliance, gives everybody the same number of files, but an appliance with a
 * slow link of its own or with many only copies is then the last to end, and the site waits for it. Largest first
 * balances best at the end, but not before: a window that is cut short has half of the best files missing at one
 * appliance. So masters are appointed in the order of worth, each time the holder whose link would be free first. Every
 * prefix of the list is then balanced to within one rendition, not only the whole.
 *
 * A master stays one while he holds the rendition and is there: a change in the middle would fetch again what is on
 * its way, and every change of sources is a new version of the plan.
 *
 * Limits: what is already held is not known by rendition here; the loads are those of a fill from nothing.
 */
export interface MasterQuestion {
  /** Holders at one site, of all its clusters. */
  readonly table: HolderTable;
  /** What each appliance of the site may take across the link; weighs its load. */
  readonly linkBitsPerSec: Float64Array;
  /** Masters of the plan before by slot, -1 for none. */
  readonly previous?: Int16Array | undefined;
  /** 1: not heard of, or banned: it fetches for nobody while somebody else can. By appliance. */
  readonly isAway?: Uint8Array | undefined;
}

export interface SiteMasters {
  /** Index of the appliance by slot; -1 where nobody at the site holds it. */
  readonly master: Int16Array;
  /** Bytes that each appliance takes across the link. */
  readonly linkBytes: Float64Array;
}

export function chooseMasters(question: MasterQuestion): SiteMasters {
  const { linkBitsPerSec, previous, isAway } = question;
  const { offsets, holders, order, sizeBytes } = question.table;
  const master = new Int16Array(offsets.length - 1).fill(-1);
  const linkBytes = new Float64Array(linkBitsPerSec.length);
  for (const slot of order) {
    const [start = 0, end = 0] = [offsets[slot], offsets[slot + 1]];
    const bytes = sizeBytes[slot] ?? 0;
    const before = previous?.[slot] ?? -1;
    let best = -1;
    let bestSec = Number.POSITIVE_INFINITY;
    for (let at = start; at < end; at += 1) {
      const holder = holders[at] ?? 0;
      const awaySec = isAway?.[holder] === 1 ? FOREVER_SEC : 0;
      if (holder === before && awaySec === 0) {
        best = holder;
        break;
      }
      const endsSec = awaySec + (((linkBytes[holder] ?? 0) + bytes) * 8) / Math.max(1, linkBitsPerSec[holder] ?? 1);
      if (endsSec < bestSec || best === -1) {
        best = holder;
        bestSec = endsSec;
      }
    }
    if (best === -1) continue;
    master[slot] = best;
    linkBytes[best] = (linkBytes[best] ?? 0) + bytes;
  }
  return { master, linkBytes };
}

/** Longer than any fill, and small enough to be added to one. */
const FOREVER_SEC = 1e15;
