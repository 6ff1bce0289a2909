/**
 * What a wire thread answers a request for a published object with, byte for byte as the reference engine would; or
 * 'over', where that needs more than is known here.
 */
import type { PublishedObject } from '../memory/published.ts';
import type { OverReason } from './messages.ts';

/** What of a request head an answer depends on; field values without blanks around them. */
export interface WireQuestion {
  readonly isHead: boolean;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifNoneMatch: string | undefined;
  /** The client said `Connection: close`. */
  readonly isLast: boolean;
}

/** What an answer depends on besides; one object that its thread keeps up to date, not a new one for each request. */
export interface WireMoment {
  /** Wall clock. */
  nowMs: number;
  /** Answers end their connection. */
  isDraining: boolean;
  /** As much is carried as may be: said in CMSD. */
  isFull: boolean;
}

export interface WireAnswer {
  readonly kind: 'answer';
  readonly status: 200 | 206 | 304 | 416;
  /** Bytes of the object, inclusive; no body where `last` is before `first`. */
  readonly first: number;
  readonly last: number;
  /** How many bytes `writeHead` writes. */
  readonly headBytes: number;
  /** The connection ends with it. */
  readonly isLast: boolean;
}

export interface WireOver {
  readonly kind: 'over';
  readonly because: OverReason;
}

export interface WireAnswersOptions {
  readonly applianceId: string;
  readonly hasCmsd: boolean;
  readonly idleTimeoutMs: number;
}

/** Longest head that is written. What is longer goes over. */
export const MAX_ANSWER_HEAD_BYTES = 8192;

export class WireAnswers {
  constructor(_options: WireAnswersOptions) {}

  /** @returns one and the same object for each answer: what it says counts until the next call */
  answer(_question: WireQuestion, _object: PublishedObject, _moment: WireMoment): WireAnswer | WireOver {
    throw new Error('not built yet');
  }

  /** Writes the head of the last answer. @returns where it ends */
  writeHead(_into: Uint8Array, _at: number): number {
    throw new Error('not built yet');
  }

  /** Writes a 503 for a request that is not admitted (`admit` of delivery/admit.ts). @returns where it ends */
  writeShed(
    _retryAfterSec: number,
    _question: Pick<WireQuestion, 'isLast'>,
    _moment: WireMoment,
    _into: Uint8Array,
    _at: number,
  ): number {
    throw new Error('not built yet');
  }
}
