/**
 * What a wire thread answers a request for a published object with, byte for byte as the reference engine would; or
 * 'over', where that needs more than is known here.
 *
 * Nothing is decided anew: conditions are judged by `conditional.ts`, ranges by `byte-range.ts`, and heads come from
 * `chooseAnswer` by way of templates (head-template.ts). What is here is the order of the questions (RFC 9110 section
 * 13.2.2, as in `chooseAnswer`), a shorter way for the range that nearly all requests have, and the memory of templates.
 *
 * A moment after its freshness an object goes over, and so does whatever is only nearly what we know.
 */
import { type ByteRange, type RangeSpec, selectRanges } from '../../src/http/byte-range.ts';
import { cmsdDynamic } from '../../src/http/cmsd.ts';
import { evaluatePreconditions, ifRangeHolds, type ObjectValidators } from '../../src/http/conditional.ts';
import { crossOriginHeaders } from '../../src/http/cors.ts';
import { formatHttpDate } from '../../src/http/http-date.ts';
import { BoundedMap } from '../../src/memory/bounded-map.ts';
import type { PublishedDescription, PublishedObject } from '../memory/published.ts';
import { HEAD_SHAPES, type HeadBytes, type HeadShape, HeadTemplate } from './answers/head-template.ts';
import { type ConnectionFate, formatNodeHead } from './answers/node-head.ts';
import { writeNumber } from './answers/write-number.ts';
import type { OverReason } from './messages.ts';
import type { RequestHead } from './request-head.ts';

/** What of a request head an answer depends on. */
export type WireQuestion = Pick<
  RequestHead,
  'isHead' | 'range' | 'rangeFirst' | 'rangeLast' | 'suffixBytes' | 'ifRange' | 'ifNoneMatch' | 'asksAnew' | 'isLast'
>;

/** What an answer depends on besides; one object that its thread keeps up to date, not a new one for each request. */
export interface WireMoment {
  /** Wall clock, whole ms. */
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

/** Longest head that is written: what is published has no more fields (describe-published.ts). */
export const MAX_ANSWER_HEAD_BYTES = 8192;

/** Of objects; a template takes about 2 KiB. */
const MAX_OBJECTS_WITH_HEADS = 4096;

/** The templates of an object, made when they are first needed; by shape and fate of the connection. */
interface ObjectHeads {
  readonly epoch: number;
  readonly templates: (HeadTemplate | undefined)[];
}

const FATES = ['kept', 'last', 'draining'] as const;
/** With `du` in CMSD. */
const FULL = HEAD_SHAPES.length * FATES.length;
const DASH = 0x2d;
const STALE: WireOver = { kind: 'over', because: 'stale' };
const ASKED_ANEW: WireOver = { kind: 'over', because: 'field' };

export class WireAnswers {
  readonly #options: WireAnswersOptions;
  readonly #heads = new BoundedMap<number, ObjectHeads>(MAX_OBJECTS_WITH_HEADS);
  readonly #fates: readonly ConnectionFate[];
  readonly #answer: { -readonly [F in keyof WireAnswer]: WireAnswer[F] } = {
    kind: 'answer',
    status: 200,
    first: 0,
    last: -1,
    isLast: false,
  };
  #bytes: HeadBytes | undefined;

  constructor(options: WireAnswersOptions) {
    this.#options = options;
    const idleSec = Math.floor(options.idleTimeoutMs / 1000);
    this.#fates = [{ kind: 'kept', idleSec }, { kind: 'last' }, { kind: 'draining' }];
  }

  /** @returns one and the same object for each answer: what it says counts until the next call */
  answer(question: WireQuestion, object: PublishedObject, moment: WireMoment): WireAnswer | WireOver {
    const { description } = object;
    if (moment.nowMs >= description.freshUntilMs) return STALE;
    // What a manifest names cannot be confirmed by anybody: who asks for that gets it as it is.
    if (question.asksAnew && description.freshUntilMs !== Number.POSITIVE_INFINITY) return ASKED_ANEW;
    const { sizeBytes } = description;
    const answer = this.#answer;
    answer.first = 0;
    answer.last = question.isHead ? -1 : sizeBytes - 1;
    const shape = this.#shape(question, description);
    const template = this.#template(object, shape, question, moment);
    answer.status = template.status as WireAnswer['status'];
    answer.isLast = question.isLast || moment.isDraining;
    this.#bytes = template.at(moment.nowMs);
    return answer;
  }

