/**
 * The program of a TLS thread. There is one per core where --tls-cert is set, in the place of the wire threads.
 *
 * Problem: node:https on the owner's thread encrypts on one core, next to everything else that the owner does. Kernel TLS
 * would let the wire threads send files as they do without TLS, but hosts that have it are few.
 *
 * Idea: a thread that is to the owner what a wire thread is (same messages, same boards, same memory), and to clients a
 * node:tls server on the shared listening socket. It shakes hands, answers hits out of verified memory, and passes what
 * it does not answer through a tunnel to the reference engine, so that every meaning stays where it is (tunnel.ts). All
 * threads have the same ticket keys, so a session is resumed by whichever thread accepts it.
 *
 * Unlike a wire thread this one has an event loop that turns, because node:tls lives in one.
 */
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { loadLibc } from '../../kernel/libc.ts';
import { mapMemoryFile } from '../../memory/memory-file.ts';
import { createReader } from '../../memory/reader.ts';
import { means } from '../../purge/purge-rule.ts';
import { WireAnswers, type WireMoment } from '../answer-on-wire.ts';
import { ConnectionBoard } from '../connection-board.ts';
import { LISTEN_BACKLOG } from '../listening.ts';
import { LoadBoard } from '../load-board.ts';
import type { MovedConnection, ToOwner, ToWire } from '../messages.ts';
import { emptyHead } from '../request-head.ts';
import { OutcomeLedger } from '../wire/outcome-ledger.ts';
import { WireKeys } from '../wire-key.ts';
import { TlsClient } from './tls-client.ts';
import type { TlsSecrets, TlsThreadData, ToTlsThread } from './tls-messages.ts';
import type { OwnerListener, TlsParts } from './tls-parts.ts';

const LOOK_MS = 1000;
const EXHAUSTED_AGAIN_MS = 60_000;

const data = workerData as TlsThreadData;
const port = parentPort as MessagePort;
const { limits, memory, number: threadNumber } = data;
const libc = mustLoad();
const board = new ConnectionBoard(data.connections, limits);
const load = new LoadBoard(data.load, threadNumber, limits.maxActiveRequests);
const ledger = new OutcomeLedger(1 + threadNumber);
const clients = new Set<TlsClient>();
/** By the numbers of their questions and tunnels. */
const numbered = new Map<number, OwnerListener>();
let lastNumber = threadNumber;
/** All connections, also those that shake hands still. */
const sockets = new Set<Socket>();
let exhaustedAtMs = Number.NEGATIVE_INFINITY;
let isStopping = false;
let hasStopped = false;
const moment: WireMoment = { nowMs: 0, isDraining: false, isFull: false };

const parts: TlsParts = {
  libc,
  reader: createReader(memory, threadNumber),
  memory: mapMemory(),
  keys: new WireKeys(limits),
  answers: new WireAnswers(limits),
  load,
  ledger,
  limits,
  head: emptyHead(),
  moment: () => {
    moment.nowMs = Date.now();
    moment.isFull = load.isFull;
    return moment;
  },
  post: (message) => port.postMessage(message),
  exhausted: () => {
    const nowMs = performance.now();
    if (nowMs - exhaustedAtMs < EXHAUSTED_AGAIN_MS) return;
    exhaustedAtMs = nowMs;
    parts.post({ kind: 'exhausted' });
  },
  hear: () => {
    for (let heard = receiveMessageOnPort(port); heard !== undefined; heard = receiveMessageOnPort(port)) {
      hear(heard.message as ToTlsThread);
    }
  },
  number: (listener) => {
    // Of all threads one alone has it, and the owner sees which.
    lastNumber += memory.readerCount;
    numbered.set(lastNumber, listener);
    return lastNumber;
  },
  forget: (number) => numbered.delete(number),
};

