/**
 * The fast path, seen from its owner. Read this first.
 *
 * **Two engines, one meaning.** The reference engine (delivery/) is node:http: everything that HTTP allows, every miss,
 * every platform. It copies each byte through user space, which costs several times what nginx pays. The fast engine is
 * threads that let the kernel copy (sendfile) and answer only what they can answer exactly as the reference engine would:
 * a GET or HEAD in a short, strict grammar for an object that is shown to them, out of memory. All else goes over. What
 * an answer says is decided by the same pure functions for both (choose-answer.ts), and a differential test holds them
 * to it.
 *
 * **Threads.** This one, the *owner*, has store, fills, plan, admin and the reference engine. *Wire threads*, one per
 * core (wire/), accept, read heads and send: each a synchronous program around epoll_wait, in which nothing ever waits
 * for a disk, a lock or this thread.
 *
 * **Memory** (memory/). Blocks that were checked lie in one memory file, in slots that are never written to while they
 * are shown or sent. What is where, and which objects may be answered for, stands in shared tables: one writer, here,
 * and readers that confirm what they saw after they have pinned it. A purge takes the object down and waits until no
 * thread is in the middle of a head (`settled`); from then on none is begun.
 *
 * **Messages** (messages.ts) are for what is not in memory. *want*: blocks from a disk, which wanted-blocks.ts answers;
 * the connection waits and the thread goes on with others. *over*: a connection with what was read of it; the
 * reference engine serves it from its first byte (hand-over.ts) and, when the answer is out and nothing else was read,
 * it goes back by *take* (hand-back.ts): a playlist that was a miss must not demote a viewer for the rest of a film.
 * *outcomes*, once a second: what count-outcomes.ts enters into the same counters, demand and ledgers as the other
 * engine's. *running*: how many bodies a purge meets, and their end where the operator wants them cut.
 *
 * **Limits hold for both engines together.** Connections, in all and by address, are counted on a shared board and the
 * count moves with the connection. Requests in hand are added up from a second board by everybody who admits one; the
 * owner, who sees the bytes of all, says there when egress is at its limit.
 *
 * **What stops it.** A drain makes answers say `Connection: close`. A stop ends the accepting first, then idle
 * connections, then answers as they end, and at the deadline what is left. A thread in epoll_wait hears of it by an
 * eventfd; Node alone could neither end such a thread nor leave the process with it, so whoever leaves the process wakes
 * them all, and sets the kernel's alarm clock for the case that this is not enough.
 *
 * **TLS** ends in threads of its own kind (tls/), one per core and in the place of wire threads: what TLS sends has to be
 * encrypted, so the kernel cannot do it from a file. To everything here they are wire threads; only what they give away
 * is the end of a tunnel and not the client's descriptor.
 *
 * **If a thread dies** nobody knows what it had in hand. That is a bug like any other: the process ends, and the
 * supervisor starts it anew. After two such ends within minutes it starts with the reference engine (engine-memory.ts),
 * and says so in the log, in `GET /v1/state` and by `appliance_wire_threads` being 0.
 */

import type { HostPort } from '../../src/config/parameter.ts';
import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { ApplianceConfig } from '../config.ts';
import type { Finder } from '../delivery/find-object.ts';
import type { LoadMeter } from '../delivery/load-meter.ts';
import type { Libc } from '../kernel/libc.ts';
import type { SharedMemory } from '../memory/published.ts';
import type { PurgeRule } from '../purge/purge-rule.ts';
import type { VerifiedTokens } from '../tokens/verified-tokens.ts';
import { ConnectionBoard } from './connection-board.ts';
import type { Mover } from './hand-over.ts';
import { openListeningSocket } from './listening.ts';
import { LoadBoard } from './load-board.ts';
import type { MovedConnection, ToOwner, ToWire, WireThreadData } from './messages.ts';
import { countOutcomes, type OutcomeSinks } from './owner/count-outcomes.ts';
import type { EngineMemory } from './owner/engine-memory.ts';
import { RunningCount } from './owner/running-count.ts';
import { WantedBlocks } from './owner/wanted-blocks.ts';
import { wireLimits } from './owner/wire-limits.ts';
import type { WireMetrics } from './owner/wire-metrics.ts';
import { WireThreadLink } from './owner/wire-thread-link.ts';
import { createTlsOwner, type TlsOwner } from './tls/tls-owner.ts';

