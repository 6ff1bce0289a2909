import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ObjectStore, StoredObject } from '../../../appliance/store/object-store.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { until } from '../../support/until.ts';
import { expectBytes } from './expect-bytes.ts';
import { contentOf, descriptionOf, lengthOf, StoreRig } from './store-rig.ts';

/**
 * A store of six blocks on two volumes against a model: any sequence of steps, with restarts and evictions between.
 * The model knows what was acknowledged and by whom it is held; what it cannot know is whom eviction took, so an
 * object that nobody holds may be gone, wholly, once room was short; and nothing else may ever be missing or wrong.
 */
const KEYS = ['/a', '/b', '/c', '/d'];
const SIZES = [0, 5000, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES, 3 * BLOCK_BYTES - 7];
const VOLUME_BLOCKS = 3;

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('create' as const), key: fc.nat(3), size: fc.nat(5) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('write' as const), key: fc.nat(3), block: fc.nat(2) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('fill' as const), key: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('hold' as const), key: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), holder: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), key: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pin' as const), keys: fc.subarray(KEYS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Known {
  readonly tag: string;
  readonly sizeBytes: number;
  readonly acknowledged: Set<number>;
  holders: number;
}

class Run {
  readonly #rig: StoreRig;
  readonly #newest = new Map<string, Known>();
  #held: { readonly object: StoredObject; readonly known: Known }[] = [];
  #pinned = new Set<string>();
  #store: ObjectStore | undefined;
  #tags = 0;
  /** Whether room was ever short, so that eviction may have taken something. */
  #short = false;

  constructor(rig: StoreRig) {
    this.#rig = rig;
  }

  async take(next: Step): Promise<void> {
    switch (next.kind) {
      case 'create':
        return this.#create(KEYS[next.key]!, SIZES[next.size]!);
      case 'write':
        return this.#write(KEYS[next.key]!, next.block);
      case 'fill':
        await Promise.all([0, 1, 2].map((block) => this.#write(KEYS[next.key]!, block)));
        return;
      case 'hold':
        return this.#hold(KEYS[next.key]!);
      case 'release':
        return this.#release(next.holder);
      case 'remove':
        return this.#remove(KEYS[next.key]!);
      case 'pin':
        this.#pinned = new Set(next.keys);
        return this.store.pin(this.#pinned);
      case 'restart':
        return this.restart();
    }
  }

  get store(): ObjectStore {
    if (this.#store === undefined) throw new Error('not open');
    return this.#store;
  }

  async restart(): Promise<void> {
    for (const { object, known } of this.#held) {
      object[Symbol.dispose]();
      known.holders -= 1;
    }
    this.#held = [];
    const volumes = ['x', 'y'].map((name) => ({
      dir: this.#rig.volumeDir(name),
      capacityBytes: VOLUME_BLOCKS * BLOCK_BYTES,
    }));
    this.#store = await this.#rig.open({ volumes, memoryBytes: 2 * BLOCK_BYTES });
    this.#store.pin(this.#pinned);
  }

  /** Everything that must hold between any two steps. */
  async check(): Promise<void> {
    for (const { object, known } of this.#held) await this.#checkObject(object, known);
    for (const key of KEYS) {
      using object = this.store.find(key);
      const known = this.#newest.get(key);
      if (object === undefined) {
        if (known !== undefined && (known.holders > 0 || !this.#short)) expect.fail(`${key} is gone`);
        continue;
      }
      expect(known, `${key} was removed or never there`).toBeDefined();
      expect(object.description.etag).toBe(known?.tag);
      await this.#checkObject(object, known!);
    }
    const usage = this.store.usage();
    for (const volume of usage.volumes) {
      expect(volume.usedBytes).toBeLessThanOrEqual(volume.capacityBytes);
      expect(volume.state).toBe('online');
    }
    expect(usage.objectCount).toBe([...this.store.objects()].length);
    const pinned = [...this.store.objects()].filter(({ description }) => this.#pinned.has(description.key));
    expect(usage.pinnedBytes >= pinned.reduce((sum, { heldBytes }) => sum + heldBytes, 0)).toBe(true);
  }

  /** With nobody holding anything the bytes in use are those of the objects, to the page, and of short tails. */
  async checkAccounts(): Promise<void> {
    await this.restart();
    await this.check();
    const diskBytes = [...this.store.objects()].reduce((sum, object) => {
      const last = object.heldBytes % BLOCK_BYTES;
      const lastPages = Math.ceil(last / 4096) * 4096;
      return sum + object.heldBytes - last + (last === 0 ? 0 : Math.min(BLOCK_BYTES, lastPages + 4096));
    }, 0);
    await until(() => this.store.usage().usedBytes === diskBytes);
    const files = (await this.#rig.dataFiles('x')).length + (await this.#rig.dataFiles('y')).length;
    expect(files).toBe([...this.store.objects()].filter(({ heldBlocks }) => heldBlocks > 0).length);
  }

  async #checkObject(object: StoredObject, known: Known): Promise<void> {
    const { sizeBytes } = known;
    let held = 0;
    for (let block = 0; block < object.blockCount; block += 1) {
      expect(object.holds(block)).toBe(known.acknowledged.has(block));
      const bytes = await object.read(block);
      if (object.holds(block)) expectBytes(bytes, contentOf(known.tag, block, lengthOf(sizeBytes, block)));
      else expect(bytes).toBeUndefined();
      if (object.holds(block)) held += lengthOf(sizeBytes, block);
    }
    expect(object.heldBytes).toBe(held);
  }

  #create(key: string, sizeBytes: number): void {
    this.#tags += 1;
    const tag = `"${this.#tags}"`;
    const known: Known = { tag, sizeBytes, acknowledged: new Set(), holders: 0 };
    this.#newest.set(key, known);
    this.store.create(descriptionOf(key, sizeBytes, { etag: tag }))[Symbol.dispose]();
  }

  async #write(key: string, block: number): Promise<void> {
    using object = this.store.find(key);
    const known = this.#newest.get(key);
    if (object === undefined || known === undefined || block >= object.blockCount) return;
    const volumeBytes = this.store.usage().volumes.map(({ usedBytes }) => usedBytes);
    if (volumeBytes.some((bytes) => bytes + 3 * BLOCK_BYTES > VOLUME_BLOCKS * BLOCK_BYTES)) this.#short = true;
    try {
      await object.write(block, contentOf(known.tag, block, lengthOf(known.sizeBytes, block)));
      known.acknowledged.add(block);
    } catch (error) {
      expect(isOperational(error, 'VOLUME_FULL')).toBe(true);
      expect(this.#short).toBe(true);
    }
  }

  #hold(key: string): void {
    const object = this.store.find(key);
    const known = this.#newest.get(key);
    if (object === undefined || known === undefined) return;
    known.holders += 1;
    this.#held.push({ object, known });
  }

  #release(index: number): void {
    const [released] = this.#held.splice(index, 1);
    if (released === undefined) return;
    released.object[Symbol.dispose]();
    released.known.holders -= 1;
  }

  async #remove(key: string): Promise<void> {
    const removed = await this.store.remove(key);
    if (!this.#short) expect(removed).toBe(this.#newest.has(key));
    this.#newest.delete(key);
  }
}

it('agrees with its model after any sequence of steps', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
      await using rig = new StoreRig();
      const run = new Run(rig);
      await run.restart();
      for (const next of steps) {
        await run.take(next);
        await run.check();
      }
      await run.checkAccounts();
    }),
    { numRuns: 12 },
  );
});
