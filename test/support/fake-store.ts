import type { ObjectDescription } from '../../appliance/store/object-description.ts';
import type { ObjectState, ObjectStore, StoredObject, StoreUsage } from '../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';

/** A store for tests of what stands above it: blocks are flags in memory, and a test can evict. */
export class FakeStore implements ObjectStore {
  readonly #objects = new Map<string, FakeObject>();
  pinned: ReadonlySet<string> = new Set();
  heads: ReadonlyMap<string, number> = new Map();

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  find(key: string): FakeObject | undefined {
    return this.#objects.get(key);
  }

  create(description: ObjectDescription): FakeObject {
    const object = new FakeObject(description);
    this.#objects.set(description.key, object);
    return object;
  }

  remove(key: string): Promise<boolean> {
    return Promise.resolve(this.#objects.delete(key));
  }

  pin(keys: ReadonlySet<string>, heads: ReadonlyMap<string, number> = new Map()): void {
    this.pinned = keys;
    this.heads = heads;
  }

  *pinning(keys: ReadonlySet<string>, heads: ReadonlyMap<string, number>): Generator<number, void> {
    yield keys.size;
    this.pin(keys, heads);
  }

  objects(): Iterable<ObjectState> {
    return this.#objects.values();
  }

  state(key: string): ObjectState | undefined {
    return this.#objects.get(key);
  }

  distrustAway(): Promise<void> {
    return Promise.resolve();
  }

  served(): void {
    // Nothing is evicted here.
  }

  hide(): void {
    // Nothing is shown here.
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }

  usage(): StoreUsage {
    return { capacityBytes: 1e15, usedBytes: 0, pinnedBytes: 0, objectCount: 0, memoryBytes: 0, volumes: [] };
  }

  /** Makes an object of a planned file, holding the given blocks, or all. */
  put(key: string, root: string, sizeBytes: number, blocks?: readonly number[]): FakeObject {
    const object = this.create({
      key,
      sizeBytes,
      etag: `"${root}"`,
      headers: {},
      manifestRoot: root,
      confirmedAtMs: 0,
      initialAgeMs: 0,
      freshnessMs: 0,
      staleIfErrorMs: 0,
    });
    for (let index = 0; index < object.blockCount; index += 1) {
      if (blocks === undefined || blocks.includes(index)) object.hold(index);
    }
    return object;
  }
}

export class FakeObject implements StoredObject {
  description: ObjectDescription;
  readonly blockCount: number;
  readonly #held = new Set<number>();

  constructor(description: ObjectDescription) {
    this.description = description;
    this.blockCount = Math.ceil(description.sizeBytes / BLOCK_BYTES);
  }

  get heldBlocks(): number {
    return this.#held.size;
  }

  get heldBytes(): number {
    return [...this.#held].reduce((total, index) => total + this.blockBytes(index), 0);
  }

  blockBytes(blockIndex: number): number {
    return Math.min(BLOCK_BYTES, this.description.sizeBytes - blockIndex * BLOCK_BYTES);
  }

  readonly isLeft = false;
  readonly isShown = false;

  holds(blockIndex: number): boolean {
    return this.#held.has(blockIndex);
  }

  hold(blockIndex: number): void {
    this.#held.add(blockIndex);
  }

  evict(blockIndex: number): void {
    this.#held.delete(blockIndex);
  }

  read(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  admits(): boolean {
    return true;
  }

  write(blockIndex: number): Promise<'kept'> {
    this.hold(blockIndex);
    return Promise.resolve('kept');
  }

  describe(description: ObjectDescription): void {
    this.description = description;
  }

  bringIn(): Promise<'refused'> {
    return Promise.resolve('refused');
  }

  putIn(): Promise<'refused'> {
    return Promise.resolve('refused');
  }

  show(): boolean {
    return false;
  }

  [Symbol.dispose](): void {
    // Nothing is counted here.
  }
}
