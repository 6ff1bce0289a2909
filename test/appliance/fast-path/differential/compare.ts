/**
 * Whether two conversations are the same, apart from what may not be: the Date of an answer, the time between two looks
 * at an age, the random part of a multipart boundary, and whether a miss was shared with another connection.
 */
import type { Conversation } from './converse.ts';

/** @param apartMs at most so long lies between two answers @returns undefined where they are the same, else both from the first difference on */
export function difference(left: Conversation, right: Conversation, apartMs: number): string | undefined {
  if (left.text === right.text) return undefined;
  const [leftText, rightText] = [settled(left.text), settled(right.text)];
  if (hasLost(left, leftText.text, rightText.text) || hasLost(right, rightText.text, leftText.text)) return undefined;
  if (leftText.text !== rightText.text)
    return `${around(leftText.text, rightText.text)}\n  resets: ${left.isReset}, ${right.isReset}`;
  for (const [at, seconds] of leftText.seconds.entries()) {
    const other = rightText.seconds[at] ?? Number.NaN;
    if (!(Math.abs(seconds - other) <= Math.ceil(apartMs / 1000)))
      return `an age or a rest of freshness of ${seconds} against ${other}`;
  }
  return undefined;
}

/** Everything that was said was answered, and nothing was left unread that could reset the connection. */
const TO_THE_LAST = /\r\nContent-Range: bytes 0-0\/1\r\n(?:[^\r]+\r\n)*Connection: close\r\n(?:[^\r]+\r\n)*\r\n.$/s;
const REFUSAL = /^HTTP\/1\.1 (?:4\d\d|505) [^\r]*\r\n(?:[^\r]+\r\n)*\r\n$/;

/**
 * Nonsense behind a request: whether its refusal is sent is a matter of whether the answer before it was out by then. A
 * reset may have taken the refusal that it came with; and where nonsense was sent behind a request, whatever of that
 * request's answer the client had not read yet. But where the other was answered to its last word, nothing may be lost.
 */
function hasLost({ isReset, isPipelined }: Conversation, heard: string, other: string): boolean {
  if (!(isReset || isPipelined) || !other.startsWith(heard) || TO_THE_LAST.test(other)) return false;
  return (isReset && isPipelined) || REFUSAL.test(other.slice(heard.length));
}

interface Settled {
  readonly text: string;
  readonly seconds: readonly number[];
}

const HEAD_BEGINS = 'HTTP/1.1 ';
const HEAD_ENDS = '\r\n\r\n';
const FAILED = /^HTTP\/1\.1 [45]/;
/** Failures that are not said by the engines themselves. */
const PASSED_ON = /^HTTP\/1\.1 (?!416|503)[45]/;
const OF_MEMORY = /(?:cache-status|age): [^\r]*\r\n/gi;
const BOUNDARY = /multipart\/byteranges; boundary=([^\r]+)/g;

function settled(conversation: string): Settled {
  const seconds: number[] = [];
  const parts: string[] = [];
  let at = 0;
  // Bodies are long, and nothing in them is settled.
  for (let start = conversation.indexOf(HEAD_BEGINS); start !== -1; start = conversation.indexOf(HEAD_BEGINS, at)) {
    const ends = conversation.indexOf(HEAD_ENDS, start);
    const end = ends === -1 ? conversation.length : ends;
    parts.push(conversation.slice(at, start), settledHead(conversation.slice(start, end), seconds));
    at = end;
  }
  parts.push(conversation.slice(at));
  let text = parts.join('');
  for (const [, boundary = ''] of conversation.matchAll(BOUNDARY)) text = text.replaceAll(boundary, 'BOUNDARY');
  return { text, seconds };
}

function settledHead(head: string, seconds: number[]): string {
  const dateless = `${head}\r\n`.replace(/\r\ndate: [^\r]+/gi, '\r\nDate: -');
  // Who asked first is a matter of luck where several ask for what is not there, or must be confirmed.
  const settledMemory = FAILED.test(head)
    ? dateless.replace(OF_MEMORY, '')
    : dateless.replace(/;collapsed(?=[;\r])/g, '');
  const text = settledMemory.replace(/(\r\nAge: |;ttl=)(-?\d+)/gi, (_all, name: string, value: string) => {
    seconds.push(Number(value));
    return `${name}-`;
  });
  const lines = text.slice(0, -'\r\n'.length).split('\r\n');
  // A failure that was remembered says the same in another order than one that comes through.
  return PASSED_ON.test(head) ? lines.map(lowerCaseName).sort().join('\r\n') : lines.join('\r\n');
}

const lowerCaseName = (line: string): string => line.replace(/^[^: ]+:/, (name) => name.toLowerCase());

const SHOWN_CHARS = 700;

function around(left: string, right: string): string {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at += 1;
  const start = Math.max(0, at - 200);
  const shown = (text: string): string => JSON.stringify(text.slice(start, start + SHOWN_CHARS));
  return `they differ at ${at} (of ${left.length} and ${right.length}):\n  fast      ${shown(left)}\n  reference ${shown(right)}`;
}
