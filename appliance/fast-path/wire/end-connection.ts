import { SHUT_WR, SO_MAX_PACING_RATE, SOL_SOCKET } from '../../kernel/linux-abi.ts';
import type { AbandonReason } from '../../metrics.ts';
import type { OverReason, WireView } from '../messages.ts';
import { CLOSED, type Connection, FETCHING, FOR_END, LINGERING, NONE, READING, SENDING } from './connection.ts';
import { NOT_PACED } from './pacing.ts';
import type { WireContext } from './wire-context.ts';

/** How long a client may go on talking after the last answer. */
const LINGER_MS = 2000;
const END_OF_HEAD = '\r\n\r\n';

/** Closes the descriptor, once. What the kernel has of an answer is still sent. */
export function closeConnection(context: WireContext, connection: Connection): void {
  if (connection.state === CLOSED) return;
  letGo(context, connection);
  const { fd } = connection;
  forget(context, connection);
  context.libc.close(fd);
  context.board.leave(connection.countedAt);
}

/** The client sees a reset: what it has of an answer is not all, and must not look like it. */
function resetConnection(context: WireContext, connection: Connection): void {
  context.libc.setResetOnClose(connection.fd);
  closeConnection(context, connection);
}

/**
 * The last answer is out. A close with bytes unread would reset the connection, and take the end of the answer from the
 * client (RFC 9112 section 9.6): so we say that this was all, and read on until the client has closed, too.
 */
export function endConnection(context: WireContext, connection: Connection): void {
  context.libc.shutdown(connection.fd, SHUT_WR);
  connection.state = LINGERING;
  connection.forgetKept();
  connection.deadlineFor = FOR_END;
  context.wheel.set(connection.index, Math.min(context.nowMs + LINGER_MS, context.cutsAtMs));
  connection.isReadable = true;
  discardInput(context, connection);
}

/** What a client says after the end. */
export function discardInput(context: WireContext, connection: Connection): void {
  const { libc, input } = context;
  // A client that talks without end is left to its deadline: one turn takes so much of it.
  for (let reads = 0; reads < 4; reads += 1) {
    const count = libc.recv(connection.fd, input.address, input.byteLength, 0);
    if (count === 0 || (count < 0 && connection.hasHungUp)) return closeConnection(context, connection);
    if (count < input.byteLength) return;
  }
}

/** To the reference engine, with what was read. Everything that was answered before is with the kernel already. */
export function handOver(context: WireContext, connection: Connection, bytes: Buffer, because: OverReason): void {
  letGo(context, connection);
  const { fd, remoteAddress, remotePort, countedAt } = connection;
  context.libc.epollDelete(context.epollFd, fd);
  if (connection.paceBytesPerSec !== NOT_PACED) {
    context.libc.setOption(fd, SOL_SOCKET, SO_MAX_PACING_RATE, NOT_PACED);
  }
  forget(context, connection);
  context.post({
    kind: 'over',
    connection: { fd, remoteAddress, remotePort, countedAt },
    // A copy of its own, and no more of it: the rest of what lies around it is not to be sent along.
    bytes: new Uint8Array(bytes),
    isOneHead: bytes.length > 0 && bytes.indexOf(END_OF_HEAD) === bytes.length - END_OF_HEAD.length,
    because,
  });
}

/** The request in hand is given up, and the connection with it. */
export function abandon(context: WireContext, connection: Connection, reason: AbandonReason): void {
  if (connection.state === SENDING || connection.state === FETCHING) finishAnswer(context, connection, reason);
  else if (connection.isCounted) context.ledger.abandoned(reason);
  resetConnection(context, connection);
}

/** The answer in hand has ended, whole or not. */
export function finishAnswer(context: WireContext, connection: Connection, abandoned: AbandonReason | undefined): void {
  const { ledger, nowMs } = context;
  const { key, path, sentBytes, blocks, firstByteMs, tokenOutcome } = connection;
  const durationMs = nowMs - connection.beganAtMs;
  ledger.answered({ key, path, bytes: sentBytes, blocks, firstByteMs, tokenOutcome, abandoned });
  if (ledger.wantsView()) ledger.view(viewOf(connection, durationMs, abandoned));
  connection.object = undefined;
  connection.isUsed = true;
  letGo(context, connection);
  connection.state = READING;
}

/** The request in hand is over, one way or another: nothing is asked or kept for it any more. */
function letGo(context: WireContext, connection: Connection): void {
  unpinAll(context, connection);
  if (connection.ticket !== NONE) {
    context.tickets.delete(connection.ticket);
    context.post({ kind: 'want-no-more', ticket: connection.ticket });
  }
  if (connection.isCounted) context.load.requestEnded();
  connection.forgetRequest();
}

export function unpinAll(context: WireContext, connection: Connection): void {
  for (const slot of connection.pins) {
    context.reader.unpin(slot);
    context.pinnedSlots -= 1;
  }
  connection.pins.length = 0;
}

function viewOf(connection: Connection, durationMs: number, abandoned: AbandonReason | undefined): WireView {
  const { remoteAddress: address, target, sentBytes: bytes, report = {} } = connection;
  const ending = abandoned === undefined ? 'whole' : abandoned === 'source-failed' ? 'failed' : 'left';
  return { address, target, headers: report, bytes, durationMs, ending };
}

function forget(context: WireContext, connection: Connection): void {
  context.wheel.clear(connection.index);
  connection.state = CLOSED;
  connection.fd = NONE;
  connection.forgetKept();
  context.connections.release(connection);
  context.load.connections = context.connections.size;
  // There is a descriptor again, or a smaller share.
  if (context.listener === 'paused' && !context.load.hasMoreThanItsShare) context.resumesAtMs = 0;
}
