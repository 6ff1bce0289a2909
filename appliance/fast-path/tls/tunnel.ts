import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Libc } from '../../kernel/libc.ts';

/** Who is told how a tunnel ended: one of the three, once. */
export interface TunnelOwner {
  /** Reads the messages that are there: word of a cut is posted before the end, and may be read after it. */
  readonly hear: () => void;
  /** The reference engine is done, and everything that it said was passed on. */
  readonly onTaken: () => void;
  /** The reference engine has ended the connection properly. */
  readonly onEnded: () => void;
  /** It has broken the connection off. */
  readonly onCut: () => void;
}

/**
 * A thread's end of a tunnel: the bytes of one TLS connection on their way to the reference engine and back.
 *
 * A connection that the fast path cannot serve goes to the reference engine with the bytes that were read, as a plain one
 * does; but its descriptor carries TLS, which stays here. So the other engine gets one end of a socket pair, and what
 * goes through it is exactly what the client says and hears: every meaning, refusal and time limit stays where it is,
 * and nothing is parsed twice. The kernel's buffers of the pair are small, so a slow client is felt at the other end.
 *
 * When the answer is complete the other end comes back (`take`). By then all of it is in the pair, and the end of file
 * behind it says that the last byte was passed on.
 */
export class Tunnel {
  readonly #socket: Socket;
  readonly #client: TLSSocket;
  readonly #owner: TunnelOwner;
  #ending: 'ended' | 'cut' | 'taken' = 'ended';
  #isOver = false;

  constructor(fd: number, client: TLSSocket, owner: TunnelOwner) {
    this.#socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
    this.#client = client;
    this.#owner = owner;
    this.#socket.on('data', (bytes: Buffer) => {
      if (!client.write(bytes)) this.#socket.pause();
    });
    this.#socket.on('drain', () => client.resume());
    this.#socket.on('end', () => {
      owner.hear();
      this.#finish(this.#ending);
    });
    this.#socket.on('error', () => this.#finish('cut'));
  }

  /** The client has taken what it was given. */
  drained(): void {
    this.#socket.resume();
  }

  /** What the client says goes on. @returns false when it is to be stopped until more fits */
  say(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  /** The client says nothing more. */
  sayEnd(): void {
    this.#socket.end();
  }

  /** The answer is complete, and the connection idle. @param fd the other end, which nobody else has any more */
  take(fd: number, libc: Libc): void {
    this.#ending = 'taken';
    libc.close(fd);
  }

  /** The end that comes will not be a proper one. */
  willBeCut(): void {
    this.#ending = 'cut';
  }

  /** Whether an end that is not a proper one is on its way. */
  get isCut(): boolean {
    return this.#ending === 'cut';
  }

  /** Nobody is told any more. The other end sees that the client has left. */
  close(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #finish(ending: 'ended' | 'cut' | 'taken'): void {
    if (this.#isOver) return;
    this.close();
    // Closing a client that waits for room would leave it stopped.
    this.#client.resume();
    if (ending === 'taken') this.#owner.onTaken();
    else if (ending === 'cut') this.#owner.onCut();
    else this.#owner.onEnded();
  }
}
