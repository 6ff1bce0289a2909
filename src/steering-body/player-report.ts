/**
 * What a player tells with its steering request: the pathways that it uses and how fast they are. No two players write
 * it alike: with and without quotes, one value or a comma list, integers, floats, negative ones (hls.js above
 * 2.147 Gbit/s), empty ones. Nothing of it can make a request fail; what is not understood is as if it were not there.
 */
export type ReportedPathways = readonly string[];

export interface PlayerReport {
  readonly pathways: ReportedPathways;
  /** Bits per second of each pathway, where the player knows one. */
  readonly throughputBitsPerSec: ReadonlyMap<string, number>;
}

const MAX_PATHWAYS = 16;
const PATHWAY_ID = /^[A-Za-z0-9._-]{1,32}$/;
const NO_REPORT: PlayerReport = { pathways: [], throughputBitsPerSec: new Map() };

/** Reads `_HLS_pathway`, `_HLS_throughput`, `_DASH_pathway`, `_DASH_throughput`; of repeated parameters the last counts. */
export function parsePlayerReport(query: URLSearchParams): PlayerReport {
  const family = query.has('_DASH_pathway') ? '_DASH' : '_HLS';
  const ids = listOf(query.getAll(`${family}_pathway`).at(-1));
  if (ids.length === 0) return NO_REPORT;
  const rates = listOf(query.getAll(`${family}_throughput`).at(-1));
  const pathways = new Set<string>();
  const throughputBitsPerSec = new Map<string, number>();
  ids.slice(0, MAX_PATHWAYS).forEach((id, index) => {
    if (!PATHWAY_ID.test(id)) return;
    pathways.add(id);
    const rate = rates[index];
    const bitsPerSec = rate === undefined || rate === '' ? Number.NaN : Number(rate);
    if (Number.isFinite(bitsPerSec) && bitsPerSec > 0) throughputBitsPerSec.set(id, bitsPerSec);
  });
  return { pathways: [...pathways], throughputBitsPerSec };
}

function listOf(value: string | undefined): string[] {
  if (value === undefined) return [];
  return value
    .trim()
    .replace(/^"|"$/g, '')
    .split(',')
    .map((item) => item.trim().replace(/^"|"$/g, ''));
}
