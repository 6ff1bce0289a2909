/**
 * A wire thread: the worker that owner/wire-thread-link.ts starts. It sits in epoll_wait from its first line to its last,
 * so nothing in it may wait for a promise or a timer; see wire/event-loop.ts.
 *
 * A fault that is nobody's doing ends the thread, and with it the engine (owner/engine-memory.ts). Its descriptors are
 * closed then: they belong to the process and not to the thread, and clients would wait for ever.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadLibc } from '../kernel/libc.ts';
import { EPOLLIN, IPPROTO_TCP, TCP_NODELAY } from '../kernel/linux-abi.ts';
import { askShortTurns } from '../kernel/short-turns.ts';
import { createReader } from '../memory/reader.ts';
import { WireAnswers } from './answer-on-wire.ts';
import { ConnectionBoard } from './connection-board.ts';
import { LoadBoard } from './load-board.ts';
import type { ToOwner, WireThreadData } from './messages.ts';
import { emptyHead } from './request-head.ts';
import { ConnectionTable } from './wire/connection-table.ts';
import { runEventLoop } from './wire/event-loop.ts';
import { openListener, WAKE } from './wire/listener.ts';
import { OutcomeLedger } from './wire/outcome-ledger.ts';
import { cutAll } from './wire/owner-mail.ts';
import { TimerWheel } from './wire/timer-wheel.ts';
import { INPUT_BYTES, OUTPUT_BYTES, type WireContext } from './wire/wire-context.ts';
import { WireKeys } from './wire-key.ts';

/** Taken out of epoll at a time; more wait in the kernel for the next turn. */
const EVENTS_PER_TURN = 256;

if (parentPort === null) throw new Error('a wire thread is a worker');
const mail = parentPort;
const context = begin(workerData as WireThreadData, (message) => mail.postMessage(message));
context.post({ kind: 'ready' });
try {
  runEventLoop(context, mail);
} finally {
  cutAll(context);
  context.libc.close(context.epollFd);
}
context.post({ kind: 'stopped' });

/** @throws Error where the machine gives no epoll or no memory: the engine cannot begin */
function begin(data: WireThreadData, post: (message: ToOwner) => void): WireContext {
  const loaded = loadLibc();
  if (loaded.kind === 'missing') throw new Error(`no fast path: ${loaded.because}`);
  const { libc } = loaded;
  const { limits, listenFd, wakeFd } = data;
  askShortTurns(libc);
  const epollFd = checked('epoll_create1', libc.epollCreate());
  const input = libc.memory(INPUT_BYTES);
  const made: WireContext = {
    libc,
    epollFd,
    listenFd,
    wakeFd,
    events: libc.epollEvents(EVENTS_PER_TURN),
    memoryFd: data.memory.memoryFd,
    memorySlots: data.memory.slotCount,
    reader: createReader(data.memory, data.number),
    limits,
    keys: new WireKeys(limits),
    answers: new WireAnswers(limits),
    connections: new ConnectionTable(),
    wheel: new TimerWheel(performance.now()),
    // Any seed but 0: which views are in a sample is nobody's secret.
    ledger: new OutcomeLedger(data.number + 1),
    board: new ConnectionBoard(data.connections, limits),
    load: new LoadBoard(data.load, data.number, limits.maxActiveRequests),
    post,
    input,
    inputBytes: Buffer.from(input.bytes.buffer, input.bytes.byteOffset, input.byteLength),
    output: libc.memory(OUTPUT_BYTES),
    head: emptyHead(),
    moment: { nowMs: Date.now(), isDraining: false, isFull: false },
    tickets: new Map(),
    ready: [],
    nowMs: performance.now(),
    nextTicket: 1,
    pinnedSlots: 0,
    listener: 'closed',
    resumesAtMs: 0,
    tellsExhaustionAtMs: 0,
    cutsAtMs: Infinity,
  };
  // Connections have it from the socket that they came by (tcp(7)): answers are not held back for a fuller packet.
  checked('setsockopt', libc.setOption(listenFd, IPPROTO_TCP, TCP_NODELAY, 1));
  checked('epoll_ctl', libc.epollAdd(epollFd, wakeFd, EPOLLIN, WAKE, 0));
  if (!openListener(made)) throw new Error('the listening socket cannot be watched');
  return made;
}

function checked(call: string, answer: number): number {
  if (answer < 0) throw new Error(`${call} failed with errno ${-answer}`);
  return answer;
}
