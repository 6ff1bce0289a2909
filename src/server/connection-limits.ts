import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

export interface ConnectionLimits {
  /** Open connections of one address that are kept open between requests. */
  readonly max: number;
  /** What counts as one address; undefined for whom no limit holds, such as a proxy in front. */
  readonly keyOf: (address: string) => string | undefined;
}

/** So many times the limit, and a further connection is closed at once. */
const HARD_FACTOR = 4;

const beyondLimit = new WeakSet<Socket>();

/** Whether a connection is to be closed after the answer that is being made: with `Connection: close`. */
export const isBeyondLimit = (socket: Socket): boolean => beyondLimit.has(socket);

/**
 * Keeps one address from having all connections. A refusal would be an error to some player, and behind one address
 * may be a whole street; so what is beyond the limit is answered like anything else and then closed. Who opens
 * connections without asking anything is cut by the time limits of heads, and from four times the limit on at once.
 */
export function limitConnections(server: Server, { max, keyOf }: ConnectionLimits): void {
  const open = new Map<string, number>();
  const count = (socket: Socket): void => {
    const key = keyOf(socket.remoteAddress ?? '');
    if (key === undefined) return;
    const now = (open.get(key) ?? 0) + 1;
    open.set(key, now);
    socket.once('close', () => {
      const left = (open.get(key) ?? 1) - 1;
      if (left === 0) open.delete(key);
      else open.set(key, left);
    });
    if (now > max) beyondLimit.add(socket);
    if (now > HARD_FACTOR * max) socket.destroy();
  };
  server.prependListener(server instanceof TlsServer ? 'secureConnection' : 'connection', count);
}
