import type { ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';

/**
 * Ends an answer in the middle so that it cannot pass for a whole one: by a reset, or over TLS without the farewell
 * that belongs to a proper end (RFC 9112 section 9.8). Where a length or chunks tell the end, closing alone would do.
 */
export function cutAnswer(response: ServerResponse): void {
  const { socket } = response;
  // Node resets bare connections only, and throws at others.
  if (socket === null || socket instanceof TLSSocket) response.destroy();
  else socket.resetAndDestroy();
}

/**
 * Ends an answer that cannot be completed. A client of HTTP/1.0 knows a body without a length to end with its
 * connection, so it needs the reset; all others are given what is on its way to them still.
 */
export function breakOff(response: ServerResponse): void {
  if (response.req.httpVersionMinor === 0) cutAnswer(response);
  else response.destroy();
}
