import type { Service } from '../../src/lifecycle/service.ts';
import type { ObjectDescription } from './object-description.ts';
import type { ScrubProgress } from './scrub/volume-scrub.ts';

/**
 * What the rest of the appliance knows of bytes at rest. Objects are kept in blocks of BLOCK_BYTES (the last may be
 * shorter); a block is held or not, and a held block was checked when it entered memory. Lookups are answered from
 * memory at once; only `read` and `write` touch a disk. A generation of an object never changes its bytes: new content
 * under the same key is a new generation, and readers of the old one keep it until they release it.
 */
export interface ObjectStore extends Service {
  /** The newest generation under a key, acquired for the caller, who must release it (`using` does). */
  find(key: string): StoredObject | undefined;
  /** Begins a new generation, which replaces the one before for everybody who looks from now on. Acquired for the caller. */
  create(description: ObjectDescription): StoredObject;
  /**
   * Forgets an object: no `find` after this call gives it. Resolves, within seconds also where a disk hangs, once that
   * outlives a restart. @returns whether there was one
   * @throws OperationalError VOLUME_FULL, VOLUME_IO: it is forgotten now, and may come back after a restart
   */
  remove(key: string): Promise<boolean>;
  /** Keys that the plan wants held: eviction takes them only when nothing else is left. Replaces the set before. */
  pin(keys: ReadonlySet<string>): void;
  /** Objects, for inventory and the operator; 'all' has those on failing volumes, too. Not acquired: look, do not read. */
  objects(which?: 'reachable' | 'all'): Iterable<ObjectState>;
  /** What is known under a key, though its volume may fail. Not acquired. */
  state(key: string): ObjectState | undefined;
  usage(): StoreUsage;
}

/** Who waits for a disk, the most urgent first: each is served before those after it. */
export type Urgency = 'viewer' | 'demand' | 'planned' | 'scrub';

export type WriteOutcome = 'kept' | 'not-admitted';

export interface ObjectState {
  readonly description: ObjectDescription;
  readonly blockCount: number;
  readonly heldBlocks: number;
  readonly heldBytes: number;
}

export interface StoredObject extends ObjectState, Disposable {
  holds(blockIndex: number): boolean;
  /**
   * The block's bytes, checked; never to be changed by the receiver. Undefined when it is not held, or was found
   * rotten or unreadable: then it is no longer held, is counted, and wants filling again. For a viewer unless said.
   */
  read(blockIndex: number, urgency?: Urgency): Promise<Uint8Array | undefined>;
  /** Whether a block that is written for demand now would be kept: a full volume may want to see it asked for again first. */
  admits(blockIndex: number): boolean;
  /**
   * Keeps a block: once this resolves with 'kept' it is held and survives kill -9. Bytes must have the block's exact
   * length. For demand unless said; only then the answer may be 'not-admitted', which is no failure.
   * @throws OperationalError VOLUME_FULL, VOLUME_IO; the caller goes on serving without storing.
   */
  write(blockIndex: number, bytes: Uint8Array, urgency?: Urgency): Promise<WriteOutcome>;
  /** Replaces the description (a 304 renewed it). Key, size and entity tag must stay. */
  describe(description: ObjectDescription): void;
}

export interface StoreUsage {
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly pinnedBytes: number;
  readonly objectCount: number;
  readonly memoryBytes: number;
  readonly volumes: readonly VolumeState[];
}

export interface VolumeState {
  readonly dir: string;
  /** full: writes fail, reads go on; failing: reads fail too, nothing is placed there. */
  readonly state: 'online' | 'full' | 'failing';
  readonly capacityBytes: number;
  readonly usedBytes: number;
  /** Undefined when it is not scrubbed. */
  readonly scrub: ScrubProgress | undefined;
  /** How long the viewer who waits longest for this disk has been waiting by now; 0 when nobody waits. */
  readonly viewerWaitMs: number;
}
