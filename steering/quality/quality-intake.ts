import type { CmcdRecord } from '../../src/cmcd/cmcd-record.ts';
import { throughputBucket } from '../../src/contracts/quality-sketch.ts';
import type { KeyedHash } from '../../src/hashing/keyed-hash.ts';
import { ReporterCap } from '../../src/hashing/reporter-cap.ts';
import type { Clock } from '../../src/world/world.ts';
import { parseAddress } from '../routing/ip-address.ts';
import { FirstPlaces } from './sketches/first-places.ts';
import type { Neighbourhood, Observation, QualityStore } from './sketches/quality-store.ts';

/** Who reports: used for a hash at once, and not kept. */
export interface Reporter {
  readonly address: string;
  /** undefined where the report names none. */
  readonly sessionId: string | undefined;
  readonly place: Neighbourhood;
}

/** A report of a session that stalled, failed or left the place that it was given. */
export type OnBadSession = (sessionId: string, address: string, outcome: 'stalled' | 'failed' | 'fled') => void;

export type ReportOutcome = 'taken' | 'capped';

/** A player asks every half minute and reports as often; who does more is heard no more for it. */
const CAP_WINDOW_MS = 60_000;
const REPORTS_PER_SESSION = 2;
/** Several viewers live behind one address, but not so many that they should outweigh their neighbours. */
const REPORTS_PER_ADDRESS = 6;
/** Players ask again after the time that an answer is good for, a tenth more or less; a slow one needs longer. */
const STAYS_TTLS = 2;

/**
 * Turns what players tell into counts and votes. No report weighs more than another, no session and no address more
 * than a few of them, and who votes twice has changed its mind.
 */
export class QualityIntake {
  readonly #store: QualityStore;
  readonly #hash: KeyedHash;
  readonly #clock: Clock;
  readonly #cap = new ReporterCap(CAP_WINDOW_MS);
  readonly #firstPlaces: FirstPlaces;
  readonly #onBadSession: OnBadSession | undefined;

  constructor(options: {
    readonly store: QualityStore;
    readonly hash: KeyedHash;
    readonly clock: Clock;
    readonly ttlMs: number;
    readonly maxSessions: number;
    readonly onBadSession?: OnBadSession;
  }) {
    this.#store = options.store;
    this.#hash = options.hash;
    this.#clock = options.clock;
    this.#onBadSession = options.onBadSession;
    this.#firstPlaces = new FirstPlaces(options.hash, options.maxSessions, options.ttlMs * STAYS_TTLS);
  }

  /** One record of CMCD about an appliance. */
  takeRecord(applianceId: string, record: CmcdRecord, from: Reporter): ReportOutcome {
    const [stalled, failed] = [record.starved || record.state === 'r', hasFailed(record)];
    if (stalled) this.#noteBad(from, 'stalled');
    if (failed) this.#noteBad(from, 'failed');
    return this.#take(applianceId, from, {
      rateBucket: bucketOf(rateOf(record)),
      stalled,
      failed,
      hasPlayed: true,
    });
  }

  /** What comes with a request for steering: pathways in use and how fast they are. */
  takePathways(
    pathways: readonly string[],
    throughputBitsPerSec: ReadonlyMap<string, number>,
    from: Reporter,
  ): readonly ReportOutcome[] {
    const outcomes: ReportOutcome[] = [];
    const { sessionId } = from;
    const fled =
      sessionId === undefined
        ? undefined
        : this.#firstPlaces.fledFrom(this.#hash.ofText(sessionId), pathways, this.#clock.monotonicMs());
    const seen = { stalled: false, hasPlayed: false };
    if (fled !== undefined) this.#noteBad(from, 'fled');
    if (fled !== undefined) outcomes.push(this.#take(fled, from, { ...seen, rateBucket: undefined, failed: true }));
    for (const id of pathways) {
      const rateBucket = bucketOf(throughputBitsPerSec.get(id));
      outcomes.push(this.#take(id, from, { ...seen, rateBucket, failed: false }));
    }
    return outcomes;
  }

  /** An answer puts this appliance first for a session. */
  putFirst(sessionId: string, applianceId: string): void {
    this.#firstPlaces.put(this.#hash.ofText(sessionId), applianceId, this.#clock.monotonicMs());
  }

  /** A manifest declares these for a session, best first. */
  declared(sessionId: string, applianceIds: readonly string[]): void {
    this.#firstPlaces.declared(this.#hash.ofText(sessionId), applianceIds, this.#clock.monotonicMs());
  }

  #noteBad({ sessionId, address }: Reporter, outcome: Parameters<OnBadSession>[2]): void {
    if (sessionId !== undefined) this.#onBadSession?.(sessionId, address, outcome);
  }

  #take(applianceId: string, { address, sessionId, place }: Reporter, seen: Observation): ReportOutcome {
    const nowMs = this.#clock.monotonicMs();
    const reporter = this.#reporterOf(address);
    const about = this.#hash.ofText(applianceId);
    this.#store.vote(applianceId, reporter, seen.failed, nowMs);
    const session = sessionId === undefined ? undefined : this.#hash.ofText(sessionId);
    const counts =
      (session === undefined || this.#cap.take(this.#hash.ofWords(session, about), REPORTS_PER_SESSION, nowMs)) &&
      this.#cap.take(this.#hash.ofWords(reporter, about), REPORTS_PER_ADDRESS, nowMs);
    if (!counts) return 'capped';
    this.#store.note(applianceId, place, reporter, seen);
    return 'taken';
  }

  /** One number for an address; an IPv6 customer has a whole /56 to report from. */
  #reporterOf(address: string): number {
    const [first = 0, second = 0] = parseAddress(address)?.words ?? [];
    return this.#hash.ofWords(first, second & 0xffffff00);
  }
}

const bucketOf = (bitsPerSec: number | undefined): number | undefined =>
  bitsPerSec === undefined || bitsPerSec <= 0 ? undefined : throughputBucket(bitsPerSec);

/**
 * How fast the appliance was: of one answer, where the record tells its size by bitrate and duration and how long it
 * took; otherwise what the player measures over several answers, perhaps of several appliances.
 */
function rateOf(record: CmcdRecord): number | undefined {
  const { bitrateKbitPerSec, durationMs, lastByteMs, throughputKbitPerSec } = record;
  if (bitrateKbitPerSec !== undefined && durationMs !== undefined && lastByteMs !== undefined && lastByteMs > 0)
    return (bitrateKbitPerSec * 1000 * durationMs) / lastByteMs;
  return throughputKbitPerSec === undefined ? undefined : throughputKbitPerSec * 1000;
}

/** An error of the player, a play that failed, or an answer that is the appliance's fault: none, 404 or 5xx. */
function hasFailed({ event, state, hasErrorCode, responseCode }: CmcdRecord): boolean {
  if (event === 'e' || state === 'f' || hasErrorCode) return true;
  return responseCode !== undefined && (responseCode === 0 || responseCode === 404 || responseCode >= 500);
}
