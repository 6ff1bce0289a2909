import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DiskStore } from '../../../../appliance/store/disk-object-store.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { until } from '../../../support/until.ts';
import { expectBytes } from '../expect-bytes.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from '../store-rig.ts';

/** More than a few slices on one of two volumes. */
const OBJECTS = 8000;
/** So many of them have bytes. */
const FILLED = 24;
/** One page for the bytes, one for the tail. */
const FILLED_BYTES = 2 * 4096;
const ACTIONS_PER_TURN = 30;

const keys = Array.from({ length: OBJECTS }, (_, number) => `/${number}`);
const capacityBytes = 64 * BLOCK_BYTES;

const actions = fc.array(
  fc.record({
    // Those with bytes more often than by chance: pins show on them alone.
    key: fc.oneof(fc.nat(FILLED - 1), fc.nat(OBJECTS - 1)).map((number) => `/${number}`),
    kind: fc.constantFrom('remove', 'create', 'create and remove', 'pin', 'find'),
  }),
  { minLength: 120, maxLength: 120 },
);
type Action = typeof actions extends fc.Arbitrary<readonly (infer A)[]> ? A : never;

class Model {
  /** Of what must be found. */
  readonly tags = new Map<string, string>();
  readonly filled = new Set<string>();
  pinned: ReadonlySet<string> = new Set();
  readonly pending: Promise<unknown>[] = [];
  #made = 0;

  do(store: DiskStore, { key, kind }: Action): void {
    if (kind === 'pin') {
      this.pinned = new Set(
        this.pinned.has(key) ? [...this.pinned].filter((each) => each !== key) : [...this.pinned, key],
      );
      store.pin(this.pinned);
    } else if (kind === 'find') {
      // Not there yet, or as it is meant to be.
      using object = store.find(key);
      if (object !== undefined) expect(object.description.etag).toBe(this.tags.get(key));
    } else {
      if (kind !== 'remove') this.#create(store, key);
      if (kind !== 'create') this.#remove(store, key);
    }
  }

  #create(store: DiskStore, key: string): void {
    this.#made += 1;
    const etag = `"later ${this.#made}"`;
    store.create(descriptionOf(key, 10, { etag }))[Symbol.dispose]();
    this.tags.set(key, etag);
    this.filled.delete(key);
  }

  #remove(store: DiskStore, key: string): void {
    this.pending.push(store.remove(key));
    this.tags.delete(key);
    this.filled.delete(key);
  }
}

async function expectAsKnown(store: DiskStore, { filled, pinned, tags }: Model): Promise<void> {
  expect(store.usage().objectCount).toBe(tags.size);
  for (const key of keys) {
    using object = store.find(key);
    expect(object?.description.etag).toBe(tags.get(key));
    if (filled.has(key)) expectBytes(await object?.read(0), contentOf(key, 0, 10));
  }
  await until(() => store.usage().usedBytes === filled.size * FILLED_BYTES);
  expect(store.usage().pinnedBytes).toBe([...filled].filter((key) => pinned.has(key)).length * FILLED_BYTES);
}

it('takes over a volume in slices: what is removed, replaced and pinned meanwhile is so, and stays so', {
  timeout: 60_000,
}, async () => {
  const open = (rig: StoreRig) =>
    rig.open({
      volumes: ['a', 'b'].map((name) => ({ dir: rig.volumeDir(name), capacityBytes })),
      stateDir: () => rig.volumeDir('state'),
    });
  const attempt = async (planned: readonly Action[]): Promise<void> => {
    await using rig = new StoreRig();
    let store = await open(rig);
    const model = new Model();
    for (const key of keys.slice(FILLED)) store.create(descriptionOf(key, 10))[Symbol.dispose]();
    for (const key of keys.slice(0, FILLED)) await fillObject(store, descriptionOf(key, 10));
    for (const key of keys) model.tags.set(key, '"1"');
    for (const key of keys.slice(0, FILLED)) model.filled.add(key);
    await store.volumes.remove(rig.volumeDir('a'));
    const away = store.usage().objectCount;

    const adding = { isOver: false };
    const added = store.volumes.add({ dir: rig.volumeDir('a'), capacityBytes, content: 'refuse' }).then(() => {
      adding.isOver = true;
    });
    let turnsBetween = 0;
    const left = [...planned];
    while (!adding.isOver) {
      await nextTurn();
      // Since it began, and before it has all: what is pinned later would make good for what was missed.
      const { objectCount } = store.usage();
      if ((turnsBetween === 0 && objectCount === away) || objectCount >= model.tags.size) continue;
      turnsBetween += 1;
      // Those with bytes came last, and are taken over last.
      for (let at = 0; at < 3; at += 1) model.do(store, { key: `/${(turnsBetween * 3 + at) % FILLED}`, kind: 'pin' });
      for (const action of left.splice(0, ACTIONS_PER_TURN)) model.do(store, action);
    }
    await added;
    expect(turnsBetween).toBeGreaterThan(1);
    await Promise.all(model.pending);
    await expectAsKnown(store, model);

    store = await open(rig);
    store.pin(model.pinned);
    await expectAsKnown(store, model);
  };
  await fc.assert(fc.asyncProperty(actions, attempt), { numRuns: 4, endOnFailure: true });
});
