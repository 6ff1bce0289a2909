import { describe, expect, it } from 'vitest';
import type { ArenaContent } from '../../../appliance/memory/arena.ts';
import type { PublishedObject, PublishedReader } from '../../../appliance/memory/published.ts';
import { createReader } from '../../../appliance/memory/reader.ts';
import { ArenaRig, filledWith, libcLoad, PAGE_BYTES, publishedOf } from './arena-rig.ts';

/** Shows an object of some blocks, whose bytes tell the block. */
async function shown(rig: ArenaRig, key: string, blocks: number): Promise<ArenaContent> {
  const content = rig.arena.begin();
  for (let block = 0; block < blocks; block += 1) expect(await rig.load(content, block, block + 1)).toBe('here');
  expect(rig.arena.show(content, publishedOf(key))).toBe(true);
  return content;
}

function found(reader: PublishedReader, key: string): PublishedObject {
  const object = reader.find(key);
  if (object === undefined) throw new Error(`nothing is shown under ${key}`);
  return object;
}

const held = (reader: PublishedReader, object: PublishedObject, blocks: readonly number[]): boolean[] =>
  blocks.map((block) => {
    const slot = reader.pin(object, block);
    if (slot !== -1) reader.unpin(slot);
    return slot !== -1;
  });

// Without Linux and koffi there is no memory to share: nothing here can be true or false.
describe.skipIf(libcLoad.kind === 'missing')('the arena', () => {
  it('shows an object and its blocks to readers, as they were given', async () => {
    using rig = new ArenaRig();
    const content = await shown(rig, '/a', 2);
    const reader = createReader(rig.arena.shared, 1);
    const object = found(reader, '/a');
    expect(object.description).toEqual(publishedOf('/a'));
    const slot = reader.pin(object, 1);
    expect(rig.bytes(slot, PAGE_BYTES)).toEqual(new Uint8Array(PAGE_BYTES).fill(2));
    expect(rig.arena.copy(content, 0)).toEqual(Buffer.alloc(PAGE_BYTES, 1));
    expect(reader.pin(object, 2)).toBe(-1);
    expect(reader.find('/b')).toBeUndefined();
  });

  it('I1: a block whose check failed is never shown, whatever was written', async () => {
    using rig = new ArenaRig();
    const content = await shown(rig, '/a', 1);
    const reader = createReader(rig.arena.shared, 0);
    const wrong = rig.arena.load(content, 1, PAGE_BYTES, (view) => {
      view.fill(9);
      return { checked: Promise.resolve(false), ended: Promise.resolve() };
    });
    expect(await wrong).toBe('lost');
    const failed = rig.arena.load(content, 1, PAGE_BYTES, () => ({
      checked: Promise.reject(new Error('no disk')),
      ended: Promise.resolve(),
    }));
    await expect(failed).rejects.toThrow('no disk');
    expect(held(reader, found(reader, '/a'), [0, 1])).toEqual([true, false]);
    expect(rig.arena.copy(content, 1)).toBeUndefined();
    expect(rig.arena.usage()).toMatchObject({ usedBytes: PAGE_BYTES, blocks: 1 });
    expect(await rig.load(content, 1, 2)).toBe('here');
  });

  it('loads a block once, however many ask for it at a time', async () => {
    using rig = new ArenaRig();
    const content = rig.arena.begin();
    const gate = Promise.withResolvers<boolean>();
    let loads = 0;
    const fill = () => {
      loads += 1;
      return { checked: gate.promise, ended: Promise.resolve() };
    };
    const asked = [0, 1, 2].map(() => rig.arena.load(content, 0, PAGE_BYTES, fill));
    expect(rig.arena.has(content, 0)).toBe(false);
    gate.resolve(true);
    expect(await Promise.all(asked)).toEqual(['here', 'here', 'here']);
    expect(await rig.arena.load(content, 0, PAGE_BYTES, fill)).toBe('here');
    expect(loads).toBe(1);
  });

  it('keeps a slot to itself while a read that was given up on may still write to it', async () => {
    using rig = new ArenaRig({ slotCount: 1, capacityBytes: PAGE_BYTES });
    const content = rig.arena.begin();
    const hangs = Promise.withResolvers<void>();
    let late: Uint8Array | undefined;
    const given = rig.arena.load(content, 0, PAGE_BYTES, (view) => {
      late = view;
      return { checked: Promise.reject(new Error('no answer within a second')), ended: hangs.promise };
    });
    await expect(given).rejects.toThrow('no answer');
    expect(await rig.load(content, 1, 7)).toBe('refused');
    late?.fill(0xee);
    hangs.resolve();
    await hangs.promise;
    expect(await rig.load(content, 1, 7)).toBe('here');
    expect(rig.arena.copy(content, 1)).toEqual(Buffer.alloc(PAGE_BYTES, 7));
  });

  it('stays within its bytes: blocks take the pages they need, and who was touched longest ago leaves', async () => {
    using rig = new ArenaRig({ capacityBytes: 8 * PAGE_BYTES });
    const content = await shown(rig, '/a', 4);
    await rig.load(content, 0, 1);
    expect(await rig.load(content, 9, 9, 7 * PAGE_BYTES - 100)).toBe('here');
    expect([0, 1, 2, 3, 9].filter((block) => rig.arena.has(content, block))).toEqual([0, 9]);
    expect(rig.arena.usage().usedBytes).toBe(8 * PAGE_BYTES);
  });

  it('spares what readers came back to, and not what was read once', async () => {
    using rig = new ArenaRig({ capacityBytes: 3 * PAGE_BYTES });
    const content = await shown(rig, '/a', 3);
    const reader = createReader(rig.arena.shared, 0);
    held(reader, found(reader, '/a'), [0, 0, 1, 2]);
    await rig.load(content, 3, 3);
    expect([0, 1, 2, 3].map((block) => rig.arena.has(content, block))).toEqual([true, false, true, true]);
    // Nobody came back to it since it was spared.
    await rig.load(content, 4, 4);
    await rig.load(content, 5, 5);
    await rig.load(content, 6, 6);
    expect(rig.arena.has(content, 0)).toBe(false);
  });

  it('refuses a load while everything is pinned, and takes it when something was let go', async () => {
    using rig = new ArenaRig({ slotCount: 2 });
    const content = await shown(rig, '/a', 2);
    const reader = createReader(rig.arena.shared, 0);
    const object = found(reader, '/a');
    const slots = [reader.pin(object, 0), reader.pin(object, 1)];
    expect(await rig.load(content, 2, 3)).toBe('refused');
    expect(held(reader, object, [0, 1])).toEqual([true, true]);
    reader.unpin(slots[1] ?? -1);
    expect(await rig.load(content, 2, 3)).toBe('here');
    expect(held(reader, object, [0, 1, 2])).toEqual([true, false, true]);
  });

  it('takes a block away at once, and its slot only when nobody has it any more', async () => {
    using rig = new ArenaRig({ slotCount: 1 });
    const content = await shown(rig, '/a', 1);
    const reader = createReader(rig.arena.shared, 0);
    const object = found(reader, '/a');
    const slot = reader.pin(object, 0);
    rig.arena.drop(content, 0);
    expect(reader.pin(object, 0)).toBe(-1);
    expect(await rig.load(content, 1, 7)).toBe('refused');
    expect(rig.bytes(slot, 1)).toEqual(Uint8Array.of(1));
    expect(rig.arena.usage()).toMatchObject({ leavingBlocks: 1, pins: 1 });
    reader.unpin(slot);
    expect(await rig.load(content, 1, 7)).toBe('here');
    expect(rig.arena.usage().leavingBlocks).toBe(0);
  });

  it('gives pages back when a block has left', async () => {
    using rig = new ArenaRig();
    const content = await shown(rig, '/a', 1);
    const reader = createReader(rig.arena.shared, 0);
    const slot = reader.pin(found(reader, '/a'), 0);
    reader.unpin(slot);
    rig.arena.end(content);
    expect(rig.bytes(slot, 1)).toEqual(Uint8Array.of(0));
    expect(rig.arena.usage()).toMatchObject({ usedBytes: 0, blocks: 0, objects: 0 });
  });

  it('takes what a reader has for good away from it when the thread is gone', async () => {
    using rig = new ArenaRig({ slotCount: 1 });
    const content = await shown(rig, '/a', 1);
    const reader = createReader(rig.arena.shared, 1);
    reader.enter();
    reader.pin(found(reader, '/a'), 0);
    rig.arena.readerGone(1);
    await rig.arena.settled();
    expect(await rig.load(content, 1, 2)).toBe('here');
    expect(rig.arena.usage().pins).toBe(0);
  });

  it('puts bytes that were checked elsewhere beside those from disks', async () => {
    using rig = new ArenaRig();
    const content = rig.arena.begin();
    const bytes = Buffer.alloc(PAGE_BYTES + 1, 5);
    expect(await rig.arena.put(content, 3, bytes)).toBe('here');
    bytes.fill(6);
    expect(rig.arena.copy(content, 3)).toEqual(Buffer.alloc(PAGE_BYTES + 1, 5));
  });

  it('takes nothing for a content that has ended while it was loaded', async () => {
    using rig = new ArenaRig();
    const content = rig.arena.begin();
    const gate = Promise.withResolvers<boolean>();
    const loading = rig.arena.load(content, 0, PAGE_BYTES, () => ({ checked: gate.promise, ended: Promise.resolve() }));
    rig.arena.end(content);
    gate.resolve(true);
    expect(await loading).toBe('refused');
    expect(await rig.arena.load(content, 1, PAGE_BYTES, filledWith(1))).toBe('refused');
    expect(rig.arena.show(content, publishedOf('/a'))).toBe(false);
    await gate.promise;
    expect(rig.arena.usage().usedBytes).toBe(0);
  });

  it('tells what it does in metrics', async () => {
    using rig = new ArenaRig({ slotCount: 1 });
    const content = await shown(rig, '/a', 2);
    expect(rig.arena.has(content, 0)).toBe(false);
    const text = await rig.metrics.expose();
    expect(text).toContain('appliance_memory_loads_total{outcome="here"} 2');
    expect(text).toContain('appliance_memory_evictions_total 1');
    expect(text).toContain(`appliance_memory_used_bytes ${PAGE_BYTES}`);
    expect(text).toContain('appliance_memory_objects 1');
  });
});

