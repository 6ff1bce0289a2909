import type { ErrorCode } from '../../../src/errors/error-codes.ts';
import { backoffMs } from '../../../src/resilience/backoff.ts';
import type { World } from '../../../src/world/world.ts';
import type { LearnedOfSource } from '../choose-source.ts';

/**
 * What planned fill learned of its sources. A peer that lacks a file says nothing against the peer; wrong bytes say
 * something against this file there; no connection speaks against the source for all files. Any block that comes from
 * a source clears its record.
 *
 * Who says that he holds more than before gets on, too, and is waited for. That is his own word: a peer whose word grows
 * and who never gives anything would keep everybody from the origin for ever. So it counts for an hour, until he gives
 * a block; plans that come meanwhile change nothing of it.
 */
interface FailureRecord {
  failures: number;
  setAsideUntilMs: number;
}

interface Reaction {
  readonly of: 'source' | 'file';
  readonly firstMs: number;
  readonly maxMs: number;
}

// Lacking is the normal state of a fresh file at a peer that fills it itself; hence the short wait.
const LACKS: Reaction = { of: 'file', firstMs: 1000, maxMs: 15_000 };
const WRONG: Reaction = { of: 'file', firstMs: 30_000, maxMs: 600_000 };
const REFUSES: Reaction = { of: 'file', firstMs: 2000, maxMs: 300_000 };
const AWAY: Reaction = { of: 'source', firstMs: 1000, maxMs: 60_000 };

const REACTIONS: Partial<{ readonly [code in ErrorCode]: Reaction }> = {
  SOURCE_LACKS: LACKS,
  CHECKSUM_MISMATCH: WRONG,
  SOURCE_CHANGED: WRONG,
  SOURCE_STATUS: REFUSES,
  SOURCE_PROTOCOL: REFUSES,
  SOURCE_UNREACHABLE: AWAY,
  SOURCE_RESTING: AWAY,
  SOURCE_TIMEOUT: AWAY,
  SOURCE_TRUNCATED: AWAY,
};

/** A source that fails with this many files in a row is set aside for all of them. */
const MANY_FILES = 8;
const WORD_COUNTS_MS = 3_600_000;

export class SourceMemory {
  readonly #world: World;
  readonly #ofSource = new Map<string, FailureRecord & { asked: number; refusedInRow: number }>();
  readonly #gotOnAtMs = new Map<string, number>();
  /** Since when we only have a source's word, and when he gave it last. */
  readonly #words: Map<string, { readonly sinceMs: number; readonly lastMs: number }>;
  readonly #ofFile = new Map<string, Map<string, FailureRecord>>();

  /** @param before what was learned with the plan before: only words are taken over */
  constructor(world: World, before?: SourceMemory) {
    this.#world = world;
    this.#words = new Map(before === undefined ? [] : before.#words);
  }

  /** What speaks for asking a source for this file, or against it, now. */
  learned(path: string, sourceId: string): LearnedOfSource | undefined {
    const source = this.#ofSource.get(sourceId);
    const file = this.#ofFile.get(path)?.get(sourceId);
    if (source === undefined && file === undefined) return undefined;
    const setAsideUntilMs = Math.max(source?.setAsideUntilMs ?? 0, file?.setAsideUntilMs ?? 0);
    return { setAsideUntilMs, asked: source?.asked ?? 0 };
  }

  /** A block is being asked of a source; call the result when it is over, however it went. */
  asking(sourceId: string): () => void {
    const record = this.#source(sourceId);
    record.asked += 1;
    return () => {
      record.asked -= 1;
    };
  }

  /** On the monotonic clock: when it last gave a block of any file, or said that it holds more than before. */
  gotOnAtMs(sourceId: string): number | undefined {
    return this.#gotOnAtMs.get(sourceId);
  }

  saidToGetOn(sourceId: string): void {
    const nowMs = this.#world.clock.monotonicMs();
    const word = this.#words.get(sourceId);
    const sinceMs = word === undefined || nowMs - word.lastMs > WORD_COUNTS_MS ? nowMs : word.sinceMs;
    this.#words.set(sourceId, { sinceMs, lastMs: nowMs });
    if (nowMs - sinceMs <= WORD_COUNTS_MS) this.#gotOnAtMs.set(sourceId, nowMs);
  }

  succeeded(path: string, sourceId: string): void {
    this.#gotOnAtMs.set(sourceId, this.#world.clock.monotonicMs());
    this.#words.delete(sourceId);
    Object.assign(this.#source(sourceId), { failures: 0, setAsideUntilMs: 0, refusedInRow: 0 });
    this.#ofFile.get(path)?.delete(sourceId);
  }

  failed(path: string, sourceId: string, code: ErrorCode): void {
    const reaction = REACTIONS[code] ?? REFUSES;
    const source = this.#source(sourceId);
    if (reaction.of === 'source') {
      this.#setAside(source, reaction);
      return;
    }
    this.#setAside(this.#file(path, sourceId), reaction);
    if (reaction === LACKS) return;
    source.refusedInRow += 1;
    if (source.refusedInRow >= MANY_FILES) this.#setAside(source, AWAY);
  }

  /** The file is held, or no longer wanted. */
  forgetFile(path: string): void {
    this.#ofFile.delete(path);
  }

  #setAside(record: FailureRecord, { firstMs, maxMs }: Reaction): void {
    record.failures += 1;
    const waitMs = backoffMs(record.failures, { firstMs, maxMs }, this.#world.random.next());
    record.setAsideUntilMs = this.#world.clock.monotonicMs() + waitMs;
  }

  #source(sourceId: string): FailureRecord & { asked: number; refusedInRow: number } {
    const known = this.#ofSource.get(sourceId);
    if (known !== undefined) return known;
    const fresh = { failures: 0, setAsideUntilMs: 0, asked: 0, refusedInRow: 0 };
    this.#ofSource.set(sourceId, fresh);
    return fresh;
  }

  #file(path: string, sourceId: string): FailureRecord {
    const ofFile = this.#ofFile.get(path) ?? new Map<string, FailureRecord>();
    this.#ofFile.set(path, ofFile);
    const known = ofFile.get(sourceId) ?? { failures: 0, setAsideUntilMs: 0 };
    ofFile.set(sourceId, known);
    return known;
  }
}
