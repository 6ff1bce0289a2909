import { expect, test } from 'vitest';
import { PinnedBody } from '../../../../appliance/fast-path/tls/pinned-body.ts';
import type { PublishedObject, PublishedReader } from '../../../../appliance/memory/published.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';

const BLOCKS = 8;
const object = { index: 0, epoch: 1 } as PublishedObject;

/** Memory in which block b lies in slot `BLOCKS - 1 - b`, and every byte says which block it is of. */
function fakeMemory(missing: ReadonlySet<number> = new Set()) {
  const memory = new Uint8Array(BLOCKS * BLOCK_BYTES);
  for (let block = 0; block < BLOCKS; block += 1) {
    const start = (BLOCKS - 1 - block) * BLOCK_BYTES;
    memory.fill(block + 1, start, start + BLOCK_BYTES);
  }
  const pinned: number[] = [];
  const reader = {
    pin: (_object: PublishedObject, block: number) => {
      if (missing.has(block)) return -1;
      pinned.push(BLOCKS - 1 - block);
      return BLOCKS - 1 - block;
    },
    unpin: (slot: number) => pinned.splice(pinned.indexOf(slot), 1),
  } as unknown as PublishedReader;
  const view = (slot: number, length: number) => memory.subarray(slot * BLOCK_BYTES, slot * BLOCK_BYTES + length);
  return { memory: { view }, reader, pinned };
}

test('the pieces of a body are its bytes, never beyond a block, and what was taken is let go', () => {
  const { memory, pinned, reader } = fakeMemory();
  const [first, last] = [BLOCK_BYTES - 10, 2 * BLOCK_BYTES + 4];
  const body = new PinnedBody(reader, memory, object, first, last);
  expect(body.pinAll()).toBe(true);
  expect(pinned).toHaveLength(3);
  const sent: Array<[number | undefined, number]> = [];
  while (!body.isDone) {
    expect(body.pinNext()).toBe(true);
    const piece = body.piece(BLOCK_BYTES / 2);
    sent.push([piece[0], piece.length]);
    body.taken(piece.length);
  }
  expect(sent).toEqual([
    [1, 10],
    [2, BLOCK_BYTES / 2],
    [2, BLOCK_BYTES / 2],
    [3, 5],
  ]);
  expect(pinned).toEqual([]);
});

test('a short body of which a block is missing has nothing pinned, and neither has a long one', () => {
  const { memory, pinned, reader } = fakeMemory(new Set([2]));
  expect(new PinnedBody(reader, memory, object, 0, 3 * BLOCK_BYTES - 1).pinAll()).toBe(false);
  expect(new PinnedBody(reader, memory, object, 3 * BLOCK_BYTES, 8 * BLOCK_BYTES - 1).pinAll()).toBe(false);
  expect(pinned).toEqual([]);
});

test('a body that ends in the middle lets go of what it has, once', () => {
  const { memory, pinned, reader } = fakeMemory(new Set([1]));
  const body = new PinnedBody(reader, memory, object, 0, BLOCK_BYTES);
  expect(body.pinNext()).toBe(true);
  body.taken(body.piece(BLOCK_BYTES).length);
  expect(body.pinNext()).toBe(false);
  expect([body.firstBlock, body.lastBlock]).toEqual([1, 1]);
  body.release();
  body.release();
  expect(pinned).toEqual([]);
});
