/**
 * The loop of a wire thread: a synchronous program around epoll_wait(2). Nothing here, or called from here, may wait for
 * a promise or a timer of Node: the thread's own event loop never turns.
 *
 * Connections are watched by edges: each is put into the set once and taken out when it ends or is given away, so a
 * request costs no epoll_ctl. The price is that what was told must be remembered (drive-connection.ts), and that a
 * connection with more to do than its turn has room for stands in a list of its own, since nobody tells of it again. The
 * listening socket and the owner's eventfd are watched by level: a thread takes a few connections per turn, and leaves the
 * rest to the others.
 *
 * A turn: events, among them mail, then some of those that have more to do, then deadlines, and once a second what is to
 * be told. New requests are answered at once; bodies that have begun, and those that waited for a disk, stand in line, and
 * only a few of them go on in a turn, with a mebibyte each at most, before it is looked for new requests again. So a
 * segment of 64 KiB out of memory waits for a few mebibytes of others and not for one of each of a hundred fast clients.
 *
 * An event names its connection by index and generation. One that ended earlier in the same turn, and whose descriptor
 * may belong to another one by now, is not found any more, and its event is dropped.
 */
import type { MessagePort } from 'node:worker_threads';
import { receiveMessageOnPort } from 'node:worker_threads';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from '../../kernel/linux-abi.ts';
import type { ToWire } from '../messages.ts';
import {
  CLOSED,
  type Connection,
  FETCHING,
  FOR_CLIENT,
  FOR_HEAD,
  FOR_REQUEST,
  LINGERING,
  READING,
  SENDING,
  WAITING,
} from './connection.ts';
import { drive, driveLater } from './drive-connection.ts';
import { abandon, closeConnection, endConnection } from './end-connection.ts';
import { acceptConnections, LISTENER, resumeListener } from './listener.ts';
import { cutAll, giveUp, readMail } from './owner-mail.ts';
import { lookAtSlowClient } from './send-body.ts';
import type { WireContext } from './wire-context.ts';

const TELL_EVERY_MS = 1000;
/** Each costs some 0.1 ms, and looking for new requests some microseconds. */
const GO_ON_PER_TURN = 4;
const GONE = EPOLLHUP | EPOLLERR;
const HUNG_UP = EPOLLRDHUP | GONE;
/** As DeliveryServer says it. */
const TOO_LATE = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** Serves until it is told to stop and all connections are gone. */
export function runEventLoop(context: WireContext, mail: MessagePort): void {
  let tellsAtMs = context.nowMs + TELL_EVERY_MS;
  const onDue = (index: number): void => due(context, index);
  while (context.cutsAtMs === Infinity || context.connections.size > 0) {
    const { events, libc } = context;
    const count = libc.epollWait(context.epollFd, events, restMs(context, tellsAtMs));
    context.nowMs = performance.now();
    context.moment.nowMs = Date.now();
    context.moment.isFull = context.load.isFull;
    for (let at = 0; at < count; at += 1) {
      const index = events.index(at);
      if (index >= 0) wake(context, index, events.generation(at), events.bits(at));
      else if (index === LISTENER) acceptConnections(context);
      else readAllMail(context, mail);
    }
    goOn(context);
    context.wheel.turn(context.nowMs, onDue);
    if (context.listener === 'paused' && context.nowMs >= context.resumesAtMs) resumeListener(context);
    if (context.nowMs >= context.cutsAtMs) cutAll(context);
    if (context.nowMs >= tellsAtMs || context.ledger.isFull) {
      tell(context);
      tellsAtMs = context.nowMs + TELL_EVERY_MS;
    }
  }
  tell(context);
}

function wake(context: WireContext, index: number, generation: number, bits: number): void {
  const connection = context.connections.find(index, generation);
  if (connection === undefined) return;
  if ((bits & (EPOLLIN | HUNG_UP)) !== 0) connection.isReadable = true;
  if ((bits & EPOLLOUT) !== 0) connection.isWritable = true;
  if ((bits & HUNG_UP) !== 0) connection.hasHungUp = true;
  if ((bits & GONE) !== 0) connection.isGone = true;
  if (connection.state === SENDING) driveLater(context, connection);
  else if (!connection.isReady) drive(context, connection);
}

function readAllMail(context: WireContext, mail: MessagePort): void {
  context.libc.clearWake(context.wakeFd);
  for (let next = receiveMessageOnPort(mail); next !== undefined; next = receiveMessageOnPort(mail)) {
    readMail(context, next.message as ToWire);
  }
}

/** The first of those that are ready; who has still more to do goes to the end of the line. */
function goOn(context: WireContext): void {
  const { ready } = context;
  if (ready.length === 0) return;
  for (const connection of ready.splice(0, GO_ON_PER_TURN)) {
    connection.isReady = false;
    if (connection.state !== CLOSED) drive(context, connection);
  }
}

/**
 * A deadline is not taken away when what it was for has come: that would be work for every request. So it counts only in
 * the state that it was set for. The one of a head may pass in the middle of the body, which then waits for nobody.
 */
function due(context: WireContext, index: number): void {
  const connection = context.connections.at(index);
  if (connection === undefined) return;
  const { deadlineFor, state } = connection;
  if (deadlineFor === FOR_CLIENT) clientIsLate(context, connection);
  else if (state === FETCHING) abandon(context, connection, 'source-failed');
  else if (state === WAITING) giveUp(context, connection);
  else if (state === LINGERING) closeConnection(context, connection);
  else if (state === READING && deadlineFor === FOR_HEAD) headIsLate(context, connection);
  else if (state === READING && deadlineFor === FOR_REQUEST) closeConnection(context, connection);
}

function headIsLate(context: WireContext, connection: Connection): void {
  context.ledger.refused('head-timeout');
  const { libc, output } = context;
  const end = Buffer.from(TOO_LATE).copy(output.bytes);
  libc.send(connection.fd, output.address, end, 0);
  endConnection(context, connection);
}

function clientIsLate(context: WireContext, connection: Connection): void {
  if (connection.state === SENDING) return lookAtSlowClient(context, connection);
  // It reads nothing of the answers that it has, and asked for more.
  if (connection.state === READING) abandon(context, connection, 'client-slow');
}

function tell(context: WireContext): void {
  if (!context.ledger.isEmpty) context.post({ kind: 'outcomes', batch: context.ledger.take() });
}

function restMs(context: WireContext, tellsAtMs: number): number {
  if (context.ready.length > 0) return 0;
  const now = performance.now();
  let rest = context.wheel.restMs(now);
  if (!context.ledger.isEmpty) rest = sooner(rest, tellsAtMs - now);
  if (context.listener === 'paused') rest = sooner(rest, context.resumesAtMs - now);
  if (context.cutsAtMs !== Infinity) rest = sooner(rest, context.cutsAtMs - now);
  return rest;
}

/** @param rest -1 for ever */
function sooner(rest: number, otherMs: number): number {
  const other = Math.max(0, Math.ceil(otherMs));
  return rest === -1 ? other : Math.min(rest, other);
}