export interface FastPathOptions {
  readonly config: ApplianceConfig;
  readonly libc: Libc;
  readonly world: World;
  readonly logger: Logger;
  /** What threads send from, and what to tell of one that is gone. */
  readonly memory: { readonly shared: SharedMemory; readerGone(number: number): void };
  readonly finder: () => Finder;
  readonly load: LoadMeter;
  readonly sinks: OutcomeSinks;
  readonly metrics: WireMetrics;
  readonly verifiedTokens: VerifiedTokens;
  /** Serves a connection by the reference engine. */
  readonly takeOver: (connection: MovedConnection, bytes: Uint8Array, isOneHead: boolean) => void;
  /** A socket that listens already. */
  readonly inheritedFd: number | undefined;
  readonly engineMemory: EngineMemory;
}

const WIRE_PROGRAM = new URL('./wire-thread.ts', import.meta.url);
const LOOK_MS = 200;
const READY_MS = 60_000;
/** A thread that is busy answers within milliseconds. */
const ANSWER_MS = 5000;
/** Beyond the deadline of a stop, for threads to end in. */
const GRACE_MS = 2000;
/** Of connections that cannot be taken. */
const WARN_AGAIN_MS = 60_000;
/** How long the end of the process may take when threads do not hear. */
const ALARM_SEC = 5;

interface Thread {
  readonly link: WireThreadLink;
  readonly wanted: WantedBlocks;
  readonly wakeFd: number;
  readonly ready: PromiseWithResolvers<void>;
  readonly notListening: PromiseWithResolvers<void>;
  /** Of the load board, as they were looked at last. */
  sentBytes: number;
}

/** The fast engine while it runs: its threads, and everything they say. */
export class FastPath {
  readonly #options: FastPathOptions;
  readonly #connections: ConnectionBoard;
  readonly #connectionMemory: SharedArrayBuffer;
  readonly #loadMemory: SharedArrayBuffer;
  readonly #loadBoard: LoadBoard;
  readonly #threads: Thread[] = [];
  readonly #running: RunningCount;
  readonly #tls: TlsOwner | undefined;
  readonly #onExit = (): void => this.#leaveProcess();
  #listenFd = -1;
  #look: { cancel(): void } | undefined;
  #nextThread = 0;
  #warnsAgainAtMs = 0;

  constructor(options: FastPathOptions) {
    const { config, memory, world } = options;
    const { readerCount } = memory.shared;
    this.#options = options;
    this.#connectionMemory = ConnectionBoard.allocate(world.random.bytes(4).readInt32LE());
    this.#connections = new ConnectionBoard(this.#connectionMemory, config);
    // The owner is the last.
    this.#loadMemory = LoadBoard.allocate(readerCount + 1);
    this.#loadBoard = new LoadBoard(this.#loadMemory, readerCount, config.maxActiveRequests);
    this.#running = new RunningCount(world.clock, ANSWER_MS);
    this.#tls = createTlsOwner(config, options, () => this.#threads.map(({ link }) => link));
  }

  /** For the delivery server, whose guests come from here. */
  get mover(): Mover {
    return {
      libc: this.#options.libc,
      giveBack: (connection) => this.#giveBack(connection),
      gone: ({ countedAt, tunnel }) => {
        // The thread at the other end counts its client until that has left.
        if (tunnel === undefined) this.#connections.leave(countedAt);
      },
      cut: ({ tunnel = 0 }) => this.#tls?.linkOf(tunnel)?.post({ kind: 'tunnel-cut', tunnel }),
    };
  }

