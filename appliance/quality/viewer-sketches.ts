import { readCmcd } from '../../src/cmcd/read-cmcd.ts';
import {
  MAX_SKETCH_GROUPS,
  noMeasures,
  type QualityMeasures,
  type QualitySketch,
  throughputBucket,
} from '../../src/contracts/quality-sketch.ts';
import type { KeyedHash } from '../../src/hashing/keyed-hash.ts';
import { ReporterCap } from '../../src/hashing/reporter-cap.ts';
import { clientNetwork, neighbourhoodOf } from '../../src/http/client-network.ts';

/**
 * What viewers get from this appliance, by neighbourhood, until it is sent.
 *
 * A neighbourhood is told by its prefix only when enough different viewers are in it to hide each of them; others wait
 * for more, and what waited too long is added up in the rest, of which nobody says where it was. Viewers are told apart
 * by a keyed hash, and only until there are enough.
 *
 * The rate of an answer is the lower of two. The player's own measure (`mtp`) is of its last answers and knows the way
 * to it; the time that our answer took knows a slow disk or source, and the way only as far as it is longer than the
 * kernel's buffers.
 */
export interface DeliveredView {
  readonly address: string;
  /** What the player reports, not decoded; undefined when it does not. */
  readonly cmcd: string | undefined;
  readonly bytes: number;
  /** From the request to the last byte that was handed over. */
  readonly durationMs: number;
  readonly ending: ViewEnding;
}

/** How the answer ended for the viewer: `failed` is our fault or our source's. */
export type ViewEnding = 'whole' | 'left' | 'failed';

interface GroupSketch {
  readonly measures: QualityMeasures;
  readonly clients: number[];
  readonly sinceMs: number;
}

/** Smaller answers are over before there is a rate: it would be that of the first byte. */
const MIN_RATE_BYTES = 128 * 1024;
/** Two segments of four seconds at a time, video and audio; a viewer cannot weigh more, whatever it asks for. */
const VIEWS_PER_CLIENT = 60;
const CAP_WINDOW_MS = 60_000;
const MAX_WAIT_MS = 60_000;

export class ViewerSketches {
  readonly #minClients: number;
  readonly #hash: KeyedHash;
  readonly #cap = new ReporterCap(CAP_WINDOW_MS);
  #groups = new Map<string, GroupSketch>();
  #rest = noMeasures();

  /** @param minClients fewest viewers with which a neighbourhood is told */
  constructor(minClients: number, hash: KeyedHash) {
    this.#minClients = minClients;
    this.#hash = hash;
  }

  get size(): number {
    return this.#groups.size;
  }

  take(view: DeliveredView, nowMs: number): 'counted' | 'capped' | 'malformed' {
    const network = clientNetwork(view.address);
    const client = this.#hash.ofText(network);
    if (!this.#cap.take(client, VIEWS_PER_CLIENT, nowMs)) return 'capped';
    const measures = this.#measuresOf(neighbourhoodOf(network), client, nowMs);
    const { cmcd, bytes, durationMs, ending } = view;
    measures.requests += 1;
    if (ending === 'failed') measures.errors += 1;
    if (ending === 'left') measures.aborts += 1;
    const reading = cmcd === undefined ? undefined : readCmcd(cmcd);
    const record = typeof reading === 'object' ? reading : undefined;
    if (record !== undefined) {
      measures.reports += 1;
      if (record.starved) measures.stalls += 1;
    }
    const ownRate =
      ending === 'whole' && bytes >= MIN_RATE_BYTES && durationMs > 0 ? (bytes * 8000) / durationMs : undefined;
    const playersRate = record?.throughputKbitPerSec === undefined ? undefined : record.throughputKbitPerSec * 1000;
    const rate = Math.min(ownRate ?? Number.POSITIVE_INFINITY, playersRate ?? Number.POSITIVE_INFINITY);
    if (rate > 0 && Number.isFinite(rate)) {
      const bucket = throughputBucket(rate);
      measures.throughput[bucket] = (measures.throughput[bucket] ?? 0) + 1;
    }
    return reading === 'malformed' || reading === 'unknown-version' ? 'malformed' : 'counted';
  }

  /** What there is to tell, which is not told again; undefined when there is nothing. */
  ship(nowMs: number): Pick<QualitySketch, 'groups' | 'rest'> | undefined {
    const groups: QualitySketch['groups'] = [];
    const waiting = new Map<string, GroupSketch>();
    for (const [prefix, sketch] of this.#groups) {
      if (sketch.clients.length >= this.#minClients)
        groups.push({ prefix, clients: sketch.clients.length, ...sketch.measures });
      else if (nowMs - sketch.sinceMs < MAX_WAIT_MS) waiting.set(prefix, sketch);
      else addTo(this.#rest, sketch.measures);
    }
    const rest = this.#rest;
    this.#groups = waiting;
    this.#rest = noMeasures();
    return groups.length === 0 && rest.requests === 0 ? undefined : { groups, rest };
  }

  #measuresOf(prefix: string, client: number, nowMs: number): QualityMeasures {
    let sketch = this.#groups.get(prefix);
    if (sketch === undefined) {
      if (this.#groups.size >= MAX_SKETCH_GROUPS) return this.#rest;
      sketch = { measures: noMeasures(), clients: [], sinceMs: nowMs };
      this.#groups.set(prefix, sketch);
    }
    const { clients } = sketch;
    if (clients.length < this.#minClients && !clients.includes(client)) clients.push(client);
    return sketch.measures;
  }
}

function addTo(sum: QualityMeasures, more: QualityMeasures): void {
  for (const name of ['requests', 'reports', 'stalls', 'errors', 'aborts'] as const) sum[name] += more[name];
  more.throughput.forEach((count, bucket) => {
    sum.throughput[bucket] = (sum.throughput[bucket] ?? 0) + count;
  });
}
