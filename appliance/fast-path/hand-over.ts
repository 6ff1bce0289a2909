/**
 * Connections of the wire threads that the reference engine serves for a while.
 *
 * A wire thread gives away what it does not answer: a descriptor, no longer watched, and the bytes that it has read of
 * the request. Here it becomes a socket of Node like any other, the bytes are put in front of what is still to come, and
 * `node:http` parses the request from its first byte. The client notices nothing. When the answer is out and the
 * connection is idle it goes back (hand-back.ts), so that one miss does not demote a viewer for his whole session.
 *
 * The descriptor belongs to exactly one side at a time. From `take` on it is this side's: it ends with the socket, or
 * goes back as a duplicate. The count of the connection by its address was made where it was accepted and moves with it;
 * whoever ends the connection says so (`gone`), so nothing is counted twice.
 */
import type { Server } from 'node:http';
import { Socket } from 'node:net';
import type { Libc } from '../kernel/libc.ts';
import { isFreeToGo } from './hand-back.ts';
import type { MovedConnection } from './messages.ts';
import { TunnelEnd } from './tls/tunnel-end.ts';

/** Who is told of connections that leave the reference engine. */
export interface Mover {
  readonly libc: Pick<Libc, 'close' | 'duplicate'>;
  /** Takes the connection from now on, the descriptor with it: idle, nothing read, nothing left to send. */
  readonly giveBack: (connection: MovedConnection) => void;
  /** The connection has ended here, and its descriptor is closed. */
  readonly gone: (connection: MovedConnection) => void;
  /** Of a tunnel (tls/tunnel.ts): what its thread is about to meet is no proper end. Called before the descriptor closes. */
  readonly cut?: (connection: MovedConnection) => void;
}

interface Guest {
  readonly connection: MovedConnection;
  readonly isOneHead: boolean;
}

export class HandOver {
  readonly #server: Server;
  readonly #mover: Mover;
  readonly #guests = new Map<Socket, Guest>();
  #onEmpty: (() => void) | undefined;
  #keepsAll = false;

  /** @param server listens somewhere, or it does not look at the time limits of its connections */
  constructor(server: Server, mover: Mover) {
    this.#server = server;
    this.#mover = mover;
  }

  /** Connections that are here now. */
  get size(): number {
    return this.#guests.size;
  }

  /** Whether a connection came from a wire thread. */
  has(socket: Socket): boolean {
    return this.#guests.has(socket);
  }

  /**
   * Serves the connection from now on.
   * @param bytes what was read of it already
   * @param isOneHead whether that is one complete request head and nothing else: only then it may go back
   */
  take(connection: MovedConnection, bytes: Uint8Array, isOneHead: boolean): void {
    const { fd, remoteAddress, remotePort } = connection;
    let socket: Socket;
    try {
      socket = this.#socketOf(connection);
    } catch {
      // No socket of TCP, or no longer one: nothing that could be served.
      this.#mover.libc.close(fd);
      this.#mover.gone(connection);
      return;
    }
    // As it was when it was accepted. The kernel forgets it with a reset, and limits and logs still need it.
    Object.defineProperties(socket, { remoteAddress: { value: remoteAddress }, remotePort: { value: remotePort } });
    this.#guests.set(socket, { connection, isOneHead });
    socket.once('close', () => this.#closed(socket));
    socket.setNoDelay(true);
    this.#server.emit('connection', socket);
    socket.unshift(bytes);
  }

  /** Called when no answer is in hand on a connection any more. @param hasWholeRequest whether the last request was read to its end */
  answered(socket: Socket, hasWholeRequest: boolean): void {
    const guest = this.#guests.get(socket);
    if (guest === undefined || this.#keepsAll) return;
    if (!guest.isOneHead || !hasWholeRequest || !isFreeToGo(socket)) return;
    const { libc, giveBack } = this.#mover;
    const fd = libc.duplicate(guest.connection.fd);
    // No descriptors left: it is served here, as well.
    if (fd < 0) return;
    this.#leave(socket);
    // Closes the first descriptor at once, and says nothing to the client: the connection lives by the duplicate.
    socket.destroy();
    giveBack({ ...guest.connection, fd });
  }

  /** From now on none goes back: who gave them ends. */
  keepAll(): void {
    this.#keepsAll = true;
  }

  /** Resolves when all of them have ended. */
  async ended(): Promise<void> {
    if (this.#guests.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  #socketOf(connection: MovedConnection): Socket {
    const { fd, tunnel } = connection;
    if (tunnel === undefined) return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
    const end: TunnelEnd = new TunnelEnd(fd, () => {
      // Not where it goes back: the duplicate lives on.
      if (this.#guests.has(end)) this.#mover.cut?.(connection);
    });
    return end;
  }

  #closed(socket: Socket): void {
    const guest = this.#leave(socket);
    if (guest !== undefined) this.#mover.gone(guest.connection);
  }

  #leave(socket: Socket): Guest | undefined {
    const guest = this.#guests.get(socket);
    this.#guests.delete(socket);
    if (this.#guests.size === 0) this.#onEmpty?.();
    return guest;
  }
}
