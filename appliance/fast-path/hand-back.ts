/**
 * When a connection may leave the reference engine.
 *
 * A byte that `node:http` has read and not yet understood would be lost to the wire thread, and there is no asking its
 * parser. So the rule is strict: a connection goes back after its first answer here, and only if the one request head
 * that came with it is all that was ever read of it. A client that pipelines, sends a body, or has closed its side stays
 * where it is and is served no worse. What is still in the kernel, on its way in or out, goes along by itself.
 */
import type { Socket } from 'node:net';

/** Whether a socket is whole, open on both sides, and has nothing that was read from it or is still to be written. */
export function isFreeToGo(socket: Socket): boolean {
  const isOpen = !socket.destroyed && socket.readable && socket.writable && !socket.readableEnded;
  return isOpen && socket.errored === null && socket.bytesRead === 0 && socket.writableLength === 0;
}
