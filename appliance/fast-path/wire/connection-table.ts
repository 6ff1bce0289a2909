import { CLOSED, Connection } from './connection.ts';

/**
 * The connections of a thread, by index. A connection is named by index *and* generation, in epoll's data and in every
 * question to the owner: the kernel gives a descriptor's number away again at once, and an event or an answer that was
 * meant for the one before would reach the wrong client.
 */
export class ConnectionTable {
  readonly #connections: Connection[] = [];
  readonly #free: Connection[] = [];

  /** A connection that is not in use; it begins with `begin`. */
  take(): Connection {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const connection = new Connection(this.#connections.length);
    this.#connections.push(connection);
    return connection;
  }

  /** It has ended, and is CLOSED. */
  release(connection: Connection): void {
    this.#free.push(connection);
  }

  /** undefined when it has ended since. */
  find(index: number, generation: number): Connection | undefined {
    const connection = this.#connections[index];
    return connection?.generation === generation && connection.state !== CLOSED ? connection : undefined;
  }

  /** As it is now, whoever it was; for what is cleared with it, such as its deadline. */
  at(index: number): Connection | undefined {
    return this.#connections[index];
  }

  /** Those that are open now; some may end meanwhile. */
  *open(): Generator<Connection, void, undefined> {
    for (const connection of this.#connections) if (connection.state !== CLOSED) yield connection;
  }

  /** How many are open. */
  get size(): number {
    return this.#connections.length - this.#free.length;
  }

  /** Indexes that were ever given. */
  get capacity(): number {
    return this.#connections.length;
  }
}