  /** Writes the head of the last answer, at most MAX_ANSWER_HEAD_BYTES. @returns where it ends */
  writeHead(into: Uint8Array, at: number): number {
    const bytes = this.#bytes;
    if (bytes === undefined) throw new Error('a head is written after an answer was chosen');
    into.set(bytes.beforeRange, at);
    let end = at + bytes.beforeRange.length;
    if (bytes.beforeLength.length === 0) return end;
    const { first, last } = this.#answer;
    end = writeNumber(into, end, first);
    into[end] = DASH;
    end = writeNumber(into, end + 1, last);
    into.set(bytes.beforeLength, end);
    end = writeNumber(into, end + bytes.beforeLength.length, last - first + 1);
    into.set(bytes.rest, end);
    return end + bytes.rest.length;
  }

  /** Writes a 503 for a request that is not admitted (delivery/admit.ts). @returns where it ends */
  writeShed(
    retryAfterSec: number,
    { isLast }: Pick<WireQuestion, 'isLast'>,
    { nowMs, isDraining }: WireMoment,
    into: Uint8Array,
    at: number,
  ): number {
    const headers = {
      'Content-Length': '0',
      ...crossOriginHeaders,
      'Retry-After': String(retryAfterSec),
      'CMSD-Dynamic': cmsdDynamic(undefined, this.#options.applianceId, true),
    };
    const fate = this.#fates[fateIndex(isLast, isDraining)] ?? { kind: 'last' };
    const text = formatNodeHead(503, headers, fate, formatHttpDate(nowMs));
    return at + Buffer.from(into.buffer, into.byteOffset, into.byteLength).write(text, at, 'latin1');
  }

  /** Chooses, and says in `#answer` which bytes (RFC 9110 section 13.2.2; the order is that of `chooseAnswer`). */
  #shape(question: WireQuestion, { sizeBytes, validators }: PublishedDescription): HeadShape {
    const answer = this.#answer;
    const { isHead, ifNoneMatch, ifRange, rangeFirst, rangeLast } = question;
    if (ifNoneMatch !== undefined && isUnmodified(isHead ? 'HEAD' : 'GET', ifNoneMatch, validators)) {
      answer.last = -1;
      return 'not-modified';
    }
    if (isHead || question.range === undefined) return 'whole';
    if (ifRange !== undefined && !ifRangeHolds(ifRange, validators)) return 'whole';
    if (rangeFirst >= 0 && rangeFirst < sizeBytes) {
      // What selectRanges would say; nearly all requests are of this kind, and it makes four objects for each.
      answer.first = rangeFirst;
      if (rangeLast !== -1 && rangeLast < sizeBytes) answer.last = rangeLast;
    } else {
      const selected = selectOne(question, sizeBytes);
      if (selected === undefined) {
        answer.last = -1;
        return 'unsatisfied';
      }
      answer.first = selected.first;
      answer.last = selected.last;
    }
    return ifRange === undefined ? 'part' : 'part-if-range';
  }

  #template(
    { index, epoch, description }: PublishedObject,
    shape: HeadShape,
    { isLast }: WireQuestion,
    { isDraining, isFull }: WireMoment,
  ): HeadTemplate {
    let heads = this.#heads.get(index);
    if (heads === undefined || heads.epoch !== epoch) {
      heads = { epoch, templates: [] };
      this.#heads.set(index, heads);
    }
    const fateAt = fateIndex(isLast, isDraining);
    const at = (isFull ? FULL : 0) + HEAD_SHAPES.indexOf(shape) * FATES.length + fateAt;
    let template = heads.templates[at];
    if (template === undefined) {
      const { applianceId, hasCmsd } = this.#options;
      const fate = this.#fates[fateAt] ?? { kind: 'last' };
      template = new HeadTemplate(shape, description, { applianceId, hasCmsd, isFull, fate });
      heads.templates[at] = template;
    }
    return template;
  }
}

/** Of FATES. */
const fateIndex = (isLast: boolean, isDraining: boolean): number => (isDraining ? 2 : isLast ? 1 : 0);

const isUnmodified = (method: string, ifNoneMatch: string, validators: ObjectValidators): boolean =>
  evaluatePreconditions({
    ...validators,
    method,
    ifNoneMatch,
    ifMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
  }) === 'not-modified';

/** The one range of an object that has bytes; undefined when none of them is meant. */
function selectOne({ rangeFirst, rangeLast, suffixBytes }: WireQuestion, sizeBytes: number): ByteRange | undefined {
  const spec: RangeSpec =
    rangeFirst === -1
      ? { kind: 'suffix', lengthBytes: suffixBytes }
      : { kind: 'from', first: rangeFirst, last: rangeLast === -1 ? undefined : rangeLast };
  const selection = selectRanges([spec], sizeBytes);
  return selection.kind === 'ranges' ? selection.ranges[0] : undefined;
}
