import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlockMap } from '../../../../appliance/store/block-map.ts';
import { orderOfUse } from '../../../../appliance/store/files/order-of-use.ts';
import type { PackedRows } from '../../../../appliance/store/files/packed-rows.ts';
import { fittingChunk, readVolume } from '../../../../appliance/store/files/read-volume.ts';
import { ObjectIndex } from '../../../../appliance/store/object-index.ts';
import { generationOfFile, VolumeLayout } from '../../../../appliance/store/volume/volume-layout.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { descriptionOf } from '../store-rig.ts';

describe('what a volume tells of itself', () => {
  let dir: string;
  let layout: VolumeLayout;
  let index: ObjectIndex;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'oca-read-volume-'));
    layout = new VolumeLayout(dir);
    layout.prepare();
    index = new ObjectIndex(layout.indexPath);
  });
  afterEach(() => {
    index.close();
    rmSync(dir, { recursive: true });
  });

  function told(): { told: PackedRows[]; order: number[]; found: object } {
    const chunks: PackedRows[] = [];
    const { found, order } = readVolume(index, layout, { rows: (rows) => chunks.push(rows), alive: () => undefined });
    return { told: chunks, order: [...order], found };
  }

  const keysOf = ({ keys, keyEnds }: PackedRows): string[] =>
    [...keyEnds].map((end, place) => Buffer.from(keys).toString('utf8', place === 0 ? 0 : keyEnds[place - 1], end));

  it('is the rows as they were written, whatever is in a key, and who was used last', () => {
    const keys = ['/plain', '/"quotes"\\', '/Füße/🎬', '/half\ud83d', '/zero\0byte', '/é\u0007'];
    index.transaction(() => {
      for (const [place, key] of keys.entries()) {
        index.putObject(place + 1, JSON.stringify(descriptionOf(key, 10 ** place)));
        if (place !== 2) index.putUse(place + 1, 1000 - place);
      }
    });
    const { found, order, told: chunks } = told();
    expect(found).toEqual({ orphanFiles: 0, objectsWithoutFile: 0, strayRows: 0 });
    const [rows] = chunks as [PackedRows];
    // What JSON writes with a number only JSON can read.
    expect(keysOf(rows)).toEqual([...keys.slice(0, 3), '', '', '']);
    expect([...rows.sizesBytes]).toEqual([1, 10, 100, 1000, 10_000, 100_000]);
    const texts = [...rows.textEnds].map((end, place) =>
      Buffer.from(rows.texts).toString('utf8', place === 0 ? 0 : rows.textEnds[place - 1], end),
    );
    expect(texts.map((text) => (JSON.parse(text) as { key: string }).key)).toEqual(keys);
    // Never used: the first to go.
    expect(order).toEqual([2, 5, 4, 3, 1, 0]);
  });

  it('leaves out rows that make no sense, and keeps the places of the others and their blocks', () => {
    const blocks = new BlockMap(2);
    blocks.add(1, 7);
    const page = blocks.page(0)!;
    index.transaction(() => {
      index.putObject(1, 'torn {');
      index.putObject(2, '{"key":5,"sizeBytes":1}');
      index.putObject(3, '{"key":"/no-size"}');
      index.putObject(4, '{"key":"/odd","sizeBytes":"10"}');
      index.putObject(5, JSON.stringify(descriptionOf('/empty', 2 * BLOCK_BYTES)));
      index.putObject(6, JSON.stringify(descriptionOf('/file-gone', 2 * BLOCK_BYTES)));
      for (const generation of [1, 6, 8, 9]) index.putPage(generation, 0, page);
    });
    const { found, told: chunks } = told();
    expect(found).toEqual({ orphanFiles: 0, objectsWithoutFile: 1, strayRows: 6 });
    const [rows] = chunks as [PackedRows];
    expect([...rows.isDropped]).toEqual([1, 1, 1, 1, 0, 1]);
    expect(keysOf(rows)[4]).toBe('/empty');
    expect([...rows.pageCounts]).toEqual([1, 0, 0, 0, 0, 1]);
    expect([rows.firstPages[5], rows.pageEnds[1]]).toEqual([1, 2 * page.length]);
    // They are gone for good.
    expect([...told().told[0]!.generations]).toEqual([5]);
  });

  it('comes in chunks that lose nobody, with objects of many pages in few', () => {
    index.transaction(() => {
      for (let generation = 1; generation <= 2100; generation += 1) {
        const sizeBytes = generation % 700 === 0 ? 2 ** 40 : 1;
        index.putObject(generation, JSON.stringify(descriptionOf(`/${generation}`, sizeBytes)));
      }
    });
    const generations = told().told.flatMap((rows) => [...rows.generations]);
    expect(generations).toEqual(Array.from({ length: 2100 }, (_, place) => place + 1));
    expect(fittingChunk(Array.from({ length: 2000 }, () => 2 ** 40))).toBe(24);
    expect(fittingChunk([2 ** 50])).toBe(1);
    expect(fittingChunk([])).toBe(0);
  });
});

it('orders uses by time, equal ones by place, over any span', () => {
  expect([...orderOfUse(Float64Array.of(5, 3, 5, 0, 2 ** 43))]).toEqual([3, 1, 0, 2, 4]);
  expect([...orderOfUse(new Float64Array())]).toEqual([]);
});

it('knows data files by their names', () => {
  const hash = '0123456789abcdef'.repeat(4);
  expect(generationOfFile(`${hash}-hkz3s0`)).toBe(Number.parseInt('hkz3s0', 36));
  for (const name of ['', 'holder', hash, `${hash}-`, `${hash}-A`, `${hash}-1.2`, `${hash.replace('0', 'g')}-1`]) {
    expect(generationOfFile(name)).toBe(0);
  }
});
