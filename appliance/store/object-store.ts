import type { Service } from '../../src/lifecycle/service.ts';
import type { LoadOutcome } from '../memory/arena.ts';
import type { PublishedDescription } from '../memory/published.ts';
import type { ObjectDescription } from './object-description.ts';
import type { ScrubProgress } from './scrub/scrub-progress.ts';

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
   * outlives a restart, and no thread sends a head for it any more. @returns whether there was one
   * @throws OperationalError VOLUME_FULL, VOLUME_IO: it is forgotten now, and may come back after a restart; OVERLOADED:
   *   a thread does not say that it is done
   */
  remove(key: string): Promise<boolean>;
  /**
   * Keys that the plan wants held: eviction takes them only when nothing else is left. Replaces the set before.
   * @param heads of how many of these only the first so many blocks are wanted; one that holds more is not kept for that
   */
  pin(keys: ReadonlySet<string>, heads?: ReadonlyMap<string, number>): void;
  /**
   * The same a little at a time, for plans of hundreds of thousands of files. Yields how many keys it has looked at. The
   * sets are the store's from now on, and nobody may change them.
   */
  pinning(keys: ReadonlySet<string>, heads: ReadonlyMap<string, number>): Generator<number, void>;
  /** Objects, for inventory and the operator; 'all' has those on failing volumes, too. Not acquired: look, do not read. */
  objects(which?: 'reachable' | 'all'): Iterable<ObjectState>;
  /** What is known under a key, though its volume may fail. Not acquired. */
  state(key: string): ObjectState | undefined;
  /**
   * Nothing that volumes hold which are not open now will be found when they come back: for a purge by something that
   * cannot be looked up there. Durable when it resolves. @throws OperationalError VOLUME_FULL, VOLUME_IO
   */
  distrustAway(): Promise<void>;
  usage(): StoreUsage;
  /** So many bytes of what is under a key were sent by others than `read`: eviction counts them as it counts reads. */
  served(key: string, bytes: number): void;
  /** Threads are not shown what `covers` means from now on, until somebody shows it anew. Looks at what is shown alone. */
  hide(covers: (description: ObjectDescription) => boolean): void;
  /**
   * Resolves when no thread sends a head any more for what was forgotten before this call. At once where no thread reads.
   * @throws OperationalError when a thread never says so
   */
  settled(): Promise<void>;
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
  /** Its disk is being left or was: what memory has of it can be read, nothing is kept any more. Look again. */
  readonly isLeft: boolean;
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
  /** Replaces the description (a 304 renewed it). Key, size and entity tag must stay. Threads are shown neither from then on. */
  describe(description: ObjectDescription): void;
  /**
   * A held block into the memory that threads send from, checked; at once when it is there. Counts as no reading. Also
   * of what was forgotten meanwhile, while it is held. 'refused': all memory is in use, or no thread reads. 'lost' as
   * `read` answers undefined. Never waits longer than a read.
   */
  bringIn(blockIndex: number, urgency?: Urgency): Promise<LoadOutcome>;
  /** Bytes that were checked into the same memory, whether the block is held or not; they are copied. */
  putIn(blockIndex: number, bytes: Uint8Array): Promise<LoadOutcome>;
  /** From now on threads may answer for it. @returns false: it was forgotten, is too large to be shown, or no thread reads */
  show(description: PublishedDescription): boolean;
  /** Whether threads may answer for it, by the description that it has now. They look themselves whether that is still fresh. */
  readonly isShown: boolean;
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
  readonly uuid: string;
  readonly dir: string;
  /**
   * suspect: it is read, nothing new is put there; failing: who reads finishes, nothing else; offline: closed, and tried
   * again now and then.
   */
  readonly state: 'online' | 'suspect' | 'failing' | 'offline';
  /** full, read-only: what would be written is passed through, reads go on; refused: failing or offline. */
  readonly writes: 'taken' | 'full' | 'read-only' | 'refused';
  /** What is wrong, for the operator; not there when nothing is. */
  readonly reason?: string;
  /** The operator wants nothing new on it. */
  readonly isDraining: boolean;
  /** What it may hold now: as meant, or less where others fill the disk. */
  readonly capacityBytes: number;
  readonly usedBytes: number;
  /** On its file system; not there before it was asked. */
  readonly freeBytes?: number;
  readonly objectCount: number;
  /** Operations that failed since the appliance began. */
  readonly errorCount: number;
  /** Undefined when it is not scrubbed. */
  readonly scrub: ScrubProgress | undefined;
  /** How long the viewer who waits longest for this disk has been waiting by now; 0 when nobody waits. */
  readonly viewerWaitMs: number;
}

/**
 * What the operator does with volumes while the appliance runs. All of it survives a restart, may be done again, and
 * leaves the keys of other volumes where they are. A volume is named by its UUID or its folder.
 */
export interface VolumeAdmin {
  list(): VolumeState[];
  /** Folders that the configuration names and the operator took out. */
  removed(): string[];
  /** Whether there is such a volume, or was one that was removed. */
  knows(id: string): boolean;
  /** @throws OperationalError CONFIG_INVALID, STATE_IN_USE, STATE_CORRUPT, VOLUME_FULL, VOLUME_IO: then nothing has changed */
  add(request: AddVolume): Promise<VolumeState>;
  /** With `true` nothing new is put there, and it is read on. @throws OperationalError CONFIG_INVALID, VOLUME_FULL, VOLUME_IO */
  setDraining(id: string, isDraining: boolean): Promise<VolumeState>;
  /** Who reads finishes, as long as a failing disk would wait; its content stays on the disk. As `setDraining`. */
  remove(id: string): Promise<void>;
  /** Begins an empty volume in its folder, whatever is there. As `add`. */
  reinit(id: string): Promise<VolumeState>;
}

export interface AddVolume {
  /** An absolute path. */
  readonly dir: string;
  /** Undefined: what the configuration says of all. */
  readonly capacityBytes?: number | undefined;
  /** What becomes of content that is there and was never ours. */
  readonly content: 'refuse' | 'keep' | 'erase';
}
