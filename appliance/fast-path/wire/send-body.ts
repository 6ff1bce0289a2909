/**
 * The body of an answer, out of verified memory: for each block its slot is pinned, `sendfile` hands its pages to the
 * kernel, and when all of it is handed over the slot is let go. The kernel keeps the pages until they are acknowledged,
 * and whoever takes the slot next gets other ones (kernel-memory of the owner: punched, never rewritten), so there is
 * nothing to wait for (I3).
 *
 * The block after the one that is being sent is pinned early. Where it is missing the owner is asked at once, and has the
 * time that this block takes. If it is still not there then, the connection waits and others go on; if it does not come
 * at all, the connection is reset. A body never ends early in a way that looks complete, and `sendfile` that finds the
 * end of the file inside a block is a fault of ours, for which the same holds.
 */
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { ERRNO } from '../../kernel/linux-abi.ts';
import { isTooSlow, tookBytes, waitsForClient } from './client-pace.ts';
import { type Connection, FETCHING, FOR_CLIENT, FOR_OWNER, NONE, SENDING } from './connection.ts';
import { abandon, finishAnswer } from './end-connection.ts';
import type { WireContext } from './wire-context.ts';

/** How often a block that was said to be there may turn out not to be. */
const MAX_FETCHES = 3;

/** Sends what may be sent now, `budget` bytes at most. @returns how many were; look at the state for what comes next */
export function sendBody(context: WireContext, connection: Connection, budget: number): number {
  if (connection.headRest !== undefined && !sendHeadRest(context, connection)) return 0;
  let sent = 0;
  while (connection.at < connection.end) {
    if (sent >= budget) return sent;
    const slot = slotOfNext(context, connection);
    if (slot === NONE) return sent;
    const within = connection.at % BLOCK_BYTES;
    const wanted = Math.min(BLOCK_BYTES - within, connection.end - connection.at, budget - sent);
    const count = context.libc.sendfile(connection.fd, context.memoryFd, slot * BLOCK_BYTES + within, wanted);
    if (count <= 0) {
      if (count === -ERRNO.EAGAIN) waitForClient(context, connection);
      else abandon(context, connection, count === 0 || count === -ERRNO.EIO ? 'source-failed' : 'client-left');
      return sent;
    }
    sent += count;
    connection.at += count;
    connection.sentBytes += count;
    context.load.sent(count);
    if (connection.waitedMs > 0 || connection.waitingSinceMs !== NONE) {
      tookBytes(connection, count, context.nowMs);
      if (isTooSlow(connection, context.limits.sendStallMs, context.limits.minClientBytesPerSec)) {
        abandon(context, connection, 'client-slow');
        return sent;
      }
    }
    if (within + count === BLOCK_BYTES || connection.at === connection.end) blockDone(context, connection);
  }
  finishAnswer(context, connection, undefined);
  return sent;
}

/** The client has taken nothing for as long as it may. It may have taken a little, too little for epoll to tell. */
export function lookAtSlowClient(context: WireContext, connection: Connection): void {
  const { at, headRest } = connection;
  connection.isWritable = true;
  sendBody(context, connection, BLOCK_BYTES);
  if (connection.state !== SENDING || connection.isWritable) return;
  if (connection.at === at && connection.headRest?.length === headRest?.length) {
    abandon(context, connection, 'client-slow');
  }
}

/** The owner has answered a question about a body that has begun. */
export function fetched(context: WireContext, connection: Connection, isHere: boolean): void {
  connection.isAsking = false;
  if (!isHere) {
    // What was asked for early may not be needed yet, but it will be.
    abandon(context, connection, 'source-failed');
    return;
  }
  if (connection.state !== FETCHING) {
    pinNext(context, connection);
    return;
  }
  connection.state = SENDING;
}

/** The slot with the next byte; NONE when the owner has to bring it, or it is over. */
function slotOfNext(context: WireContext, connection: Connection): number {
  const { pins } = connection;
  if (pins.length === 0) {
    connection.firstPinned = Math.floor(connection.at / BLOCK_BYTES);
    pinNext(context, connection);
  }
  if (pins.length === 0) {
    if (connection.fetches > MAX_FETCHES) abandon(context, connection, 'source-failed');
    else {
      connection.state = FETCHING;
      connection.deadlineFor = FOR_OWNER;
      context.wheel.set(connection.index, context.nowMs + context.limits.readerTimeoutMs);
    }
    return NONE;
  }
  // One block ahead, where bodies are not pinned as a whole.
  if (pins.length === 1 && connection.hasGrip && !connection.isAsking) pinNext(context, connection);
  return pins[0] ?? NONE;
}

/** Pins the block behind the last that is pinned, or asks for it. */
function pinNext(context: WireContext, connection: Connection): void {
  const { object, pins } = connection;
  const block = connection.firstPinned + pins.length;
  const lastBlock = Math.floor((connection.end - 1) / BLOCK_BYTES);
  if (object === undefined || block > lastBlock || connection.isAsking) return;
  const slot = context.reader.pin(object, block);
  if (slot !== NONE) {
    pins.push(slot);
    context.pinnedSlots += 1;
    connection.fetches = 0;
    return;
  }
  connection.fetches += 1;
  if (connection.fetches > MAX_FETCHES) return;
  connection.isAsking = true;
  const { key } = object.description;
  context.post({ kind: 'want', ticket: connection.ticket, key, firstBlock: block, lastBlock, isBegun: true });
}

function blockDone(context: WireContext, connection: Connection): void {
  const slot = connection.pins.shift();
  connection.firstPinned += 1;
  if (slot === undefined) return;
  context.reader.unpin(slot);
  context.pinnedSlots -= 1;
  if (connection.at < connection.end) connection.blocks += 1;
}

/** @returns whether all of it is out */
function sendHeadRest(context: WireContext, connection: Connection): boolean {
  const { headRest } = connection;
  if (headRest === undefined) return true;
  const { libc, output } = context;
  output.bytes.set(headRest);
  const count = libc.send(connection.fd, output.address, headRest.length, 0);
  if (count === headRest.length) {
    connection.headRest = undefined;
    tookBytes(connection, count, context.nowMs);
    return true;
  }
  if (count < 0 && count !== -ERRNO.EAGAIN) {
    abandon(context, connection, 'client-left');
    return false;
  }
  if (count > 0) {
    connection.headRest = headRest.subarray(count);
    tookBytes(connection, count, context.nowMs);
  }
  waitForClient(context, connection);
  return false;
}

function waitForClient(context: WireContext, connection: Connection): void {
  connection.isWritable = false;
  waitsForClient(connection, context.nowMs);
  connection.deadlineFor = FOR_CLIENT;
  context.wheel.set(connection.index, context.nowMs + context.limits.sendStallMs);
}
