/**
 * New connections. All threads wait at the same socket; EPOLLEXCLUSIVE wakes one of them for each that comes, and not all.
 *
 * Where the process has no descriptors left (or the kernel no memory) a connection stays in the queue, and epoll, which
 * tells of it because it is still there, would have the thread ask again for ever. So the socket is taken out of the set
 * until a connection of this thread ends, or a second has passed: EPOLLEXCLUSIVE cannot be modified, only removed and
 * added (epoll_ctl(2)).
 *
 * The kernel wakes the first thread that waits, which is always the same one: connections that come one by one would all
 * be its own (63 of 64, measured with two threads), and stay so for the length of a film. So a thread that has more than
 * its share, once it has taken all that wait, leaves the set and lets others be woken. It comes back when a connection
 * ends or a second has passed, whatever its share, so nobody waits for a thread that does not listen.
 */
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLOUT, EPOLLRDHUP, ERRNO } from '../../kernel/linux-abi.ts';
import type { MovedConnection } from '../messages.ts';
import { type Connection, FOR_HEAD, FOR_REQUEST } from './connection.ts';
import { closeConnection } from './end-connection.ts';
import type { WireContext } from './wire-context.ts';

/** What epoll's events are known by, where they are no connection's. */
export const LISTENER = -1;
export const WAKE = -2;

const ACCEPTS_PER_TURN = 8;
const PAUSE_MS = 1000;
/** As often it is said that no connection can be taken. */
const TELL_EXHAUSTION_MS = 60_000;
const CONNECTION_EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
const EXHAUSTED: ReadonlySet<number> = new Set([ERRNO.EMFILE, ERRNO.ENFILE, ERRNO.ENOBUFS, ERRNO.ENOMEM]);

/** @returns whether it can be watched */
export function openListener(context: WireContext): boolean {
  const { libc, epollFd, listenFd } = context;
  const failed = libc.epollAdd(epollFd, listenFd, EPOLLIN | EPOLLEXCLUSIVE, LISTENER, 0);
  context.listener = failed < 0 ? 'paused' : 'open';
  return failed === 0;
}

/** Takes those that wait. */
export function acceptConnections(context: WireContext): void {
  const { libc, listenFd } = context;
  for (let accepted = 0; accepted < ACCEPTS_PER_TURN; accepted += 1) {
    const fd = libc.accept(listenFd);
    if (fd >= 0) {
      admit(context, fd);
      continue;
    }
    if (fd === -ERRNO.EAGAIN) {
      if (context.load.hasMoreThanItsShare) pause(context);
      return;
    }
    // Of a connection that ended before it was taken there is nothing to do; the next one may be sound.
    if (EXHAUSTED.has(-fd)) return noDescriptors(context);
  }
}

/** One that comes back from the reference engine, idle and counted already. */
export function admitMoved(context: WireContext, moved: MovedConnection): void {
  const connection = open(context, moved.fd, moved.remoteAddress, moved.remotePort, moved.countedAt);
  if (connection === undefined) return;
  connection.isUsed = true;
  connection.deadlineFor = FOR_REQUEST;
  context.wheel.set(connection.index, context.nowMs + context.limits.idleTimeoutMs);
}

/** After a pause, when there may be descriptors again. */
export function resumeListener(context: WireContext): void {
  if (context.listener === 'paused' && !openListener(context)) context.resumesAtMs = context.nowMs + PAUSE_MS;
}

/** The successor takes the connections that wait from now on. */
export function stopListening(context: WireContext): void {
  closeListener(context);
  context.post({ kind: 'not-listening' });
}

export function closeListener(context: WireContext): void {
  if (context.listener === 'open') context.libc.epollDelete(context.epollFd, context.listenFd);
  context.listener = 'closed';
}

function pause(context: WireContext): void {
  context.libc.epollDelete(context.epollFd, context.listenFd);
  context.listener = 'paused';
  context.resumesAtMs = context.nowMs + PAUSE_MS;
}

function noDescriptors(context: WireContext): void {
  pause(context);
  if (context.nowMs < context.tellsExhaustionAtMs) return;
  context.tellsExhaustionAtMs = context.nowMs + TELL_EXHAUSTION_MS;
  context.post({ kind: 'exhausted' });
}

function admit(context: WireContext, fd: number): void {
  const { board, ledger, libc } = context;
  const { address, port } = libc.acceptedAddress();
  const countedAt = board.counterOf(address);
  const refusal = board.enter(countedAt);
  if (refusal !== undefined) {
    ledger.refused(refusal);
    libc.close(fd);
    return;
  }
  const connection = open(context, fd, address, port, countedAt);
  if (connection === undefined) return;
  connection.deadlineFor = FOR_HEAD;
  context.wheel.set(connection.index, context.nowMs + context.limits.headTimeoutMs);
}

/** @returns undefined when the kernel has no room to watch it: it is closed then */
function open(
  context: WireContext,
  fd: number,
  address: string,
  port: number,
  countedAt: number,
): Connection | undefined {
  const connection = context.connections.take();
  context.wheel.reserve(context.connections.capacity);
  connection.begin(fd, address, port, countedAt);
  context.load.connections = context.connections.size;
  const failed = context.libc.epollAdd(context.epollFd, fd, CONNECTION_EVENTS, connection.index, connection.generation);
  if (failed === 0) return connection;
  closeConnection(context, connection);
  return undefined;
}
