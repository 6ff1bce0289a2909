import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirectReader } from '../../../../appliance/store/scrub/direct-read.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { until } from '../../../support/until.ts';
import { SmallDisk, whyNoSmallDisk } from '../small-disk.ts';
import { contentOf, descriptionOf, fillObject, StoreRig } from '../store-rig.ts';

const noDisk = whyNoSmallDisk('ext4');

/** Turns a bit of the image behind a mounted disk where these bytes are, as a disk does that rots: the kernel does not know. */
function rotUnderneath(image: string, needle: Buffer): void {
  const fd = openSync(image, 'r+');
  try {
    const at = readFileSync(image).indexOf(needle);
    expect(at).toBeGreaterThan(0);
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, at + 999);
    byte[0]! ^= 0x40;
    writeSync(fd, byte, 0, 1, at + 999);
  } finally {
    closeSync(fd);
  }
}

describe('reads past the page cache', () => {
  it('give the bytes of a file, whole and at its end, again and again', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'oca-direct-'));
    try {
      const bytes = contentOf('direct', 0, BLOCK_BYTES + 5000);
      const path = join(dir, 'file');
      writeFileSync(path, bytes);
      const reader = new DirectReader(BLOCK_BYTES);
      for (let round = 0; round < 5; round += 1) {
        expect(bytes.subarray(0, BLOCK_BYTES).equals(await reader.read(path, 0, BLOCK_BYTES))).toBe(true);
        expect(bytes.subarray(BLOCK_BYTES).equals(await reader.read(path, BLOCK_BYTES, 5000))).toBe(true);
        expect(bytes.subarray(4096, 4106).equals(await reader.read(path, 4096, 10))).toBe(true);
        expect((await reader.read(path, BLOCK_BYTES, 6000)).length).toBe(5000);
        expect((await reader.read(path, 2 * BLOCK_BYTES, 10)).length).toBe(0);
      }
      await expect(reader.read(join(dir, 'none'), 0, 10)).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  // Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
  it.skipIf(noDisk !== undefined)('find rot of the disk that the kernel has a good copy of', async () => {
    using disk = SmallDisk.ext4();
    await using rig = new StoreRig();
    const lost: number[] = [];
    const store = await rig.open({
      volumes: [{ dir: disk.dir, capacityBytes: 20 * BLOCK_BYTES }],
      scrub: { periodMs: 100, bulkShare: () => 1 },
      onLost: (_description, block) => lost.push(block),
    });
    await fillObject(store, descriptionOf('/a', 6 * BLOCK_BYTES));
    disk.sync();
    rotUnderneath(disk.image, contentOf('/a', 4, BLOCK_BYTES).subarray(8192, 12_288));
    using object = store.find('/a')!;
    // A read through the page cache meets the kernel's copy, which is good.
    expect(contentOf('/a', 4, BLOCK_BYTES).equals((await object.read(4)) ?? Buffer.alloc(0))).toBe(true);
    await until(() => lost.length > 0);
    expect(lost).toEqual([4]);
  });

  // Only root may mount a disk of its own; whyNoSmallDisk says so on the terminal.
  it.skipIf(noDisk !== undefined)(
    'find a stretch that the disk cannot read, and lose no good block for it',
    async () => {
      using disk = SmallDisk.ext4();
      await using rig = new StoreRig();
      const lost: string[] = [];
      const store = await rig.open({
        volumes: [{ dir: disk.dir, capacityBytes: 20 * BLOCK_BYTES }],
        scrub: { periodMs: 100, bulkShare: () => 1 },
        onLost: ({ key }, block) => lost.push(`${key} ${block}`),
      });
      for (const key of ['/a', '/b', '/c']) await fillObject(store, descriptionOf(key, 4 * BLOCK_BYTES));
      disk.sync();
      const image = readFileSync(disk.image);
      const places = ['/a', '/b', '/c'].flatMap((key) =>
        [0, 1, 2, 3].map((block) => ({
          name: `${key} ${block}`,
          at: image.indexOf(contentOf(key, block, BLOCK_BYTES).subarray(4096, 12_288)),
        })),
      );
      // Behind the last but one of the blocks on the disk, nothing can be read any more.
      const ordered = places.toSorted((a, b) => a.at - b.at);
      const cut = Math.ceil(ordered.at(-2)!.at / BLOCK_BYTES);
      disk.lose(cut);
      const bad = ordered.filter(({ at }) => at + BLOCK_BYTES > cut * BLOCK_BYTES).map(({ name }) => name);
      await until(() => lost.length >= bad.length);
      expect(lost.toSorted()).toEqual(bad.toSorted());
      using object = store.find(ordered[0]!.name.split(' ')[0]!)!;
      expect(object.holds(Number(ordered[0]!.name.split(' ')[1]))).toBe(true);
    },
  );
});
