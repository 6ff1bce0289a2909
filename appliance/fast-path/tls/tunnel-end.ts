import { Socket } from 'node:net';

/**
 * The owner's end of a tunnel: a connection whose TLS is terminated by a thread of tls-thread.ts, as the reference
 * engine sees it. The descriptor is one of a socket pair, and has come by a message of that thread with the client's
 * address: nobody outside the process can make one, so that address is as sure as if the socket had been asked.
 *
 * A pair knows an end and nothing else, while an answer that was broken off must not end like a proper one (RFC 9112
 * section 9.8). `onCut` is called before the descriptor closes when not everything was said.
 */
export class TunnelEnd extends Socket {
  readonly #onCut: () => void;

  constructor(fd: number, onCut: () => void) {
    super({ fd, readable: true, writable: true, allowHalfOpen: true });
    this.#onCut = onCut;
  }

  /** A pair cannot be reset. The cut arrives by word. */
  override resetAndDestroy(): this {
    return this.destroy();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.writableFinished) this.#onCut();
    super._destroy(error, callback);
  }
}
