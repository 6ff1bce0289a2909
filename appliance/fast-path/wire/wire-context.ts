import type { EpollEvents } from '../../kernel/epoll-events.ts';
import type { KernelMemory } from '../../kernel/kernel-memory.ts';
import type { Libc } from '../../kernel/libc.ts';
import type { PublishedReader } from '../../memory/published.ts';
import { MAX_ANSWER_HEAD_BYTES, type WireAnswers, type WireMoment } from '../answer-on-wire.ts';
import type { ConnectionBoard } from '../connection-board.ts';
import type { LoadBoard } from '../load-board.ts';
import type { ToOwner, WireLimits } from '../messages.ts';
import { MAX_HEAD_BYTES, type RequestHead } from '../request-head.ts';
import type { WireKeys } from '../wire-key.ts';
import type { Connection } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { OutcomeLedger } from './outcome-ledger.ts';
import type { TimerWheel } from './timer-wheel.ts';

/** What everything in a wire thread works with. One per thread, made when it begins; functions get it as an argument. */
export interface WireContext {
  readonly libc: Libc;
  readonly epollFd: number;
  readonly listenFd: number;
  readonly wakeFd: number;
  readonly events: EpollEvents;
  readonly memoryFd: number;
  readonly memorySlots: number;
  readonly reader: PublishedReader;
  readonly limits: WireLimits;
  readonly keys: WireKeys;
  readonly answers: WireAnswers;
  readonly connections: ConnectionTable;
  readonly wheel: TimerWheel;
  readonly ledger: OutcomeLedger;
  readonly board: ConnectionBoard;
  readonly load: LoadBoard;
  readonly post: (message: ToOwner) => void;
  /** What is read goes here first; overwritten by the next read of any connection. */
  readonly input: KernelMemory;
  readonly inputBytes: Buffer;
  /** Heads of answers, one after the other. */
  readonly output: KernelMemory;
  /** The head that was read last. */
  readonly head: RequestHead;
  readonly moment: WireMoment;
  /** What waits for the owner: which connection by ticket. */
  readonly tickets: Map<number, Connection>;
  /** Connections that have more to do and had their share of this turn. */
  ready: Connection[];
  /** Monotonic, of this turn. */
  nowMs: number;
  nextTicket: number;
  /** Slots that all connections have pinned. */
  pinnedSlots: number;
  listener: 'open' | 'paused' | 'closed';
  resumesAtMs: number;
  tellsExhaustionAtMs: number;
  /** Infinity while it is not to end. */
  cutsAtMs: number;
}

export const INPUT_BYTES: number = MAX_HEAD_BYTES;
export const OUTPUT_BYTES: number = MAX_ANSWER_HEAD_BYTES;
