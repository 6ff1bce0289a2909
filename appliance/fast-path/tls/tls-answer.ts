import type { TLSSocket } from 'node:tls';
import { MAX_ANSWER_HEAD_BYTES, type WireAnswers } from '../answer-on-wire.ts';
import type { PinnedBody } from './pinned-body.ts';

/** Copied behind the head, into one record with it: a record and a system call for 400 bytes would cost more. */
const COPIED_BYTES = 16_384;
/** Given to TLS at a time, and held for a slow client: as much as the reference engine holds (send-answer.ts). */
const PIECE_BYTES = 256 * 1024;

/** Who sends answers. */
export interface TlsAnswerOwner {
  /** The next block of the body is not in memory: `go` when it is. */
  readonly lacks: (body: PinnedBody) => void;
  /** So many bytes of the body were taken. */
  readonly sent: (bytes: number) => void;
  readonly done: () => void;
}

/**
 * Answers on their way out of one connection, one after the other. They are encrypted straight out of the mapped memory:
 * encryption is the one copy. There is one write at a time, so that what waits for a slow client is one piece of cipher
 * text, and a slot stays pinned until Node says that its bytes were taken.
 */
export class TlsAnswer {
  readonly #socket: TLSSocket;
  readonly #owner: TlsAnswerOwner;
  #body: PinnedBody | undefined;
  #inFlightBytes = 0;
  #isWriting = false;
  /** Monotonic: when the write in hand began. */
  writingSinceMs = 0;

  constructor(socket: TLSSocket, owner: TlsAnswerOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Whether the client has to take something before anything else can happen. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  get body(): PinnedBody | undefined {
    return this.#body;
  }

  /** Sends the head that was chosen last, and of the body what fits behind it. @param body its first block is pinned */
  begin(answers: WireAnswers, body: PinnedBody | undefined): void {
    this.#body = body;
    const copied = body?.piece(COPIED_BYTES);
    const bytes = Buffer.allocUnsafe(MAX_ANSWER_HEAD_BYTES + (copied?.length ?? 0));
    let end = answers.writeHead(bytes, 0);
    if (copied !== undefined) {
      bytes.set(copied, end);
      end += copied.length;
    }
    this.#write(bytes.subarray(0, end), copied?.length ?? 0);
  }

  /** Sends an answer without a body. */
  say(head: Uint8Array): void {
    this.#body = undefined;
    this.#write(head, 0);
  }

  /** Goes on, now that the next block is in memory. */
  go(): void {
    const body = this.#body;
    if (body === undefined || this.#isWriting) return;
    if (body.isDone) {
      this.#body = undefined;
      this.#owner.done();
    } else if (body.pinNext()) {
      const piece = body.piece(PIECE_BYTES);
      this.#write(piece, piece.length);
    } else this.#owner.lacks(body);
  }

  /** The connection is gone: nothing is sent any more. */
  close(): void {
    this.#body?.release();
    this.#body = undefined;
  }

  #write(bytes: Uint8Array, bodyBytes: number): void {
    this.#isWriting = true;
    this.#inFlightBytes = bodyBytes;
    this.writingSinceMs = performance.now();
    this.#socket.write(bytes, this.#taken);
  }

  readonly #taken = (error?: Error | null): void => {
    this.#isWriting = false;
    // The connection ends, and says so itself.
    if (error instanceof Error || this.#socket.destroyed) return;
    const body = this.#body;
    if (body === undefined) return this.#owner.done();
    body.taken(this.#inFlightBytes);
    this.#owner.sent(this.#inFlightBytes);
    this.go();
  };
}
