import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { BlockMap } from '../appliance/store/block-map.ts';
import { encodeTable, encodeTail, entryOffset, placeTail, tailEndOf } from '../appliance/store/files/file-tail.ts';
import type { ObjectDescription } from '../appliance/store/object-description.ts';
import { ObjectIndex } from '../appliance/store/object-index.ts';
import { VolumeLayout } from '../appliance/store/volume/volume-layout.ts';
import { BLOCK_BYTES } from '../src/contracts/file-manifest.ts';

/** A volume to measure: real rows, and files of holes, for nobody reads their blocks. */
export interface VolumeShape {
  readonly objects: number;
  readonly blocksPerObject: number;
  /** With tails a lost index can be rebuilt. */
  readonly tails: boolean;
}

const OBJECTS_PER_TRANSACTION = 2000;

export const keyOf = (object: number): string => `/titles/some-title-of-usual-length/rendition-${object}/video.mp4`;

const idOf = (object: number): number => 1_795_000_000_000_000 + object * 7;

export function makeVolume(dir: string, shape: VolumeShape, onProgress: (share: number) => void): void {
  const layout = new VolumeLayout(dir);
  layout.prepare();
  const index = new ObjectIndex(layout.indexPath);
  const blocks = new BlockMap(shape.blocksPerObject);
  for (let block = 0; block < shape.blocksPerObject; block += 1) blocks.add(block, 0x9234_5678 + block);
  const folders = new Set<string>();
  for (let first = 0; first < shape.objects; first += OBJECTS_PER_TRANSACTION) {
    index.transaction(() => {
      const end = Math.min(shape.objects, first + OBJECTS_PER_TRANSACTION);
      for (let object = first; object < end; object += 1) {
        const description = descriptionOf(object, shape.blocksPerObject * BLOCK_BYTES - 100);
        const json = JSON.stringify(description);
        index.putObject(idOf(object), json);
        for (let page = 0, held = blocks.page(0); held !== undefined; page += 1, held = blocks.page(page)) {
          index.putPage(idOf(object), page, held);
        }
        // In another order than the numbers: what was used last is seldom what came last.
        index.putUse(idOf(object), description.confirmedAtMs + ((object * 7919) % shape.objects) * 1000);
        const path = layout.dataPath(description.key, idOf(object));
        if (!folders.has(dirname(path))) mkdirSync(dirname(path), { recursive: true });
        folders.add(dirname(path));
        makeFile(path, idOf(object), json, blocks, description.sizeBytes, shape.tails);
      }
    });
    onProgress(first / shape.objects);
  }
  index.setComplete();
  index.close();
}

export function loseIndex(dir: string): void {
  const { indexPath } = new VolumeLayout(dir);
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${indexPath}${suffix}`, { force: true });
}

function makeFile(path: string, id: number, json: string, blocks: BlockMap, sizeBytes: number, tails: boolean): void {
  const file = openSync(path, 'w');
  const place = placeTail(sizeBytes, blocks.blockCount, Buffer.byteLength(json));
  if (!tails || place === undefined) ftruncateSync(file, sizeBytes);
  else {
    const held = [...blocks.held()].map((block) => [block, blocks.checksum(block)] as const);
    const start = entryOffset(sizeBytes, 0);
    const tail = Buffer.alloc(tailEndOf(place) - start);
    encodeTable(id, blocks.blockCount, held).copy(tail);
    encodeTail(place, { generation: id, sequence: 0, description: json }).copy(tail, place.slotsOffset - start);
    writeSync(file, tail, 0, tail.length, start);
  }
  closeSync(file);
}

function descriptionOf(object: number, sizeBytes: number): ObjectDescription {
  return {
    key: keyOf(object),
    sizeBytes,
    etag: `"${object.toString(36)}-5f1c2ab"`,
    headers: {
      'content-type': 'video/mp4',
      'last-modified': 'Sat, 21 Nov 2026 09:00:00 GMT',
      'cache-control': 'public, max-age=31536000, immutable',
    },
    confirmedAtMs: 1_795_000_000_000,
    initialAgeMs: 0,
    freshnessMs: 31_536_000_000,
    staleIfErrorMs: 86_400_000,
  };
}
