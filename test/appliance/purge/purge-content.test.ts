import { describe, expect, it } from 'vitest';
import { PurgeBarrier } from '../../../appliance/purge/purge-barrier.ts';
import { type PurgeParts, purgeContent } from '../../../appliance/purge/purge-content.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { FakeStore } from '../../support/fake-store.ts';

const ROOT = 'a'.repeat(64);

function rig(objects: number, changes: Partial<PurgeParts> = {}) {
  const store = new FakeStore();
  for (let index = 0; index < objects; index += 1)
    store.put(`/${index % 2 === 0 ? 'a' : 'b'}/${index}`, ROOT, BLOCK_BYTES);
  const parts: PurgeParts = {
    barrier: new PurgeBarrier(),
    store,
    forgetQuestions: () => 0,
    forgetOpen: () => ({ blocksOnTheirWay: 0 }),
    isPlanned: () => false,
    runningElsewhere: () => Promise.resolve(0),
    ...changes,
  };
  return { store, parts };
}

describe('the search of a purge', () => {
  it('lets others have the loop between its slices, and takes what is meant and nothing else', async () => {
    const { store, parts } = rig(20_000);
    let turns = 0;
    let isOver = false;
    const others = (): void => {
      turns += 1;
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    const report = await purgeContent({ by: 'prefix', prefix: '/a/' }, 'finish', parts);
    isOver = true;
    expect(report).toMatchObject({ objects: 10_000, blocks: 10_000, bytes: 10_000 * BLOCK_BYTES, mayComeBack: 0 });
    expect([...store.objects()]).toHaveLength(10_000);
    expect(turns).toBeGreaterThan(50);
  });

  it('leaves what was begun anew while it went on, and ends though more comes all the time', async () => {
    const { store, parts } = rig(20_000);
    let isOver = false;
    let begun = 0;
    const others = (): void => {
      begun += 1;
      parts.barrier.created(`/a/new-${begun}`);
      store.put(`/a/new-${begun}`, ROOT, BLOCK_BYTES);
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    const report = await purgeContent({ by: 'prefix', prefix: '/a/' }, 'finish', parts);
    isOver = true;
    expect(report.objects).toBe(10_000);
    expect([...store.objects()].filter(({ description }) => description.key.startsWith('/a/new-'))).toHaveLength(begun);
  });

  it('counts what the plan fills again, and looks at no more than the keys it was given', async () => {
    const { parts } = rig(10, { isPlanned: (key) => key === '/a/0' });
    const rule = { by: 'title', title: 'film', keys: new Set(['/a/0', '/a/2', '/a/none']) } as const;
    expect(await purgeContent(rule, 'finish', parts)).toMatchObject({ objects: 2, plannedObjects: 1 });
  });

  it('says what a volume did not take to heart, and goes on with the rest', async () => {
    const { store, parts } = rig(10);
    const remove = store.remove.bind(store);
    store.remove = async (key) => {
      const removed = await remove(key);
      if (key === '/a/4') throw new OperationalError('VOLUME_IO', 'the disk hangs');
      return removed;
    };
    const report = await purgeContent({ by: 'prefix', prefix: '/' }, 'finish', parts);
    expect(report).toMatchObject({ objects: 10, mayComeBack: 1 });
    expect(report.failure?.code).toBe('VOLUME_IO');
    expect([...store.objects()]).toHaveLength(0);
    expect(parts.barrier.standingCount).toBe(0);
  });

  it('counts what a viewer who looked it up removed in its place, and answers only when that is durable', async () => {
    const { store, parts } = rig(20_000);
    const removed = Promise.withResolvers<boolean>();
    removed.promise.catch(() => undefined);
    let hasAnswered = false;
    setImmediate(() => {
      const state = store.state('/a/19998');
      if (state === undefined) throw new Error('the search is faster than this test thinks');
      expect(parts.barrier.isToGo(state.description)).toBe(true);
      void store.remove('/a/19998');
      const { description, heldBlocks, heldBytes } = state;
      parts.barrier.takeAway({ description, heldBlocks, heldBytes, removal: removed.promise });
      setTimeout(() => {
        expect(hasAnswered).toBe(false);
        removed.reject(new OperationalError('VOLUME_IO', 'the disk hangs'));
      });
    });
    const report = await purgeContent({ by: 'prefix', prefix: '/a/' }, 'finish', parts);
    hasAnswered = true;
    expect(report).toMatchObject({ objects: 10_000, mayComeBack: 1 });
  });
});
