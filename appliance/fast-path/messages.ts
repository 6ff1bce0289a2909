/**
 * What the owner thread and the wire threads say to each other. Structured clones over a MessagePort; to a wire thread,
 * which sits in epoll_wait, an eventfd says that something is there.
 */
import type { SharedMemory } from '../memory/published.ts';
import type { PurgeRule } from '../purge/purge-rule.ts';
import type { VerifiedToken } from '../tokens/verified-token.ts';

/** A connection on its way from one engine to the other. Whoever has it closes it. */
export interface MovedConnection {
  readonly fd: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Where its address is counted (connection-board.ts); the count moves with it. */
  readonly countedAt: number;
  /**
   * Set where TLS ends in the thread that it comes from: then the descriptor is one end of a socket pair, the address is
   * the client's, and the thread, which goes on counting it, knows the other end by this (tls/tunnel-end.ts).
   */
  readonly tunnel?: number;
}

export type ToOwner =
  /** The thread listens. */
  | { readonly kind: 'ready' }
  /** Not for us. `bytes` were read already and come first; `isOneHead`: exactly one complete request head and nothing behind it. */
  | {
      readonly kind: 'over';
      readonly connection: MovedConnection;
      readonly bytes: Uint8Array;
      readonly isOneHead: boolean;
      readonly because: OverReason;
    }
  /**
   * Blocks of a published or not yet published object. Answered with the same ticket: 'here' when the object is
   * published, every block of the range is held, and as many of its first blocks as fit are in memory now.
   *
   * A want that was answered 'here' is a *grip*: from then on the owner holds that generation, purged or evicted
   * meanwhile or not, until 'want-no-more' with its ticket. So before a head is sent, every block of the body is pinned
   * (short bodies out of memory), or there is a grip. `isBegun`: the head is out, and the ticket is that of the grip;
   * a block that was lost is fetched again if need be, 'here' says that the first of them can be pinned, by the
   * generation of the head, and the grip stays whatever the answer is. One question of a ticket at a time.
   */
  | {
      readonly kind: 'want';
      readonly ticket: number;
      readonly key: string;
      readonly firstBlock: number;
      readonly lastBlock: number;
      readonly isBegun: boolean;
    }
  /** The object is known to the asker by key alone, and which bytes are asked for depends on its size. */
  | { readonly kind: 'want-object'; readonly ticket: number; readonly key: string }
  /** Nobody waits for it any more, or the body is out: its grip is let go. Not needed after 'not-here' of a want that was not begun. */
  | { readonly kind: 'want-no-more'; readonly ticket: number }
  | { readonly kind: 'outcomes'; readonly batch: OutcomeBatch }
  /** How many bodies of the object are being sent, or were cut. */
  | { readonly kind: 'running'; readonly ticket: number; readonly bodies: number }
  /** Connections wait that cannot be taken: no descriptors are left, or the kernel has no memory. Told once a minute at most. */
  | { readonly kind: 'exhausted' }
  /** After `stop-listening`: the listener is no longer in its epoll set. */
  | { readonly kind: 'not-listening' }
  /** All its connections are gone; the thread ends. */
  | { readonly kind: 'stopped' };

export type ToWire =
  | { readonly kind: 'here'; readonly ticket: number }
  /** Before the head: hand the connection over. After it: cut the connection. */
  | { readonly kind: 'not-here'; readonly ticket: number }
  /** The reference engine is done with it, and it is idle. */
  | { readonly kind: 'take'; readonly connection: MovedConnection }
  /**
   * Counts, and with `cut` resets, the bodies of objects that the rule means (`means` of purge-rule.ts; a description is
   * a target) that are being sent; answered by 'running'.
   */
  | { readonly kind: 'running'; readonly ticket: number; readonly rule: PurgeRule; readonly cut: boolean }
  /** From now on answers say `Connection: close` (drain), or no longer. */
  | { readonly kind: 'draining'; readonly isDraining: boolean }
  /** A token that the owner has verified: the next request with it stays (wire-key.ts). */
  | { readonly kind: 'token'; readonly token: VerifiedToken }
  /** The keys were replaced: no token counts any more until it is told anew. */
  | { readonly kind: 'forget-tokens' }
  | { readonly kind: 'stop-listening' }
  /** Ends idle connections at once, the others when their answer is out, and what still runs at the deadline. */
  | { readonly kind: 'stop'; readonly deadlineMs: number };

/** Why a connection went over. A closed set, for a counter. */
export const OVER_REASONS = [
  'method',
  'head',
  'field',
  'target',
  'token',
  'not-published',
  'stale',
  'conditional',
  'ranges',
  'pipelined',
  'asked',
] as const;
export type OverReason = (typeof OVER_REASONS)[number];

/** What wire threads have done, told once a second. */
export interface OutcomeBatch {
  readonly objects: readonly ObjectOutcome[];
  /** Count of requests by time to the first byte; bounds are those of the reference engine's histogram. */
  readonly firstByteMs: readonly number[];
  readonly firstByteSumMs: number;
  /** A sample: bounded, the rest is counted. */
  readonly views: readonly WireView[];
  readonly viewsLeftOut: number;
  /** Connections and requests that were ended by us, by reason (check-head.ts, metrics.ts). */
  readonly refused: Readonly<Record<string, number>>;
  readonly abandoned: Readonly<Record<string, number>>;
  readonly shed: number;
  /** Requests by what their token came to, as token-gate.ts counts them; empty where tokens mean nothing. */
  readonly tokens: Readonly<Record<string, number>>;
}

export interface ObjectOutcome {
  readonly key: string;
  readonly path: string;
  readonly requests: number;
  readonly bytes: number;
  /** Blocks that were begun, so that eviction from disk counts readings as it does elsewhere. */
  readonly blocksServed: number;
}

export interface WireView {
  readonly address: string;
  readonly target: string;
  /** CMCD as header fields, lower case; players mostly send the query. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly durationMs: number;
  readonly ending: 'whole' | 'left' | 'failed';
}

/** What a wire thread is given when it begins. */
export interface WireThreadData {
  readonly number: number;
  readonly memory: SharedMemory;
  /** Of connections and load, see connection-board.ts and load-board.ts. */
  readonly connections: SharedArrayBuffer;
  readonly load: SharedArrayBuffer;
  readonly listenFd: number;
  /** Written by the owner after it posted. */
  readonly wakeFd: number;
  readonly limits: WireLimits;
}

export interface WireLimits {
  readonly applianceId: string;
  readonly maxTargetChars: number;
  readonly headTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly sendStallMs: number;
  readonly minClientBytesPerSec: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxActiveRequests: number;
  readonly readerTimeoutMs: number;
  readonly hasCmsd: boolean;
  readonly tokenMode: 'off' | 'accept' | 'require';
  readonly tokenPrefixes: readonly string[];
  /** 0 does not pace. */
  readonly pacing: 'off' | 'on';
}
