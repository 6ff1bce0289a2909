import type { FillCoordinator } from '../fill/fill-coordinator.ts';

/** What is held under a key and why it is served as it is, for the operator; undefined when nothing is known of it. */
export function explainObject(key: string, fills: FillCoordinator, nowMs: number): object | undefined {
  using lease = fills.find(key);
  if (lease === undefined) return undefined;
  const { description, object } = lease;
  const ageMs = description.initialAgeMs + Math.max(0, nowMs - description.confirmedAtMs);
  const { planned, stored, flights } = object;
  if (description.variants !== undefined) {
    const variants = description.variants.map(({ selectedBy, storeKey }) => ({
      selectedBy,
      ...explainObject(storeKey, fills, nowMs),
    }));
    return { key, variants };
  }
  return {
    key,
    sizeBytes: description.sizeBytes,
    held: { blocks: stored.heldBlocks, ofBlocks: stored.blockCount, bytes: stored.heldBytes },
    blocksOnTheirWay: [...flights.keys()],
    etag: description.etag,
    sourceEtag: description.sourceEtag,
    freshness:
      description.manifestRoot === undefined
        ? {
            isFresh: ageMs < description.freshnessMs,
            ageSec: Math.floor(ageMs / 1000),
            lifetimeSec: Math.floor(description.freshnessMs / 1000),
            staleIfErrorSec: Math.floor(description.staleIfErrorMs / 1000),
            confirmedAt: new Date(description.confirmedAtMs).toISOString(),
          }
        : { isFresh: true, because: 'its blocks are checked against a signed manifest' },
    manifestRoot: description.manifestRoot,
    plannedSources: planned?.sources.map(({ kind, id, baseUrl }) => ({ kind, id, baseUrl })),
    headers: description.headers,
  };
}
