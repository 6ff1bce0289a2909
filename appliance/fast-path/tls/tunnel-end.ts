import { Socket } from 'node:net';

/** Who is at the far end of a tunnel. */
export interface TunnelClient {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/**
 * The owner's end of a tunnel: a connection whose TLS is terminated by a thread of tls-thread.ts, as the reference
 * engine sees it. The descriptor is one of a socket pair, and has come by a message of that thread: nobody outside the
 * process can make one, so what it says of the client is as sure as if the socket itself had been asked.
 *
 * A pair knows an end and nothing else, while an answer that was broken off must not end like a proper one (RFC 9112
 * section 9.8). `onCut` is called before the descriptor closes when not everything was said.
 */
export class TunnelEnd extends Socket {
  readonly #onCut: () => void;

  constructor(fd: number, { remoteAddress, remotePort }: TunnelClient, onCut: () => void) {
    super({ fd, readable: true, writable: true, allowHalfOpen: true });
    this.#onCut = onCut;
    Object.defineProperties(this, { remoteAddress: { value: remoteAddress }, remotePort: { value: remotePort } });
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
