/**
 * The life of a connection on a wire thread. Read this after event-loop.ts.
 *
 *   READING    bytes -> a whole head -> an answer begins           answer-request
 *   WAITING    the owner looks for the object or loads blocks      owner-mail
 *   SENDING    head and body, as fast as the client takes them     send-body
 *   FETCHING   a block in the middle is not in memory              owner-mail
 *   LINGERING  everything is said                                  end-connection
 *
 * Requests that came together are answered one after the other: while one is in hand no byte is read, so a client that
 * pipelines waits in its own socket, and what was read along with a head (16 KiB at most) is kept until it is its turn.
 *
 * epoll tells edges, so what it told is remembered until a call contradicts it (`isReadable`, `isWritable`). A read that
 * fills less than it might have took all there was, and saves the call that would say EAGAIN.
 *
 * A client that has closed its side (a FIN) may still want its answers, and gets them; the connection ends with the last
 * one. One that has left altogether looks alike until something is sent to it: its kernel answers that with a reset, and
 * only then is the request given up. While the owner looks nothing is sent: that is short, and has its own deadline.
 */
import { ERRNO } from '../../kernel/linux-abi.ts';
import { type HeadReading, MAX_HEAD_BYTES, readHead } from '../request-head.ts';
import { answerRequest } from './answer-request.ts';
import {
  type Connection,
  FETCHING,
  FOR_HEAD,
  FOR_REQUEST,
  LINGERING,
  READING,
  SENDING,
  WAITING,
} from './connection.ts';
import { abandon, closeConnection, discardInput, endConnection, handOver } from './end-connection.ts';
import { sendBody } from './send-body.ts';
import type { WireContext } from './wire-context.ts';

/** What one connection may have in one turn; with more to do it stands behind the others. */
const TURN_BYTES = 1024 * 1024;
/** A request counts as so many, so that many small ones are a turn, too. */
const REQUEST_BYTES = 8192;
const FIRST_KEPT_BYTES = 1024;

/** Does what can be done now. */
export function drive(context: WireContext, connection: Connection): void {
  let budget = TURN_BYTES;
  while (budget > 0) {
    switch (connection.state) {
      case SENDING:
        if (!connection.isWritable) return leaveIfGone(context, connection);
        budget -= sendBody(context, connection, budget);
        if (connection.state === SENDING && budget > 0) return leaveIfGone(context, connection);
        break;
      case READING:
        if (connection.isUsed && endsNow(context, connection)) return endConnection(context, connection);
        if (!readOn(context, connection)) return;
        budget -= REQUEST_BYTES;
        break;
      case LINGERING:
        return discardInput(context, connection);
      case WAITING:
      case FETCHING:
        return leaveIfGone(context, connection);
      default:
        return;
    }
  }
  driveLater(context, connection);
}

/** When it is its turn among those that have more to do. */
export function driveLater(context: WireContext, connection: Connection): void {
  if (connection.isReady) return;
  connection.isReady = true;
  context.ready.push(connection);
}

/** Whether its last answer is out. */
function endsNow(context: WireContext, connection: Connection): boolean {
  return connection.isLast || (context.cutsAtMs !== Infinity && connection.kept === undefined);
}

function leaveIfGone(context: WireContext, connection: Connection): void {
  if (connection.isGone) abandon(context, connection, 'client-left');
}

/** @returns whether something was done, and there may be more */
function readOn(context: WireContext, connection: Connection): boolean {
  // Behind an answer that has no room.
  if (!connection.isWritable) {
    leaveIfGone(context, connection);
    return false;
  }
  const { kept } = connection;
  if (kept !== undefined && connection.triedBytes < connection.keptEnd - connection.keptStart) {
    return tryHead(context, connection, kept, connection.keptStart, connection.keptEnd);
  }
  if (!connection.isReadable) {
    if (kept === undefined) waitForRequest(context, connection);
    return false;
  }
  const { libc, input, inputBytes } = context;
  const room = Math.min(input.byteLength, MAX_HEAD_BYTES - (connection.keptEnd - connection.keptStart));
  const count = libc.recv(connection.fd, input.address, room, 0);
  if (count <= 0) return noBytes(context, connection, count);
  // All there was: the next bytes are told of. Not so the end, which was told of already.
  if (count < room && !connection.hasHungUp) connection.isReadable = false;
  if (kept === undefined) return tryHead(context, connection, inputBytes, 0, count);
  keepMore(connection, inputBytes, 0, count);
  return tryHead(context, connection, connection.kept ?? kept, connection.keptStart, connection.keptEnd);
}

