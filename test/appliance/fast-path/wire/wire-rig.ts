import { ConnectionBoard } from '../../../../appliance/fast-path/connection-board.ts';
import { openListeningSocket } from '../../../../appliance/fast-path/listening.ts';
import { LoadBoard } from '../../../../appliance/fast-path/load-board.ts';
import type { OutcomeBatch, ToOwner, ToWire, WireLimits } from '../../../../appliance/fast-path/messages.ts';
import { WireThreadLink } from '../../../../appliance/fast-path/owner/wire-thread-link.ts';
import type { ArenaContent, ArenaSize } from '../../../../appliance/memory/arena.ts';
import type { PublishedDescription } from '../../../../appliance/memory/published.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { until } from '../../../support/until.ts';
import { ArenaRig, libcLoad, publishedOf } from '../../memory/arena-rig.ts';

export { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';

/** Whether this machine has what a wire thread needs. */
export const hasWireThreads = libcLoad.kind === 'loaded';

type Said<K extends ToOwner['kind']> = Extract<ToOwner, { readonly kind: K }>;

const LIMITS: WireLimits = {
  applianceId: 'a1',
  maxTargetChars: 4096,
  headTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  sendStallMs: 60_000,
  minClientBytesPerSec: 1,
  maxConnections: 20_000,
  maxConnectionsPerAddress: 0,
  maxActiveRequests: 1000,
  readerTimeoutMs: 60_000,
  hasCmsd: true,
  tokenMode: 'off',
  tokenPrefixes: [],
  pacing: 'off',
};

export interface RigOptions {
  readonly limits?: Partial<WireLimits>;
  readonly size?: Partial<ArenaSize>;
  readonly threads?: number;
}

/** An object that the stand-in owner has. */
interface Held {
  readonly content: ArenaContent;
  readonly description: PublishedDescription;
  readonly bytes: Buffer;
}

/**
 * A real wire thread with a stand-in for its owner, which has objects in a table, loads blocks into a real arena when they
 * are wanted, and keeps everything that it is told. With `isHeld` it lets questions wait in `questions`.
 */
export class WireRig {
  readonly memory: ArenaRig;
  readonly port: number;
  readonly said: ToOwner[] = [];
  readonly questions: (Said<'want'> | Said<'want-object'>)[] = [];
  isHeld = false;
  /** Blocks that can be had no more. */
  readonly lost = new Set<string>();
  readonly board: ConnectionBoard;
  readonly load: LoadBoard;
  readonly listenFd: number;
  diedOf: unknown;
  readonly #held = new Map<string, Held>();
  readonly #wakeFds: number[] = [];
  readonly #links: WireThreadLink[] = [];
  /** Who asked, by question. */
  readonly #askers = new Map<ToOwner, WireThreadLink>();

  private constructor(memory: ArenaRig, listenFd: number, port: number, limits: WireLimits, threads: number) {
    const { libc } = loaded();
    const connections = ConnectionBoard.allocate(1);
    const load = LoadBoard.allocate(threads + 1);
    this.memory = memory;
    this.port = port;
    this.listenFd = listenFd;
    this.board = new ConnectionBoard(connections, limits);
    this.load = new LoadBoard(load, threads, limits.maxActiveRequests);
    for (let number = 0; number < threads; number += 1) {
      const wakeFd = libc.eventfd();
      this.#wakeFds.push(wakeFd);
      const link: WireThreadLink = new WireThreadLink({
        libc,
        program: new URL('../../../../appliance/fast-path/wire-thread.ts', import.meta.url),
        data: { number, memory: memory.arena.shared, connections, load, listenFd, wakeFd, limits },
        onMessage: (message) => this.#hear(message, link),
        onDied: (cause) => {
          this.diedOf = cause;
        },
      });
      this.#links.push(link);
    }
  }

  static async start({ limits, size, threads = 1 }: RigOptions = {}): Promise<WireRig> {
    const memory = new ArenaRig({ slotCount: 64, capacityBytes: 64 * BLOCK_BYTES, readerCount: threads, ...size });
    const listening = await openListeningSocket(loaded().libc, { host: '127.0.0.1', port: 0 }, undefined);
    const rig = new WireRig(memory, listening.fd, listening.address.port, { ...LIMITS, ...limits }, threads);
    await rig.hears('ready', threads);
    return rig;
  }

  /** An object that is held; in memory only as far as it is asked for, or `isLoaded`. */
  async hold(key: string, bytes: Buffer, isLoaded = true): Promise<Held> {
    const description = publishedOf(key, { sizeBytes: bytes.length, freshUntilMs: Date.now() + 3_600_000 });
    const held: Held = { content: this.memory.arena.begin(), description, bytes };
    this.#held.set(key, held);
    if (!isLoaded) return held;
    this.memory.arena.show(held.content, description);
    for (let block = 0; block * BLOCK_BYTES < bytes.length; block += 1) await this.bringIn(held, block);
    return held;
  }

  async bringIn({ content, bytes }: Held, block: number): Promise<void> {
    const piece = bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
    if ((await this.memory.arena.put(content, block, piece)) !== 'here') throw new Error('no room in the arena');
  }

  post(message: ToWire): void {
    for (const link of this.#links) link.post(message);
  }

  /** Waits until something of a kind was said `count` times. */
  async hears<K extends ToOwner['kind']>(kind: K, count = 1): Promise<Said<K>> {
    const found = (): readonly ToOwner[] => this.said.filter((message) => message.kind === kind);
    await until(() => found().length >= count || this.diedOf !== undefined);
    if (this.diedOf !== undefined) throw this.diedOf as Error;
    return found()[count - 1] as Said<K>;
  }

  /** Everything that was told of outcomes, added up. */
  get outcomes() {
    const batches: OutcomeBatch[] = this.said.flatMap((message) =>
      message.kind === 'outcomes' ? [message.batch] : [],
    );
    const objects = batches.flatMap(({ objects: each }) => each);
    const sum = (counts: readonly Readonly<Record<string, number>>[], name: string): number =>
      counts.reduce((total, each) => total + (each[name] ?? 0), 0);
    return {
      requests: objects.reduce((total, { requests }) => total + requests, 0),
      bytes: objects.reduce((total, { bytes }) => total + bytes, 0),
      blocks: objects.reduce((total, { blocksServed }) => total + blocksServed, 0),
      firstBytes: batches.flatMap(({ firstByteMs }) => firstByteMs).reduce((total, count) => total + count, 0),
      views: batches.flatMap(({ views }) => views),
      shed: batches.reduce((total, { shed }) => total + shed, 0),
      abandoned: (reason: string) =>
        sum(
          batches.map(({ abandoned }) => abandoned),
          reason,
        ),
      refused: (reason: string) =>
        sum(
          batches.map(({ refused }) => refused),
          reason,
        ),
    };
  }

  get pins(): number {
    return this.memory.arena.usage().pins;
  }

  /** Answers the questions that were held. */
  async answer(isHere = true): Promise<void> {
    for (const question of this.questions.splice(0)) await this.#answer(question, isHere);
  }

  async stop(): Promise<void> {
    this.post({ kind: 'stop', deadlineMs: 0 });
    await Promise.all(this.#links.map((link) => link.ended));
    loaded().libc.close(this.listenFd);
    for (const fd of this.#wakeFds) loaded().libc.close(fd);
    this.memory[Symbol.dispose]();
    if (this.diedOf !== undefined) throw this.diedOf as Error;
  }

  #hear(message: ToOwner, link: WireThreadLink): void {
    this.said.push(message);
    if (message.kind !== 'want' && message.kind !== 'want-object') return;
    this.questions.push(message);
    this.#askers.set(message, link);
    if (!this.isHeld) void this.answer();
  }

  async #answer(question: Said<'want'> | Said<'want-object'>, isHere: boolean): Promise<void> {
    const { key, kind, ticket } = question;
    const asker = this.#askers.get(question);
    const held = this.#held.get(key);
    const isLost = kind === 'want' && this.lost.has(`${key} ${question.firstBlock}`);
    if (held === undefined || !isHere || isLost) return asker?.post({ kind: 'not-here', ticket });
    if (kind === 'want') await this.bringIn(held, question.firstBlock);
    if (kind === 'want-object' || !question.isBegun) this.memory.arena.show(held.content, held.description);
    asker?.post({ kind: 'here', ticket });
  }
}

function loaded() {
  if (libcLoad.kind === 'missing') throw new Error(libcLoad.because);
  return libcLoad;
}
