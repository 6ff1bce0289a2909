/**
 * Who leaves when a volume needs room.
 *
 * In the order of a policy (eviction-policy.ts), by bytes. What the plan pinned leaves only when everything else that may leave is not
 * enough for what is needed now: a viewer's miss must not undo what was filled overnight, and yet a plan that filled
 * the disk must not stop the cache. Evicting for one block at a time would evict at every write once a volume is full,
 * so more is wanted than is needed (a watermark); pinned objects never leave for the surplus, nor does an object that is
 * larger than what is left of it: a film must not go because a playlist needed room.
 */
export interface EvictionCandidate {
  readonly sizeBytes: number;
}

export interface EvictionNeed {
  /** Without these the write cannot go on. */
  readonly neededBytes: number;
  /** At least `neededBytes`; up to how much to free while at it. */
  readonly wantedBytes: number;
}

/**
 * The objects to remove, in the order to remove them. Their sum is below `neededBytes` when there is not enough: the
 * caller decides whether that helps. Reads no more candidates than it must; objects without bytes are never victims.
 * @param unpinned in the order of the policy; what may not leave (in use) is not among them. So too `pinned`, the least
 *   recently used first.
 */
export function chooseVictims<C extends EvictionCandidate>(
  unpinned: Iterable<C>,
  pinned: Iterable<C>,
  need: EvictionNeed,
): C[] {
  const victims: C[] = [];
  const freedBytes = take(victims, unpinned, need);
  const lackingBytes = need.neededBytes - freedBytes;
  if (lackingBytes > 0) take(victims, pinned, { neededBytes: lackingBytes, wantedBytes: lackingBytes });
  return victims;
}

/** Moves candidates to the victims, in their order and without gaps. @returns how many bytes they make up */
function take<C extends EvictionCandidate>(victims: C[], candidates: Iterable<C>, need: EvictionNeed): number {
  let takenBytes = 0;
  if (need.wantedBytes <= 0) return takenBytes;
  for (const candidate of candidates) {
    if (candidate.sizeBytes <= 0) continue;
    if (takenBytes >= need.neededBytes && takenBytes + candidate.sizeBytes > need.wantedBytes) break;
    victims.push(candidate);
    takenBytes += candidate.sizeBytes;
    if (takenBytes >= need.wantedBytes) break;
  }
  return takenBytes;
}
