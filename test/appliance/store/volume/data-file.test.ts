import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadLibc } from '../../../../appliance/kernel/libc.ts';
import { DataFile, errnoOf } from '../../../../appliance/store/volume/data-file.ts';
import { patterned } from '../../support/gated-origin.ts';

const FILE_BYTES = 3 * 4096 + 100;
const CONTENT = patterned(FILE_BYTES);
const load = loadLibc();

let folder: string;
let file: DataFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-data-'));
  writeFileSync(join(folder, 'data'), CONTENT);
  file = new DataFile(join(folder, 'data'), {} as ConstructorParameters<typeof DataFile>[1]);
});
afterEach(async () => {
  await file.close();
  rmSync(folder, { recursive: true, force: true });
});

// Memory that begins at a page is had by the calls of Linux alone.
test.skipIf(load.kind === 'missing')(
  'what is read past the page cache is what is in the file, to its last byte',
  async () => {
    if (load.kind === 'missing') return;
    const { bytes } = load.libc.memory(5 * 4096);
    for (const [offset, length] of [
      [0, 4096],
      [0, 5000],
      [4096, 2 * 4096 + 100],
    ] as const) {
      const view = bytes.subarray(0, length);
      expect(await file.readPastCache(view, offset)).toBe(length);
      expect(Buffer.from(view)).toEqual(CONTENT.subarray(offset, offset + length));
    }
    expect(await file.readPastCache(bytes.subarray(0, 4096), 3 * 4096)).toBe(100);
  },
);

test('memory that begins anywhere is read into all the same', async () => {
  const bytes = new Uint8Array(5001).subarray(1);
  expect(await file.readPastCache(bytes, 4096)).toBe(5000);
  expect(Buffer.from(bytes)).toEqual(CONTENT.subarray(4096, 9096));
});

test('a file that is not there is told apart from a disk that fails', async () => {
  rmSync(join(folder, 'data'));
  const failure: unknown = await file.readPastCache(new Uint8Array(4096), 0).catch((error: unknown) => error);
  expect(errnoOf(failure)).toBe('ENOENT');
});

test('a file is closed when the last read of it has ended, and not before', async () => {
  const bytes = Array.from({ length: 8 }, () => new Uint8Array(8192).subarray(1, 4097));
  const reading = bytes.map((each) => file.readPastCache(each, 4096));
  await file.close();
  expect(await Promise.all(reading)).toEqual(bytes.map(() => 4096));
  for (const each of bytes) expect(Buffer.from(each)).toEqual(CONTENT.subarray(4096, 8192));
});
