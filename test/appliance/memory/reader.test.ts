import { describe, expect, it } from 'vitest';
import type { PublishedReader } from '../../../appliance/memory/published.ts';
import { createReader } from '../../../appliance/memory/reader.ts';
import { hashOfBlock } from '../../../appliance/memory/tables/content-number.ts';
import { HintTable, hintTableBytes } from '../../../appliance/memory/tables/hint-table.ts';
import { BoardWriter, textOf } from '../../../appliance/memory/tables/object-board.ts';
import { SlotTable, slotTableBytes } from '../../../appliance/memory/tables/slot-table.ts';
import { publishedOf } from './arena-rig.ts';

const SLOTS = 8;
const CONTENT = { high: 1, low: -7 };

/** Tables that a test writes as an owner would, or would not. */
function tables() {
  const slots = new SharedArrayBuffer(slotTableBytes(SLOTS, 1));
  const blocks = new SharedArrayBuffer(hintTableBytes(SLOTS));
  const board = new BoardWriter<string>({ readerCount: 1, maxObjects: SLOTS }, 77, () => undefined);
  const shared = { memoryFd: -1, slotCount: SLOTS, readerCount: 1, slots, blocks, objects: board.buffer };
  return {
    shared,
    board,
    slots: new SlotTable(slots, SLOTS, 1),
    hints: new HintTable(blocks, 0, SLOTS),
    show: (key: string) => board.show(key, CONTENT, textOf(publishedOf(key))),
  };
}

function found(reader: PublishedReader, key: string) {
  const object = reader.find(key);
  if (object === undefined) throw new Error(`nothing is shown under ${key}`);
  return object;
}

describe('a reader', () => {
  it.each([
    ['another block of the object', CONTENT, 5],
    ['the same block of another', { high: 1, low: 8 }, 4],
    ['one whose number differs in its upper word', { high: 2, low: -7 }, 4],
  ])('does not take a slot that has %s by now, and leaves it unpinned', (_what, content, block) => {
    const { hints, shared, show, slots } = tables();
    show('/a');
    hints.add(hashOfBlock(CONTENT.high, CONTENT.low, 4), 3);
    slots.publish(3, content.high, content.low, block);
    const reader = createReader(shared, 0);
    expect(reader.pin(found(reader, '/a'), 4)).toBe(-1);
    expect(slots.isPinned(3)).toBe(false);
    // Further on is the right one.
    hints.add(hashOfBlock(CONTENT.high, CONTENT.low, 4), 6);
    slots.publish(6, CONTENT.high, CONTENT.low, 4);
    expect(reader.pin(found(reader, '/a'), 4)).toBe(6);
  });

  it('does not take a slot whose block was withdrawn', () => {
    const { hints, shared, show, slots } = tables();
    show('/a');
    hints.add(hashOfBlock(CONTENT.high, CONTENT.low, 0), 2);
    slots.publish(2, CONTENT.high, CONTENT.low, 0);
    const reader = createReader(shared, 0);
    expect(slots.withdraw(2)).toBe(true);
    expect(reader.pin(found(reader, '/a'), 0)).toBe(-1);
    slots.restore(2, CONTENT.high);
    expect(reader.pin(found(reader, '/a'), 0)).toBe(2);
    expect(slots.withdraw(2)).toBe(false);
  });

  it('takes no description whose text is being written over', () => {
    const { board, shared, show } = tables();
    show('/a');
    const text = new Uint8Array(board.buffer);
    // Somewhere in the text, which stands behind everything else.
    const at = Buffer.from(text).lastIndexOf('video/mp4');
    text[at] = 'V'.charCodeAt(0);
    expect(createReader(shared, 0).find('/a')).toBeUndefined();
    text[at] = 'v'.charCodeAt(0);
    expect(createReader(shared, 0).find('/a')).toBeDefined();
  });

  it('tells keys apart whose hashes are the same', () => {
    const { board, shared, show } = tables();
    // Found by search: their hashes are one.
    show('/ktmaeo22');
    show('/1sedd8w81');
    const reader = createReader(shared, 0);
    for (const key of ['/ktmaeo22', '/1sedd8w81']) expect(found(reader, key).description.key).toBe(key);
    expect(board.shownCount).toBe(2);
  });

  it('is one of those that were counted', () => {
    const { shared } = tables();
    expect(() => createReader(shared, 1)).toThrow('no reader 1');
  });
});