  /**
   * Listens and starts the threads. @returns where viewers connect
   * @throws OperationalError ADDRESS_UNAVAILABLE, CONFIG_INVALID
   */
  async start(): Promise<HostPort> {
    const { config, libc, load, memory, inheritedFd, verifiedTokens } = this.#options;
    const { fd, address } = await openListeningSocket(libc, config.listen, inheritedFd);
    this.#listenFd = fd;
    load.joinBoard(this.#loadBoard);
    process.once('exit', this.#onExit);
    for (let number = 0; number < memory.shared.readerCount; number += 1) this.#threads.push(this.#startThread(number));
    const ready = Promise.all(this.#threads.map((thread) => thread.ready.promise));
    await this.#within(ready, READY_MS, 'a wire thread does not begin');
    await this.#tls?.keys.start();
    verifiedTokens.listen({
      onVerified: (token) => this.#tell({ kind: 'token', token }),
      onForget: () => this.#tell({ kind: 'forget-tokens' }),
    });
    this.#lookAtLoad();
    return address;
  }

  /** Connections of both engines. */
  get connectionCount(): number {
    return this.#connections.total;
  }

  get threadCount(): number {
    return this.#threads.length;
  }

  /** Whether answers ask clients to connect elsewhere next time. */
  setDraining(isDraining: boolean): void {
    this.#tell({ kind: 'draining', isDraining });
  }

  /**
   * How many bodies of objects that a rule means are being sent by the threads; with `cut` their connections are reset.
   * @throws OperationalError OVERLOADED when a thread does not answer
   */
  running(rule: PurgeRule, cut: boolean): Promise<number> {
    const { ticket, count } = this.#running.ask(this.#threads.length);
    this.#tell({ kind: 'running', ticket, rule, cut });
    return count;
  }

  /** Accepts nobody any more. Resolves when that is so. */
  async stopListening(): Promise<void> {
    if (this.#listenFd === -1) return;
    this.#tell({ kind: 'stop-listening' });
    const all = Promise.all(this.#threads.map((thread) => thread.notListening.promise));
    await this.#within(all, ANSWER_MS, 'a wire thread goes on listening');
    this.#options.libc.close(this.#listenFd);
    this.#listenFd = -1;
  }

  /** Ends all connections of the threads, what still runs at the deadline too, and the threads. */
  async stop(deadlineMs: number): Promise<void> {
    const { load, libc, engineMemory, verifiedTokens } = this.#options;
    verifiedTokens.listen(undefined);
    this.#look?.cancel();
    await this.#tls?.keys.stop(0);
    this.#tell({ kind: 'stop', deadlineMs });
    const ended = Promise.all(this.#threads.map(({ link }) => link.ended));
    // What does not end now ends with the process (leaveProcess).
    await this.#within(ended, deadlineMs + GRACE_MS, 'a wire thread does not end');
    process.off('exit', this.#onExit);
    for (const { wanted, wakeFd } of this.#threads) {
      wanted.stop();
      libc.close(wakeFd);
    }
    this.#threads.length = 0;
    if (this.#listenFd !== -1) libc.close(this.#listenFd);
    this.#listenFd = -1;
    load.joinBoard(undefined);
    engineMemory.ended();
  }

  #startThread(number: number): Thread {
    const { config, libc, memory, finder, world } = this.#options;
    const wakeFd = libc.eventfd();
    if (wakeFd < 0) throw new OperationalError('ADDRESS_UNAVAILABLE', 'no descriptor is left for a thread');
    const post = (message: ToWire): void => thread.link.post(message);
    const wanted = new WantedBlocks({
      finder: finder(),
      clock: world.clock,
      readAheadBlocks: config.readAheadBlocks,
      readerTimeoutMs: config.readerTimeoutMs,
      memoryBlocks: Math.floor(config.memoryBytes / BLOCK_BYTES),
      answer: (ticket, isHere) => post({ kind: isHere ? 'here' : 'not-here', ticket }),
    });
    const data: WireThreadData = {
      number,
      memory: memory.shared,
      connections: this.#connectionMemory,
      load: this.#loadMemory,
      listenFd: this.#listenFd,
      wakeFd,
      limits: wireLimits(config),
    };
    const link = new WireThreadLink({
      libc,
      program: this.#tls?.program ?? WIRE_PROGRAM,
      data: this.#tls?.dataOf(data) ?? data,
      onMessage: (message) => this.#hear(thread, message),
      onDied: (cause) => this.#died(cause),
    });
    const thread: Thread = {
      link,
      wanted,
      wakeFd,
      ready: Promise.withResolvers(),
      notListening: Promise.withResolvers(),
      sentBytes: 0,
    };
    return thread;
  }

  #hear(thread: Thread, message: ToOwner): void {
    const { metrics, sinks, takeOver } = this.#options;
    switch (message.kind) {
      case 'ready':
        return thread.ready.resolve();
      case 'over':
        metrics.wentOver(message.because);
        return takeOver(message.connection, message.bytes, message.isOneHead);
      case 'want':
        void thread.wanted.want(message);
        return;
      case 'want-object':
        return thread.wanted.wantObject(message.ticket, message.key);
      case 'want-no-more':
        return thread.wanted.noMore(message.ticket);
      case 'outcomes': {
        const { requests, bytes } = countOutcomes(message.batch, sinks);
        return metrics.answered(requests, bytes);
      }
      case 'running':
        return this.#running.answered(message.ticket, message.bodies);
      case 'exhausted':
        return this.#warnOfExhaustion();
      case 'not-listening':
        return thread.notListening.resolve();
      case 'stopped':
        return this.#options.memory.readerGone(thread.link.number);
    }
  }

  /** All threads meet it together, and say so; for the operator it is one thing. */
  #warnOfExhaustion(): void {
    const nowMs = this.#options.world.clock.monotonicMs();
    if (nowMs < this.#warnsAgainAtMs) return;
    this.#warnsAgainAtMs = nowMs + WARN_AGAIN_MS;
    this.#options.logger.warn({}, 'no descriptors left for who connects: raise LimitNOFILE');
  }

  #tell(message: ToWire): void {
    for (const { link } of this.#threads) link.post(message);
  }

  /** To the threads in turn: which of them accepted it says nothing about who has time. */
  #giveBack(connection: MovedConnection): void {
    const { countedAt, fd, tunnel } = connection;
    const { length } = this.#threads;
    const link = tunnel === undefined ? this.#threads[this.#nextThread % length]?.link : this.#tls?.linkOf(tunnel);
    this.#nextThread += 1;
    if (link === undefined) {
      this.#options.libc.close(fd);
      if (tunnel === undefined) this.#connections.leave(countedAt);
      return;
    }
    this.#options.metrics.tookBack();
    link.post({ kind: 'take', connection });
  }

  /** Bytes as they leave, and whether that is as much as may be. */
  #lookAtLoad(): void {
    const { config, load, world } = this.#options;
    for (const thread of this.#threads) {
      const sentBytes = this.#loadBoard.sentOf(thread.link.number);
      load.sent(sentBytes - thread.sentBytes);
      thread.sentBytes = sentBytes;
    }
    this.#loadBoard.isEgressFull = load.egressBitsPerSec() >= config.hardEgressBitsPerSec;
    this.#look = world.clock.setTimer(LOOK_MS, () => this.#lookAtLoad());
  }

  async #within(task: Promise<unknown>, maxMs: number, otherwise: string): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = this.#options.world.clock.setTimer(maxMs, () =>
      late.reject(new OperationalError('OVERLOADED', `${otherwise} within ${maxMs} ms`)),
    );
    try {
      await Promise.race([task, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** A bug, thrown where nobody catches it: the process ends, and is started anew. */
  #died(cause: unknown): never {
    this.#options.engineMemory.crashed();
    this.#options.logger.error({ error: cause }, 'a thread of the fast path died');
    throw cause instanceof Error ? cause : new Error(String(cause));
  }

  /** The process ends: the threads must leave epoll_wait for that. */
  #leaveProcess(): void {
    this.#options.libc.alarm(ALARM_SEC);
    this.#tell({ kind: 'stop', deadlineMs: 0 });
  }
}