function noBytes(context: WireContext, connection: Connection, count: number): boolean {
  if (count === -ERRNO.EAGAIN) {
    connection.isReadable = false;
    if (connection.kept === undefined) waitForRequest(context, connection);
    return false;
  }
  const { kept } = connection;
  // Half a head and no more: the reference engine says what it thinks of that.
  if (count === 0 && kept !== undefined) {
    handOver(context, connection, kept.subarray(connection.keptStart, connection.keptEnd), 'head');
  } else closeConnection(context, connection);
  return false;
}

/** @param bytes where they are: kept, or just read */
function tryHead(context: WireContext, connection: Connection, bytes: Buffer, start: number, end: number): boolean {
  const reading: HeadReading = readHead(bytes, start, end, connection.triedBytes, context.head);
  if (reading === 'incomplete') {
    if (connection.triedBytes === 0) waitForHead(context, connection);
    if (connection.kept === undefined) keepMore(connection, bytes, start, end);
    connection.triedBytes = end - start;
    return true;
  }
  const outcome = reading === 'whole' ? answerRequest(context, connection) : reading;
  switch (outcome) {
    case 'begun':
      passOver(connection, bytes, start + context.head.lengthBytes, end);
      return true;
    case 'held':
      if (connection.kept === undefined) keepMore(connection, bytes, start, end);
      connection.triedBytes = 0;
      return true;
    case 'gone':
      return false;
    default:
      handOver(context, connection, bytes.subarray(start, end), outcome);
      return false;
  }
}

/** What was read behind a head that is done with. */
function passOver(connection: Connection, bytes: Buffer, start: number, end: number): void {
  connection.triedBytes = 0;
  if (start === end) connection.forgetKept();
  else if (connection.kept === bytes) connection.keptStart = start;
  else keepMore(connection, bytes, start, end);
}

/** Keeps bytes behind those that are kept; room grows by doubling, so a head that comes in crumbs is copied twice at most. */
function keepMore(connection: Connection, bytes: Buffer, start: number, end: number): void {
  const before = connection.keptEnd - connection.keptStart;
  const needed = before + end - start;
  let { kept } = connection;
  if (kept === undefined || connection.keptEnd + end - start > kept.length) {
    let room = FIRST_KEPT_BYTES;
    while (room < needed) room *= 2;
    const larger = Buffer.allocUnsafeSlow(room);
    kept?.copy(larger, 0, connection.keptStart, connection.keptEnd);
    kept = larger;
    connection.kept = larger;
    connection.keptStart = 0;
    connection.keptEnd = before;
  }
  bytes.copy(kept, connection.keptEnd, start, end);
  connection.keptEnd += end - start;
}

/** A connection that had no request yet is given the time of a head, as the reference engine does. */
function waitForRequest(context: WireContext, connection: Connection): void {
  if (!connection.isUsed) return;
  connection.deadlineFor = FOR_REQUEST;
  context.wheel.set(connection.index, context.nowMs + context.limits.idleTimeoutMs);
}

/** From its first byte, or from the beginning of the connection: however it trickles. */
function waitForHead(context: WireContext, connection: Connection): void {
  if (!connection.isUsed && connection.deadlineFor === FOR_HEAD) return;
  connection.deadlineFor = FOR_HEAD;
  context.wheel.set(connection.index, context.nowMs + context.limits.headTimeoutMs);
}
