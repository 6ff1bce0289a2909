import type { Libc } from '../../kernel/libc.ts';
import type { PublishedReader } from '../../memory/published.ts';
import type { WireAnswers, WireMoment } from '../answer-on-wire.ts';
import type { LoadBoard } from '../load-board.ts';
import type { ToOwner, WireLimits } from '../messages.ts';
import type { RequestHead } from '../request-head.ts';
import type { OutcomeLedger } from '../wire/outcome-ledger.ts';
import type { WireKeys } from '../wire-key.ts';
import type { MappedMemory } from './pinned-body.ts';

/** A client, to the owner's answers. */
export interface OwnerListener {
  /** What was asked for is here, or cannot be had. */
  answeredQuestion(isHere: boolean): void;
  /** The reference engine is done with the tunnel. @param fd its other end */
  tookBack(fd: number): void;
  /** The end that the tunnel is about to meet is no proper one. */
  tunnelWillBeCut(): void;
}

/** What the clients of one thread share. */
export interface TlsParts {
  readonly libc: Libc;
  readonly reader: PublishedReader;
  readonly memory: MappedMemory;
  readonly keys: WireKeys;
  readonly answers: WireAnswers;
  readonly load: LoadBoard;
  readonly ledger: OutcomeLedger;
  readonly limits: WireLimits;
  /** Filled anew for each request. */
  readonly head: RequestHead;
  /** As it is at this moment. */
  readonly moment: () => WireMoment;
  readonly post: (message: ToOwner) => void;
  /** No descriptor is left for a tunnel. */
  readonly exhausted: () => void;
  /** Reads the messages of the owner that are there. */
  readonly hear: () => void;
  /** A new number by which the owner's answers find the listener, until `forget`; another thread has no such number. */
  readonly number: (listener: OwnerListener) => number;
  readonly forget: (number: number) => void;
}
