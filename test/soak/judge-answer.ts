import { type Answered, identify, type Wish } from '../model/judge.ts';
import type { Generation, Moment } from '../model/truth.ts';
import type { RawAnswer } from './raw-connection.ts';

/** The bytes of a body that was not read to its end, against those generations that it may be of. */
export function partComplaintOf(
  { status, headers, body }: RawAnswer,
  allowed: readonly Generation[],
): string | undefined {
  if (status >= 500) return undefined;
  const isOf = allowed.some(({ bytes }) => bytes !== undefined && body.equals(bytes.subarray(0, body.length)));
  if (isOf && status === 200) return undefined;
  return `${status} ${JSON.stringify(headers)}: the first ${body.length} bytes are of none that it may be of`;
}

/** How a complaint names what the bytes are of. */
export function describeGenerations(wish: Wish, answer: Answered, all: readonly Generation[], began: Moment): string {
  const ends = all.slice(-4).map(({ number, endMs, etag }) => `${number} ${etag ?? '-'} until ${endMs.toFixed(0)}`);
  const isOf = identify(wish, answer, all).join(', ') || 'none';
  return `it is of ${isOf}; began ${began.lateMs.toFixed(0)}, last purge ${began.purgedAtMs.toFixed(0)}; generations ${ends.join('; ')}`;
}