// Without Linux and koffi there is no memory to share: nothing here can be true or false.
describe.skipIf(libcLoad.kind === 'missing')('what is shown of an object', () => {
  it('is taken back at once, also from who found it before', async () => {
    using rig = new ArenaRig();
    const content = await shown(rig, '/a', 1);
    const reader = createReader(rig.arena.shared, 0);
    const object = found(reader, '/a');
    expect(reader.isCurrent(object)).toBe(true);
    rig.arena.hide(content);
    expect(reader.isCurrent(object)).toBe(false);
    expect(reader.find('/a')).toBeUndefined();
    // A body that has begun goes on.
    expect(held(reader, object, [0])).toEqual([true]);
  });

  it('is replaced by a new description of the same bytes, whose blocks stay', async () => {
    using rig = new ArenaRig();
    const content = await shown(rig, '/a', 1);
    const reader = createReader(rig.arena.shared, 0);
    const before = found(reader, '/a');
    rig.arena.show(content, publishedOf('/a', { freshUntilMs: Number.POSITIVE_INFINITY, etag: undefined }));
    expect(reader.isCurrent(before)).toBe(false);
    const after = found(reader, '/a');
    expect(after.description.freshUntilMs).toBe(Number.POSITIVE_INFINITY);
    expect(after.description.etag).toBeUndefined();
    expect(held(reader, after, [0])).toEqual([true]);
  });

  it('stays as it is when the same is shown again', async () => {
    using rig = new ArenaRig();
    const content = await shown(rig, '/a', 1);
    const reader = createReader(rig.arena.shared, 0);
    const object = found(reader, '/a');
    expect(rig.arena.show(content, publishedOf('/a'))).toBe(true);
    expect(reader.isCurrent(object)).toBe(true);
  });

  it('makes room for others when there are too many, unless it was found since', async () => {
    using rig = new ArenaRig({ maxObjects: 2 });
    const contents = [rig.arena.begin(), rig.arena.begin(), rig.arena.begin()];
    const reader = createReader(rig.arena.shared, 0);
    const show = (at: number) => contents[at] !== undefined && rig.arena.show(contents[at], publishedOf(`/${at}`));
    show(0);
    show(1);
    found(reader, '/0');
    show(2);
    expect(['/0', '/1', '/2'].map((key) => reader.find(key) !== undefined)).toEqual([true, false, true]);
    // Who made room can be hidden and shown again.
    if (contents[1] !== undefined) rig.arena.hide(contents[1]);
    expect(show(1)).toBe(true);
    expect(reader.find('/1')).toBeDefined();
  });

  it('is nothing where the description is too long', () => {
    using rig = new ArenaRig();
    const content = rig.arena.begin();
    expect(rig.arena.show(content, publishedOf('/a', { headers: { long: 'x'.repeat(20_000) } }))).toBe(false);
    expect(rig.arena.usage().objects).toBe(0);
  });

  it('I4: is settled only when every reader that was inside has left', async () => {
    using rig = new ArenaRig();
    const content = await shown(rig, '/a', 1);
    const [one, two] = [createReader(rig.arena.shared, 0), createReader(rig.arena.shared, 1)];
    const object = found(one, '/a');
    await rig.arena.settled();
    one.enter();
    expect(one.isCurrent(object)).toBe(true);
    rig.arena.hide(content);
    const settled = rig.arena.settled();
    let isSettled = false;
    void settled.then(() => {
      isSettled = true;
    });
    // Another one that comes and goes is nobody's business.
    two.enter();
    two.leave();
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(isSettled).toBe(false);
    one.leave();
    // It may come in again: what it looks at now is what is true now.
    one.enter();
    await settled;
    expect(one.isCurrent(object)).toBe(false);
    one.leave();
  });
});
