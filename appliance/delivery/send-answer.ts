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
  /** How long the client may take for a slice; and over each such time of waiting it must take `minBytesPerSec`. */
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
  const pace = new ClientPace(options);
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
      if (!hasRoom) await pace.waited(slice.length, () => taken(response, 'drain', options));
    }
  }
  options.signal.throwIfAborted();
  if (!isHeadSent) {
    options.beforeHead();
    writeHead(response, head, options.progress);
  }
  response.end();
  // Small answers fit into our own buffers: without this wait, who never reads them would keep them for good.
  if (response.writableLength > 0) await taken(response, 'finish', options);
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

/**
 * How fast a client takes what it is given, over the time that we wait for it; what sources need is not its fault. A
 * client that takes one slice just before each time limit would hold a connection, a request and 256 KiB for hours.
 */
class ClientPace {
  readonly #options: SendOptions;
  #waitedMs = 0;
  #takenBytes = 0;

  constructor(options: SendOptions) {
    this.#options = options;
  }

  /** Waits by `wait` for the client to take that many bytes. @throws ClientTooSlow */
  async waited(bytes: number, wait: () => Promise<void>): Promise<void> {
    const { clock, minBytesPerSec, stallMs } = this.#options;
    const beganAtMs = clock.monotonicMs();
    await wait();
    this.#waitedMs += clock.monotonicMs() - beganAtMs;
    this.#takenBytes += bytes;
    if (this.#waitedMs < stallMs) return;
    const bytesPerSec = this.#takenBytes / (this.#waitedMs / 1000);
    if (bytesPerSec < minBytesPerSec) throw new ClientTooSlow(`took ${Math.round(bytesPerSec)} bytes per second`);
    this.#waitedMs = 0;
    this.#takenBytes = 0;
  }
}

/** Resolves when the client has taken what was written. @throws ClientTooSlow */
function taken(response: ServerResponse, event: 'drain' | 'finish', options: SendOptions): Promise<void> {
  const { clock, stallMs, signal } = options;
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      response.off(event, settle);
      signal.removeEventListener('abort', onAbort);
      timer.cancel();
      if (error === undefined) resolve();
      else reject(error as Error);
    };
    const onAbort = (): void => settle(signal.reason);
    const lookAgain = (): void => {
      // Behind another answer on the same connection: that one is timed.
      if (response.socket === null && !signal.aborted) timer = clock.setTimer(stallMs, lookAgain);
      else settle(new ClientTooSlow(`took nothing for ${stallMs} ms`));
    };
    let timer = clock.setTimer(stallMs, lookAgain);
    response.on(event, settle);
    signal.addEventListener('abort', onAbort);
  });
}
