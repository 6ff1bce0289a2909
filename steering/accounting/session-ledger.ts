import { ownText } from '../../src/http/own-text.ts';
import { BoundedMap } from '../../src/memory/bounded-map.ts';
import type { Clock } from '../../src/world/world.ts';
import type { ClientPlace } from '../answer/locate-client.ts';
import type { ByteClass } from './byte-class.ts';

/**
 * What each session was told last, so that its next request tells what came of it.
 *
 * Nobody sees which appliance a viewer's bytes came from and knows as well why it was that one: appliances see bytes,
 * steering sees reasons. The session's own next request joins them: it names the pathways that it used since the last
 * answer. So the time between two requests of a session, at the title's nominal bitrate, is an estimate of bytes with a
 * known class. What a session plays after its last request is not counted, nor are players that do not come back.
 */
export interface LastAnswer {
  readonly atMs: number;
  readonly titleId: string;
  readonly client: ClientPlace;
  /** Where the session was sent: the best place that it can use. */
  readonly firstId: string;
  /** Why the first place is not in the nearest site, or that it is. */
  readonly firstClass: ByteClass;
  readonly bitsPerSec: number;
  /** Of the client; undefined: nobody knows. */
  readonly nearestSiteId: string | undefined;
}

const MAX_SESSIONS = 200_000;
/** A session that asks again after longer has paused or was away: so much of it counts as played. */
const LONGEST_SPAN_MS = 120_000;

/** A session that asked lately. */
export interface RecentSession extends LastAnswer {
  readonly sessionId: string;
}

/** Estimated bytes of one span, by class. */
export interface PlayedSpan {
  readonly nearestSiteId: string | undefined;
  readonly byteClass: ByteClass;
  readonly bytes: number;
}

/** What is known of pathways when a span is closed. */
export interface Places {
  /** Whether a pathway lies in the site that was nearest. */
  readonly isNearest: (pathwayId: string, nearestSiteId: string | undefined) => boolean;
  /** Whether it is there and well. */
  readonly serves: (pathwayId: string) => boolean;
}

export class SessionLedger {
  readonly #clock: Clock;
  readonly #sessions = new BoundedMap<string, LastAnswer>(MAX_SESSIONS);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Closes the span since the session's last answer.
   * @param used the pathways that it says it used; none: it is taken to have followed the answer
   */
  close(sessionId: string, used: readonly string[], places: Places): PlayedSpan[] {
    const last = this.#sessions.get(sessionId);
    if (last === undefined) return [];
    const spanMs = Math.min(LONGEST_SPAN_MS, this.#clock.monotonicMs() - last.atMs);
    const pathways = used.length === 0 ? [last.firstId] : used;
    const bytes = (last.bitsPerSec / 8) * (spanMs / 1000);
    return pathways.map((id) => ({
      nearestSiteId: last.nearestSiteId,
      byteClass: classOf(id, last, places),
      bytes: bytes / pathways.length,
    }));
  }

  /** Who asked within the last `withinMs`, the latest `count` of them. */
  recent(withinMs: number, count: number): RecentSession[] {
    const sinceMs = this.#clock.monotonicMs() - withinMs;
    // The table is in the order of the last question.
    const found = [...this.#sessions].slice(-count).filter(([, { atMs }]) => atMs >= sinceMs);
    return found.map(([sessionId, answer]) => ({ sessionId, ...answer }));
  }

  open(sessionId: string, answer: Omit<LastAnswer, 'atMs'>): void {
    this.#sessions.set(ownText(sessionId), { ...answer, atMs: this.#clock.monotonicMs() });
  }
}

function classOf(pathwayId: string, last: LastAnswer, { isNearest, serves }: Places): ByteClass {
  if (isNearest(pathwayId, last.nearestSiteId)) return 'nearest';
  if (pathwayId === last.firstId && last.firstClass !== 'nearest') return last.firstClass;
  // It was sent to the nearest site, or elsewhere, and is at a third place: whom nothing drove away went by itself.
  return serves(last.firstId) ? 'client-choice' : 'health';
}