const server = createServer({
  ...secretsOf(data.secrets),
  // As node:https has it: no other protocol is spoken behind this one.
  ALPNProtocols: ['http/1.1'],
  handshakeTimeout: limits.headTimeoutMs,
  noDelay: true,
});
server.on('connection', (socket: Socket) => {
  sockets.add(socket);
  socket.once('close', () => {
    sockets.delete(socket);
    endIfStopped();
  });
  const counter = board.counterOf(socket.remoteAddress ?? '');
  const refusal = board.enter(counter);
  if (refusal === undefined) socket.once('close', () => board.leave(counter));
  else {
    ledger.refused(refusal);
    socket.destroy();
  }
});
server.on('secureConnection', (socket: TLSSocket) => {
  const client = new TlsClient(socket, board.counterOf(socket.remoteAddress ?? ''), parts);
  clients.add(client);
  if (isStopping) client.end(false);
  socket.once('close', () => clients.delete(client));
});
server.on('tlsClientError', (error, socket) => {
  if (!('code' in error) || error.code !== 'ECONNRESET') ledger.refused('malformed');
  socket.destroy();
});
port.on('message', hear);
const looks = setInterval(look, LOOK_MS);
// The number beside the descriptor: within the braces Node forgets it.
server.listen({ fd: data.listenFd }, LISTEN_BACKLOG, () => parts.post({ kind: 'ready' }));

function hear(message: ToTlsThread): void {
  switch (message.kind) {
    case 'here':
    case 'not-here':
      return numbered.get(message.ticket)?.answeredQuestion(message.kind === 'here');
    case 'take':
      return takeBack(message.connection);
    case 'tunnel-cut':
      return numbered.get(message.tunnel)?.tunnelWillBeCut();
    case 'running':
      return tellRunning(message);
    case 'secrets':
      server.setSecureContext(secretsOf(message.secrets));
      return;
    case 'draining':
      moment.isDraining = message.isDraining;
      return;
    case 'token':
      return parts.keys.learn(message.token);
    case 'forget-tokens':
      return parts.keys.forgetTokens();
    case 'stop-listening':
      server.close();
      return parts.post({ kind: 'not-listening' });
    case 'stop':
      return stop(message.deadlineMs);
  }
}

function takeBack({ fd, tunnel = 0 }: MovedConnection): void {
  const client = numbered.get(tunnel);
  // It has left meanwhile, and its end is closed.
  if (client === undefined) libc.close(fd);
  else client.tookBack(fd);
}

function tellRunning({ cut, rule, ticket }: Extract<ToWire, { readonly kind: 'running' }>): void {
  let bodies = 0;
  for (const client of clients) {
    const description = client.sending?.description;
    if (description === undefined || !means(rule, description)) continue;
    bodies += 1;
    if (cut) client.cut('purged');
  }
  parts.post({ kind: 'running', ticket, bodies });
}

function look(): void {
  const nowMs = performance.now();
  for (const client of clients) client.look(nowMs);
  tellOutcomes();
}

function stop(deadlineMs: number): void {
  isStopping = true;
  moment.isDraining = true;
  if (server.listening) server.close();
  for (const client of clients) client.end(false);
  setTimeout(() => {
    for (const client of clients) client.end(true);
    for (const socket of sockets) socket.destroy();
  }, deadlineMs).unref();
  endIfStopped();
}

function endIfStopped(): void {
  if (!isStopping || hasStopped || sockets.size > 0) return;
  hasStopped = true;
  clearInterval(looks);
  tellOutcomes();
  parts.post({ kind: 'stopped' });
  port.close();
}

function tellOutcomes(): void {
  if (!ledger.isEmpty) parts.post({ kind: 'outcomes', batch: ledger.take() } satisfies ToOwner);
}

function secretsOf({ cert, key, ticketKeys }: TlsSecrets) {
  return { cert, key, ticketKeys: Buffer.from(ticketKeys) };
}

function mapMemory() {
  const mapped = mapMemoryFile(libc, memory.memoryFd, memory.slotCount);
  if (mapped === undefined) throw new Error('there are no addresses for the memory file');
  return mapped;
}

function mustLoad() {
  const loaded = loadLibc();
  if (loaded.kind === 'missing') throw new Error(loaded.because);
  return loaded.libc;
}
