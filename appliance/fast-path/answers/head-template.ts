/**
 * The head of an answer, ready but for what changes.
 *
 * A head is built once by the code that builds all heads (`chooseAnswer`, and node:http's order of fields), with marks
 * where an age, a date or a range will be; what it costs, some microseconds, is then paid once per object and shape.
 * From it the bytes of a second are made, once per second, since Age, the rest of its freshness and the date are whole
 * seconds; and a request costs two copies and the digits of its range. A mark is a character for private use, which no field
 * of an answer can have.
 *
 * One template is of one object, one shape (whole, part, 304 ...) and one fate of the connection.
 */
import type { ByteRange } from '../../../src/http/byte-range.ts';
import { formatAge } from '../../../src/http/cache-control.ts';
import { formatCacheStatus } from '../../../src/http/cache-status.ts';
import { cmsdDynamic, withCmsd } from '../../../src/http/cmsd.ts';
import { formatHttpDate } from '../../../src/http/http-date.ts';
import { type AnswerInput, chooseAnswer } from '../../delivery/choose-answer.ts';
import { ageOf } from '../../delivery/judge-reuse.ts';
import type { PublishedDescription } from '../../memory/published.ts';
import { type ConnectionFate, formatNodeHead, type WireStatus } from './node-head.ts';

/** What an answer looks like, apart from its numbers. A HEAD has the head of a whole. */
export const HEAD_SHAPES = ['whole', 'part', 'part-if-range', 'not-modified', 'unsatisfied'] as const;
export type HeadShape = (typeof HEAD_SHAPES)[number];

export interface HeadFacts {
  readonly applianceId: string;
  readonly hasCmsd: boolean;
  readonly isFull: boolean;
  readonly fate: ConnectionFate;
}

/** The bytes of a head for some time; between the first two stands `first-last`, between the last two the length. */
export interface HeadBytes {
  readonly beforeRange: Uint8Array;
  readonly beforeLength: Uint8Array;
  readonly rest: Uint8Array;
}

const MARKS = { age: '\ue001', member: '\ue002', date: '\ue003', range: '\ue004', length: '\ue005' } as const;
const CHANGING = /[\ue001-\ue003]/g;
const NO_CONDITIONS = {
  ifRange: undefined,
  ifMatch: undefined,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
  ifUnmodifiedSince: undefined,
};
const NO_BYTES = new Uint8Array();

export class HeadTemplate {
  readonly status: WireStatus;
  readonly #description: PublishedDescription;
  readonly #applianceId: string;
  /** With marks. */
  readonly #text: string;
  #bytes: HeadBytes = { beforeRange: NO_BYTES, beforeLength: NO_BYTES, rest: NO_BYTES };
  /** The bytes are right from the first of these times until before the second. */
  #fromMs = 0;
  #untilMs = 0;

  /** @param description of an object that has bytes */
  constructor(shape: HeadShape, description: PublishedDescription, facts: HeadFacts) {
    const answer = chooseAnswer(markedInput(shape, description));
    const marked: Record<string, string> = { ...answer.headers };
    replace(marked, 'Age', formatAge(0), MARKS.age);
    if (answer.status === 206) {
      replace(marked, 'Content-Range', '0-0', MARKS.range);
      replace(marked, 'Content-Length', '1', MARKS.length);
    }
    const dynamic = facts.hasCmsd ? cmsdDynamic(undefined, facts.applianceId, facts.isFull) : undefined;
    this.status = statusOf(shape, answer.status);
    this.#description = description;
    this.#applianceId = facts.applianceId;
    this.#text = formatNodeHead(this.status, withCmsd(marked, dynamic), facts.fate, MARKS.date);
  }

  /** What goes out at a moment. @param nowMs wall clock, whole ms */
  at(nowMs: number): HeadBytes {
    if (nowMs < this.#fromMs || nowMs >= this.#untilMs) this.#refresh(nowMs);
    return this.#bytes;
  }

  #refresh(nowMs: number): void {
    const { freshnessMs } = this.#description;
    const ageMs = ageOf(this.#description, nowMs);
    const ttlSeconds = (freshnessMs - ageMs) / 1000;
    const text = this.#text.replace(CHANGING, (mark) => {
      if (mark === MARKS.age) return formatAge(ageMs);
      if (mark === MARKS.date) return formatHttpDate(nowMs);
      return formatCacheStatus(this.#applianceId, { kind: 'hit', ttlSeconds });
    });
    this.#bytes = cut(text);
    this.#fromMs = nowMs;
    // Age becomes older with a whole second of age, the rest of freshness after a whole second of it, the date with the clock.
    const untilOlderMs = 1000 - (ageMs % 1000);
    const untilStalerMs = ((((freshnessMs - ageMs) % 1000) + 1000) % 1000) + 1;
    const untilLaterMs = 1000 - (nowMs % 1000);
    this.#untilMs = nowMs + Math.min(untilOlderMs, untilStalerMs, untilLaterMs);
  }
}

/** Puts a mark for a part of a field's value; the field keeps its place among the others. */
function replace(headers: Record<string, string>, name: string, part: string, mark: string): void {
  const value = headers[name];
  if (value?.includes(part) !== true) throw new Error(`an answer has no '${name}' with ${part}: '${value}'`);
  headers[name] = value.replace(part, mark);
}

function cut(text: string): HeadBytes {
  const rangeAt = text.indexOf(MARKS.range);
  const lengthAt = text.indexOf(MARKS.length);
  if (rangeAt === -1) return { beforeRange: ownBytes(text), beforeLength: NO_BYTES, rest: NO_BYTES };
  return {
    beforeRange: ownBytes(text.slice(0, rangeAt)),
    beforeLength: ownBytes(text.slice(rangeAt + 1, lengthAt)),
    rest: ownBytes(text.slice(lengthAt + 1)),
  };
}

/** Not of Node's pool: one head would keep eight KiB of others. */
function ownBytes(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, 'latin1');
  return bytes;
}

/** A question that is answered in the shape. */
function markedInput(shape: HeadShape, description: PublishedDescription): AnswerInput {
  const { sizeBytes, headers, validators } = description;
  const input: AnswerInput = {
    method: 'GET',
    ranges: 'ignore',
    conditions: NO_CONDITIONS,
    sizeBytes,
    headers,
    validators,
    ageMs: 0,
    cacheStatus: MARKS.member,
    boundary: '',
  };
  const from = ({ first, last }: ByteRange): AnswerInput['ranges'] => [{ kind: 'from', first, last }];
  const { etag } = validators;
  switch (shape) {
    case 'whole':
      return input;
    case 'part':
      return { ...input, ranges: from({ first: 0, last: 0 }) };
    case 'part-if-range':
      return { ...input, ranges: from({ first: 0, last: 0 }), conditions: { ...NO_CONDITIONS, ifRange: etag } };
    case 'not-modified':
      return { ...input, conditions: { ...NO_CONDITIONS, ifNoneMatch: etag } };
    case 'unsatisfied':
      return { ...input, ranges: from({ first: sizeBytes, last: sizeBytes }) };
  }
}

const STATUSES: Readonly<Record<HeadShape, WireStatus>> = {
  whole: 200,
  part: 206,
  'part-if-range': 206,
  'not-modified': 304,
  unsatisfied: 416,
};

function statusOf(shape: HeadShape, status: number): WireStatus {
  if (status !== STATUSES[shape]) throw new Error(`the answer of shape ${shape} has status ${status}`);
  return STATUSES[shape];
}
