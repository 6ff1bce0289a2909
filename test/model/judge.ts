/** Whether an answer is one that a cache may give: pure, from the request, the answer and the truth. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Generation } from './truth.ts';

export interface Wish {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Leaves after the head. */
  readonly leaves: boolean;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Verdict {
  /** What was answered, for counting: `200`, `206`, `502` ... */
  readonly kind: string;
  /** Undefined when the answer may be given. */
  readonly wrong: string | undefined;
}

/** @param mayFail whether anything was going on that excuses a 5xx */
export function judge(wish: Wish, answer: Answered, allowed: readonly Generation[], mayFail: boolean): Verdict {
  const { status } = answer;
  const kind = String(status);
  if (status >= 500) {
    return { kind, wrong: mayFail && [502, 503, 504].includes(status) ? undefined : `${status} though nothing failed` };
  }
  const fits = allowed.some((generation) => isAnswerOf(generation, wish, answer));
  // Handed on from an origin that refuses what it has: its word, not the cache's.
  if (status === 416 && mayFail) return { kind, wrong: undefined };
  if (fits) return { kind, wrong: undefined };
  const numbers = allowed.map(({ number }) => number).join(', ');
  return { kind, wrong: `${describe(answer)} fits none of the generations ${numbers} that it may be of` };
}

/** Which generation the bytes are of, whether allowed or not: for the complaint. */
export function identify(wish: Wish, answer: Answered, all: readonly Generation[]): number[] {
  return all.filter((generation) => isAnswerOf(generation, wish, answer)).map(({ number }) => number);
}

function isAnswerOf(generation: Generation, wish: Wish, answer: Answered): boolean {
  const { bytes, etag } = generation;
  const { status, headers, body } = answer;
  if (bytes === undefined) return status === 404;
  if (isTaggedOtherwise(etag, headers.etag) && status !== 416) return false;
  switch (status) {
    case 200:
      return isWhole(wish, answer, bytes);
    case 206:
      return ifRangeAllows(wish, generation) && isPartOf(wish, generation, answer);
    case 304:
      return body.length === 0 && (wish.headers['if-none-match'] ?? '').includes(etag ?? 'none');
    case 412:
      return wish.headers['if-match'] !== undefined && wish.headers['if-match'] !== etag;
    case 416:
      return headers['content-range'] === `bytes */${bytes.length}` && isUnsatisfiable(wish, bytes.length);
    default:
      return false;
  }
}

function isWhole({ method }: Wish, { headers, body }: Answered, bytes: Buffer): boolean {
  if (method === 'HEAD')
    return headers['content-length'] === undefined || headers['content-length'] === String(bytes.length);
  return body.equals(bytes);
}

/** A cache may make up a tag where the origin gave no strong one, and must not exchange a strong one. */
const isTaggedOtherwise = (wanted: string | undefined, given: string | undefined): boolean =>
  wanted !== undefined && given !== undefined && !wanted.startsWith('W/') && given !== wanted;

function ifRangeAllows({ headers }: Wish, { etag, lastModified }: Generation): boolean {
  const ifRange = headers['if-range'];
  return ifRange === undefined || ifRange === etag || ifRange === lastModified;
}

function isUnsatisfiable({ headers }: Wish, sizeBytes: number): boolean {
  const match = /^bytes=(\d+)-/.exec(headers['range'] ?? '');
  return match !== null && Number(match[1]) >= sizeBytes;
}

function isPartOf(
  wish: Wish,
  { bytes = Buffer.alloc(0), cacheControl }: Generation,
  { headers, body }: Answered,
): boolean {
  // What is never stored is the origin's answer, handed through with the range that the origin chose.
  const isOriginsChoice = cacheControl === 'no-store';
  const single = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '');
  if (single !== null) {
    const [first, last, total] = [Number(single[1]), Number(single[2]), Number(single[3])];
    if (total !== bytes.length || !(isOriginsChoice || isWhatWasAsked(wish, first, last, total))) return false;
    return body.equals(bytes.subarray(first, last + 1));
  }
  const boundary = /^multipart\/byteranges; ?boundary="?([^";]+)/.exec(headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) return false;
  const text = body.toString('latin1');
  const parts = [...text.matchAll(/Content-Range: bytes (\d+)-(\d+)\/(\d+)\r\n\r\n/gi)];
  if (parts.length < 2 || !text.endsWith(`--${boundary}--\r\n`)) return false;
  return parts.every((part) => {
    const [first, last, total] = [Number(part[1]), Number(part[2]), Number(part[3])];
    const start = part.index + part[0].length;
    const end = start + last - first + 1;
    const isClosed = text.startsWith(`\r\n--${boundary}`, end);
    return isClosed && total === bytes.length && body.subarray(start, end).equals(bytes.subarray(first, last + 1));
  });
}

/** For one range; of several a server may join some (RFC 9110 section 15.3.7.2). */
function isWhatWasAsked({ headers }: Wish, first: number, last: number, total: number): boolean {
  const range = headers['range'] ?? '';
  const suffix = /^bytes=-(\d+)$/.exec(range);
  if (suffix !== null) return last === total - 1 && first === Math.max(0, total - Number(suffix[1]));
  const single = /^bytes=(\d+)-(\d*)$/.exec(range);
  if (single === null) return true;
  const wanted = single[2] === '' ? total - 1 : Math.min(total - 1, Number(single[2]));
  return first === Number(single[1]) && last === wanted;
}

function describe({ status, headers, body }: Answered): string {
  const range = headers['content-range'] === undefined ? '' : `, ${headers['content-range']}`;
  return `${status} with ${body.length} bytes${range}, ETag ${headers.etag ?? 'none'} (${String(headers['cache-status'])})`;
}
