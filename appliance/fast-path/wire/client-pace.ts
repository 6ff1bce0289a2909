import { type Connection, NONE } from './connection.ts';

/**
 * Whether a client takes what it is given: the same rule as ClientPace of delivery/send-answer.ts. Only the time counts
 * that we wait for the client, since what sources need is not its fault; over each `stallMs` of such time it must take
 * `minBytesPerSec`. A client that takes a little just before each deadline would otherwise hold a connection for hours.
 */

/** The kernel takes no more: from now on we wait for the client. */
export function waitsForClient(connection: Connection, nowMs: number): void {
  if (connection.waitingSinceMs === NONE) connection.waitingSinceMs = nowMs;
}

/** Bytes were taken; they count where we had to wait for it. */
export function tookBytes(connection: Connection, bytes: number, nowMs: number): void {
  if (connection.waitingSinceMs !== NONE) {
    connection.waitedMs += nowMs - connection.waitingSinceMs;
    connection.waitingSinceMs = NONE;
  }
  if (connection.waitedMs > 0) connection.takenBytes += bytes;
}

/** Whether it was too slow over the last `stallMs` of waiting; begins the next ones. */
export function isTooSlow(connection: Connection, stallMs: number, minBytesPerSec: number): boolean {
  if (connection.waitedMs < stallMs) return false;
  const bytesPerSec = (connection.takenBytes * 1000) / connection.waitedMs;
  connection.waitedMs = 0;
  connection.takenBytes = 0;
  return bytesPerSec < minBytesPerSec;
}
