import type { Clock } from '../../src/world/world.ts';
import { BYTE_CLASSES, type ByteClass } from './byte-class.ts';
import type { PlayedSpan } from './session-ledger.ts';

/** Bytes by class; every class is there. */
export type ByteSums = Record<ByteClass, number>;

export interface MissReport {
  readonly sinceMs: number;
  /** Estimated, see session-ledger.ts. */
  readonly bytes: Readonly<ByteSums>;
  /** Of the bytes that did not come from the nearest site: the share of each class; they sum to 1. */
  readonly missShares: Readonly<Partial<ByteSums>>;
  readonly sites: ReadonlyArray<{ readonly siteId: string; readonly bytes: Readonly<ByteSums> }>;
}

const BUCKET_MS = 60_000;
const BUCKETS = 24 * 60;
const MAX_SITES = 5000;
const NOWHERE = 'unknown';

interface Bucket {
  readonly startMs: number;
  readonly bySite: Map<string, ByteSums>;
}

/** Sums per minute of the last day, by the site that was nearest. */
export class ByteAccounts {
  readonly #clock: Clock;
  readonly #buckets: Bucket[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add({ nearestSiteId = NOWHERE, byteClass, bytes }: PlayedSpan): void {
    const { bySite } = this.#bucket();
    let sums = bySite.get(nearestSiteId);
    if (sums === undefined) {
      const key = bySite.size < MAX_SITES ? nearestSiteId : NOWHERE;
      sums = bySite.get(key) ?? emptySums();
      bySite.set(key, sums);
    }
    sums[byteClass] += bytes;
  }

  /** @param minutes 1 to 1440: the last so many, whole */
  report(minutes: number): MissReport {
    const sinceMs = this.#clock.nowMs() - minutes * BUCKET_MS;
    const total = emptySums();
    const bySite = new Map<string, ByteSums>();
    for (const bucket of this.#buckets.filter(({ startMs }) => startMs >= sinceMs - BUCKET_MS)) {
      for (const [siteId, sums] of bucket.bySite) {
        addSums(total, sums);
        const ofSite = bySite.get(siteId) ?? emptySums();
        addSums(ofSite, sums);
        bySite.set(siteId, ofSite);
      }
    }
    const sites = [...bySite]
      .map(([siteId, bytes]) => ({ siteId, bytes }))
      .sort((a, b) => missed(b.bytes) - missed(a.bytes));
    return { sinceMs, bytes: total, missShares: sharesOf(total), sites };
  }

  #bucket(): Bucket {
    const nowMs = this.#clock.nowMs();
    const startMs = nowMs - (nowMs % BUCKET_MS);
    const last = this.#buckets.at(-1);
    // A clock that was set back goes on with the bucket in hand.
    if (last !== undefined && startMs <= last.startMs) return last;
    const bucket: Bucket = { startMs, bySite: new Map() };
    this.#buckets.push(bucket);
    if (this.#buckets.length > BUCKETS) this.#buckets.shift();
    return bucket;
  }
}

const emptySums = (): ByteSums => ({
  nearest: 0,
  content: 0,
  'fill-lag': 0,
  health: 0,
  admission: 0,
  route: 0,
  'client-choice': 0,
});

function addSums(into: ByteSums, sums: ByteSums): void {
  for (const byteClass of BYTE_CLASSES) into[byteClass] += sums[byteClass];
}

const missed = (sums: ByteSums): number =>
  BYTE_CLASSES.reduce((sum, byteClass) => (byteClass === 'nearest' ? sum : sum + sums[byteClass]), 0);

function sharesOf(sums: ByteSums): Partial<ByteSums> {
  const all = missed(sums);
  if (all === 0) return {};
  return Object.fromEntries(
    BYTE_CLASSES.filter((byteClass) => byteClass !== 'nearest').map((byteClass) => [byteClass, sums[byteClass] / all]),
  );
}
