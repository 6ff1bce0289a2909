/**
 * What a GET or HEAD for a known object is answered with: status, header fields, and which bytes. Pure; both the order
 * of preconditions, If-Range and Range (RFC 9110 section 13.2.2) and the shape of each answer are decided here and
 * nowhere else.
 *
 * Choices that the RFCs leave open, the same for every object: an invalid Range is ignored; an abusive one too; a 206
 * to an If-Range omits what the client has from before, but keeps Content-Type, which players sniff.
 */
import {
  type ByteRange,
  formatContentRange,
  formatUnsatisfiedRange,
  type RangeSpec,
  rangeLengthBytes,
  selectRanges,
} from '../../src/http/byte-range.ts';
import { formatAge } from '../../src/http/cache-control.ts';
import { appendCacheStatus } from '../../src/http/cache-status.ts';
import { evaluatePreconditions, ifRangeHolds, type ObjectValidators } from '../../src/http/conditional.ts';
import { crossOriginHeaders } from '../../src/http/cors.ts';
import { frameByteranges, type MultipartFraming } from '../../src/http/multipart-byteranges.ts';
import type { HeaderFields } from '../../src/http/stored-headers.ts';

export interface AnswerInput {
  readonly method: 'GET' | 'HEAD';
  readonly ranges: readonly RangeSpec[] | 'ignore';
  readonly conditions: {
    readonly ifRange: string | undefined;
    readonly ifMatch: string | undefined;
    readonly ifNoneMatch: string | undefined;
    readonly ifModifiedSince: string | undefined;
    readonly ifUnmodifiedSince: string | undefined;
  };
  readonly sizeBytes: number;
  /** As the object is described; `etag` and `cache-status` in it are the origin's. */
  readonly headers: HeaderFields;
  readonly validators: ObjectValidators;
  readonly ageMs: number;
  /** Our own member of Cache-Status. */
  readonly cacheStatus: string;
  /** For a multipart body: token characters that are not in the object, at least 96 random bits; '' for one range. */
  readonly boundary: string;
}

export type AnswerBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'range'; readonly range: ByteRange }
  | { readonly kind: 'multipart'; readonly framing: MultipartFraming };

export interface Answer {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AnswerBody;
}

const NONE: AnswerBody = { kind: 'none' };
// RFC 9110 section 15.4.5, and 15.3.7 for a 206 to If-Range.
const WITHOUT_CONTENT = new Set(['cache-control', 'content-location', 'date', 'expires', 'vary']);
const WITH_IF_RANGE = new Set([...WITHOUT_CONTENT, 'content-type']);

/** The answer to a GET or HEAD for an object that exists (RFC 9110 sections 13.2.2, 14, 15.3.7, 15.4.5, 15.5). */
export function chooseAnswer(input: AnswerInput): Answer {
  const outcome = evaluatePreconditions({ ...input.validators, method: input.method, ...input.conditions });
  if (outcome === 'not-modified') return { status: 304, headers: headersOf(input, WITHOUT_CONTENT), body: NONE };
  if (outcome === 'precondition-failed') return emptyAnswer(412, input);
  const { ifRange } = input.conditions;
  const isRanged = input.method === 'GET' && input.ranges !== 'ignore' && ifRangeHolds(ifRange, input.validators);
  const selection = selectRanges(isRanged ? input.ranges : 'ignore', input.sizeBytes);
  switch (selection.kind) {
    case 'whole':
      return wholeAnswer(input);
    case 'unsatisfiable':
      return emptyAnswer(416, input, { 'Content-Range': formatUnsatisfiedRange(input.sizeBytes) });
    case 'ranges':
      return partialAnswer(input, selection.ranges);
  }
}

function wholeAnswer(input: AnswerInput): Answer {
  const { sizeBytes } = input;
  const hasBody = input.method === 'GET' && sizeBytes > 0;
  return {
    status: 200,
    headers: { ...headersOf(input), 'Content-Length': String(sizeBytes) },
    body: hasBody ? { kind: 'range', range: { first: 0, last: sizeBytes - 1 } } : NONE,
  };
}

function partialAnswer(input: AnswerInput, ranges: readonly ByteRange[]): Answer {
  const headers = headersOf(input, input.conditions.ifRange === undefined ? undefined : WITH_IF_RANGE);
  const [range] = ranges;
  if (range !== undefined && ranges.length === 1) {
    return {
      status: 206,
      headers: {
        ...headers,
        'Content-Range': formatContentRange(range, input.sizeBytes),
        'Content-Length': String(rangeLengthBytes(range)),
      },
      body: { kind: 'range', range },
    };
  }
  const framing = frameByteranges(ranges, {
    sizeBytes: input.sizeBytes,
    partContentType: input.headers['content-type'],
    boundary: input.boundary,
  });
  return {
    status: 206,
    // Lower case, to take the place of the object's own.
    headers: { ...headers, 'content-type': framing.contentType, 'Content-Length': String(framing.contentLength) },
    body: { kind: 'multipart', framing },
  };
}

function emptyAnswer(status: 412 | 416, input: AnswerInput, more: HeaderFields = {}): Answer {
  return { status, headers: { ...headersOf(input, new Set()), ...more, 'Content-Length': '0' }, body: NONE };
}

/** The object's fields, or those of them that are named, and what every answer carries. */
function headersOf(input: AnswerInput, only?: ReadonlySet<string>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(input.headers)) {
    if (only === undefined || only.has(name)) headers[name] = value;
  }
  delete headers['etag'];
  delete headers['cache-status'];
  return {
    ...headers,
    ...(input.validators.etag === undefined ? {} : { ETag: input.validators.etag }),
    'Accept-Ranges': 'bytes',
    Age: formatAge(input.ageMs),
    'Cache-Status': appendCacheStatus(input.headers['cache-status'], input.cacheStatus),
    ...crossOriginHeaders,
  };
}
