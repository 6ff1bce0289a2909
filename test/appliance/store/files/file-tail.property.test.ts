import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  encodeSlot,
  encodeTable,
  encodeTail,
  entryOffset,
  fitsSlot,
  placeTail,
  slotOffset,
  tailEndOf,
  tailStartOf,
} from '../../../../appliance/store/files/file-tail.ts';
import { bury, readAccount } from '../../../../appliance/store/files/tail-on-disk.ts';

const BLOCK_BYTES = 64;

let file = '';
beforeAll(() => {
  file = join(mkdtempSync(join(tmpdir(), 'oca-tail-')), 'data');
});
afterAll(() => rmSync(join(file, '..'), { recursive: true }));

const tailed = fc
  .record({
    sizeBytes: fc.integer({ min: 1, max: 20_000 }),
    generation: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    before: fc.string({ maxLength: 3000, unit: 'binary' }),
    after: fc.string({ maxLength: 3000, unit: 'binary' }),
    checksums: fc.array(fc.option(fc.integer({ min: 0, max: 0xffff_ffff })), { minLength: 400, maxLength: 400 }),
  })
  .map(({ sizeBytes, generation, before, after, checksums }) => {
    const blockCount = Math.ceil(sizeBytes / BLOCK_BYTES);
    const held = checksums
      .slice(0, blockCount)
      .flatMap((checksum, block) => (checksum === null ? [] : [[block, checksum] as const]));
    const place = placeTail(sizeBytes, blockCount, Buffer.byteLength(before))!;
    const bytes = Buffer.alloc(tailEndOf(place));
    encodeTable(generation, blockCount, held).copy(bytes, entryOffset(sizeBytes, 0));
    encodeTail(place, { generation, sequence: 0, description: before }).copy(bytes, place.slotsOffset);
    const described = fitsSlot(place, Buffer.byteLength(after));
    if (described) encodeSlot({ generation, sequence: 1, description: after }).copy(bytes, slotOffset(place, 1));
    return { sizeBytes, generation, before, after, held, bytes, newest: described ? after : before };
  });

it('says what was written: blocks, checksums, generation and the newest description', () => {
  fc.assert(
    fc.property(tailed, ({ sizeBytes, generation, held, newest, bytes }) => {
      writeFileSync(file, bytes);
      const account = readAccount(file, BLOCK_BYTES)!;
      expect(account).toMatchObject({ sizeBytes, header: { generation, description: newest } });
      expect([...account.held]).toEqual(held);
      bury(file);
      expect(readAccount(file, BLOCK_BYTES)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

it('never says what was not written, whatever happens to a stretch of the tail', () => {
  const damage = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    length: fc.integer({ min: 1, max: 2000 }),
    fill: fc.constantFrom(0, 0xff, 0x55),
  });
  fc.assert(
    fc.property(tailed, damage, ({ sizeBytes, generation, before, after, held, bytes }, { at, length, fill }) => {
      const start = tailStartOf(sizeBytes);
      const from = start + Math.floor(at * (bytes.length - start));
      bytes.fill(fill, from, Math.min(bytes.length, from + length));
      writeFileSync(file, bytes);
      const account = readAccount(file, BLOCK_BYTES);
      if (account === undefined) return;
      expect(account.sizeBytes).toBe(sizeBytes);
      expect(account.header.generation).toBe(generation);
      expect([before, after]).toContain(account.header.description);
      const written = new Map(held);
      for (const [block, checksum] of account.held) expect(written.get(block)).toBe(checksum);
    }),
    { numRuns: 300 },
  );
});

it('has no place for a description of more than 128 KiB, and one for all that are shorter', () => {
  expect(placeTail(10, 1, 128 * 1024)).toBeUndefined();
  expect(placeTail(10, 1, 128 * 1024 - 32)).toMatchObject({ slotBytes: 128 * 1024 });
  expect(placeTail(10, 1, 793)).toMatchObject({ slotBytes: 1024 });
  expect(tailEndOf(placeTail(192 * BLOCK_BYTES, 192, 793)!)).toBe(tailStartOf(192 * BLOCK_BYTES) + 4096);
});
