import { SpaceEarnings } from '../../appliance/report/space-earnings.ts';
import { Lru } from '../../appliance/store/eviction/lru.ts';
import { ShadowCache } from '../../appliance/store/eviction/shadow-cache.ts';
import { firstSplit, tuneSplit } from '../../fill-planner/hold/tune-split.ts';
import type { FillPlan } from '../../src/contracts/fill-plan.ts';
import { type Trace, uniqueBytes } from '../workloads/trace.ts';

/**
 * One disk, partly planned and partly a cache, over a trace that is cut into days. Each night the plan is what was asked
 * for most per byte, older days counting less; the rest of the disk is LRU. Either the split is fixed, or the controller
 * moves it by what the appliance's own meter says. Bytes of the second half of the days count.
 */
export interface SplitScore {
  /** Share of the bytes asked for that were on the disk. */
  readonly hitShare: number;
  readonly plannedShareAtEnd: number;
  readonly plannedShares: readonly number[];
}

const DAY_MS = 86_400_000;
const HALF_LIFE_DAYS = 4;
const ROOT = '0'.repeat(64);

export function replaySplit(
  trace: Trace,
  days: number,
  diskShare: number,
  first: number,
  isTuned: boolean,
): SplitScore {
  const capacityBytes = uniqueBytes(trace) * diskShare;
  const counts = new Map<number, number>();
  const sizes = new Map<number, number>();
  const cache = new ShadowCache(new Lru(), 0);
  let nowMs = 1000 * DAY_MS;
  let plan = planOf(new Map(), sizes, 0);
  const meter = new SpaceEarnings({
    plan: () => plan.document,
    capacityBytes: () => capacityBytes,
    clock: { nowMs: () => nowMs },
  });
  let split = firstSplit(first);
  const plannedShares: number[] = [];
  let asked = 0;
  let hit = 0;
  for (let day = 0; day < days; day++) {
    const from = Math.floor((day * trace.ids.length) / days);
    const to = Math.floor(((day + 1) * trace.ids.length) / days);
    plan = planOf(counts, sizes, capacityBytes * split.plannedShare);
    cache.capacityBytes = capacityBytes * (1 - split.plannedShare);
    for (let at = from; at < to; at++) {
      const id = trace.ids[at] ?? 0;
      const bytes = trace.bytes[at] ?? 0;
      nowMs = (1000 + day) * DAY_MS + Math.floor(((at - from) / (to - from)) * (DAY_MS - 1));
      const isHit = plan.held.has(id) || cache.request(id, bytes) === 'hit';
      meter.count(`/${id}`, bytes, isHit ? 0 : bytes);
      counts.set(id, (counts.get(id) ?? 0) + 1);
      sizes.set(id, bytes);
      if (day < days / 2) continue;
      asked += bytes;
      if (isHit) hit += bytes;
    }
    nowMs = (1001 + day) * DAY_MS - 1;
    const earned = meter.report();
    if (isTuned && earned !== undefined) split = tuneSplit(split, earned);
    plannedShares.push(split.plannedShare);
    for (const [id, count] of counts) counts.set(id, count * 2 ** (-1 / HALF_LIFE_DAYS));
  }
  return { hitShare: hit / asked, plannedShareAtEnd: split.plannedShare, plannedShares };
}

/** The most asked for per byte; a file's bytes are served whole, so its count is what it serves per byte. */
function planOf(counts: ReadonlyMap<number, number>, sizes: ReadonlyMap<number, number>, roomBytes: number) {
  const held = new Set<number>();
  const files: FillPlan['files'] = [];
  let room = roomBytes;
  for (const [id] of [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
    const sizeBytes = sizes.get(id) ?? 0;
    if (sizeBytes > room) continue;
    room -= sizeBytes;
    held.add(id);
    files.push({
      path: `/${id}`,
      sizeBytes,
      root: ROOT,
      rendition: 0,
      priority: files.length,
      reason: '',
      expectedBytes: 0,
      sources: [],
    });
  }
  const document: FillPlan = {
    version: 1,
    planVersion: 1,
    applianceId: 'a',
    createdAtMs: 0,
    renditions: ['r'],
    windows: [],
    files,
    keyId: 'k',
    signature: '',
  };
  return { held, document };
}
