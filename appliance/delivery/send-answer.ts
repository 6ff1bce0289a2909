/**
 * Bytes to the client, at the client's pace. Two promises are kept here: the first bytes are in hand before the head
 * is sent, so a failure until then is still an honest error answer; and a body that cannot be completed ends with its
 * connection, never with a length that looks right (RFC 9112 section 8).
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { ByteRange } from '../../src/http/byte-range.ts';
import type { MultipartFraming } from '../../src/http/multipart-byteranges.ts';
import type { Clock } from '../../src/world/world.ts';
import type { AnswerBody } from './choose-answer.ts';

export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** Told as the answer goes out. */
export interface SendProgress {
  headSent(): void;
  bodySent(bytes: number): void;
}

export interface SendOptions {
  readonly clock: Clock;
  /** In each such time the client must take `minBytesPerSec` on the mean. */
  readonly stallMs: number;
  readonly minBytesPerSec: number;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
  readonly progress: SendProgress;
  /** Called right before the head: what it throws stops the answer. */
  readonly beforeHead: () => void;
}

/** Handed over at a time, so that the time limit of a slow client is for this much, not for a whole block. */
const SLICE_BYTES = 256 * 1024;

/** The client took nothing for too long. */
export class ClientTooSlow extends Error {}

/**
 * Sends head and body. Rejects with what the pieces reject with: before the head was sent (`response.headersSent`)
 * another answer may follow, after it the connection has to be cut. Rejects with the signal's reason when the client
 * leaves, and with ClientTooSlow.
 */
export async function sendAnswer(
  response: ServerResponse,
  head: Head,
  pieces: AsyncIterable<Uint8Array>,
  options: SendOptions,
): Promise<void> {
  let isHeadSent = false;
  for await (const piece of pieces) {
    options.signal.throwIfAborted();
    if (!isHeadSent) {
      options.beforeHead();
      writeHead(response, head, options.progress);
      isHeadSent = true;
    }
    for (let start = 0; start < piece.length; start += SLICE_BYTES) {
      const slice = piece.length <= SLICE_BYTES ? piece : piece.subarray(start, start + SLICE_BYTES);
      const hasRoom = response.write(slice);
      options.progress.bodySent(slice.length);
      if (!hasRoom) await room(response, options);
    }
  }
  options.signal.throwIfAborted();
  if (!isHeadSent) {
    options.beforeHead();
    writeHead(response, head, options.progress);
  }
  response.end();
}

/** Sends head and the whole of a short body. */
export function sendWhole(response: ServerResponse, head: Head, body: Uint8Array, progress: SendProgress): void {
  writeHead(response, head, progress);
  if (body.length > 0) progress.bodySent(body.length);
  response.end(body);
}

/** The bytes of an answer's body, in order; `read` gives those of the object. */
export async function* piecesOf(
  body: AnswerBody,
  read: (range: ByteRange) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  switch (body.kind) {
    case 'none':
      return;
    case 'range':
      yield* read(body.range);
      return;
    case 'multipart':
      yield* multipartPieces(body.framing, read);
  }
}

async function* multipartPieces(
  framing: MultipartFraming,
  read: (range: ByteRange) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of framing.parts) {
    let partHead: Uint8Array | undefined = Buffer.from(part.head, 'latin1');
    for await (const piece of read(part.range)) {
      // Behind the first bytes of its range: a range that cannot be had must not leave a head without a body.
      if (partHead !== undefined) yield partHead;
      partHead = undefined;
      yield piece;
    }
  }
  yield Buffer.from(framing.tail, 'latin1');
}

function writeHead(response: ServerResponse, head: Head, progress: SendProgress): void {
  response.writeHead(head.status, head.headers as OutgoingHttpHeaders);
  progress.headSent();
}

/** Resolves when the client has taken what was written. */
function room(response: ServerResponse, options: SendOptions): Promise<void> {
  const { clock, stallMs, signal } = options;
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      response.off('drain', settle);
      signal.removeEventListener('abort', onAbort);
      timer.cancel();
      if (error === undefined) resolve();
      else reject(error as Error);
    };
    const onAbort = (): void => settle(signal.reason);
    const timer = clock.setTimer(stallMs, () => settle(new ClientTooSlow(`took nothing for ${stallMs} ms`)));
    response.on('drain', settle);
    signal.addEventListener('abort', onAbort);
  });
}
