import type { QueryFields } from '../http/query-fields.ts';

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

const FIELDS = {
  hls: { pathway: '_HLS_pathway', throughput: '_HLS_throughput' },
  dash: { pathway: '_DASH_pathway', throughput: '_DASH_throughput' },
};

/** Reads `_HLS_pathway`, `_HLS_throughput`, `_DASH_pathway`, `_DASH_throughput`; of repeated parameters the last counts. */
export function parsePlayerReport(query: Pick<QueryFields, 'has' | 'last'>): PlayerReport {
  const names = query.has(FIELDS.dash.pathway) ? FIELDS.dash : FIELDS.hls;
  const ids = listOf(query.last(names.pathway));
  if (ids.length === 0) return NO_REPORT;
  const rates = listOf(query.last(names.throughput));
  const pathways: string[] = [];
  const throughputBitsPerSec = new Map<string, number>();
  const end = Math.min(ids.length, MAX_PATHWAYS);
  for (let at = 0; at < end; at += 1) {
    const id = ids[at] ?? '';
    if (!PATHWAY_ID.test(id)) continue;
    if (!pathways.includes(id)) pathways.push(id);
    const rate = rates[at] ?? '';
    const bitsPerSec = rate === '' ? Number.NaN : Number(rate);
    if (Number.isFinite(bitsPerSec) && bitsPerSec > 0) throughputBitsPerSec.set(id, bitsPerSec);
  }
  return { pathways, throughputBitsPerSec };
}

function listOf(value: string | undefined): string[] {
  if (value === undefined) return [];
  const whole = withoutQuotes(value);
  return whole.includes(',') ? whole.split(',').map(withoutQuotes) : [withoutQuotes(whole)];
}

/** One at either end, paired or not, and spaces around them. */
function withoutQuotes(text: string): string {
  const trimmed = text.trim();
  const start = trimmed.startsWith('"') ? 1 : 0;
  const end = trimmed.endsWith('"') ? trimmed.length - 1 : trimmed.length;
  return trimmed.slice(start, Math.max(start, end));
}
