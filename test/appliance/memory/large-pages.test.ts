import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { largePageBytes } from '../../../appliance/memory/large-pages.ts';
import { SlotAreas } from '../../../appliance/memory/slot-areas.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { temporaryFolder } from '../../fill-planner/catalog/demo-title.ts';

const KIB = 1024;

/** The kernel's switches, each with one word chosen. */
function writeSwitches(folder: string, chosen: Readonly<Record<string, string>>): void {
  for (const [name, word] of Object.entries(chosen)) {
    const file = join(folder, name, '..', name.endsWith('kB') ? `${name}/shmem_enabled` : name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `always inherit [${word}] never\n`);
  }
}

describe('the largest page that shared memory gets', () => {
  it.each([
    ['the largest that is on', { 'hugepages-1024kB': 'advise', 'hugepages-64kB': 'always' }, 1024 * KIB],
    ['none larger than a block', { 'hugepages-2048kB': 'advise', 'hugepages-64kB': 'within_size' }, 64 * KIB],
    [
      'what the switch of all says, where one inherits',
      { 'hugepages-256kB': 'inherit', shmem_enabled: 'advise' },
      256 * KIB,
    ],
    ['none where that is off', { 'hugepages-256kB': 'inherit', shmem_enabled: 'deny' }, 0],
    ['none where all are off', { 'hugepages-1024kB': 'never', 'hugepages-64kB': 'never' }, 0],
    ['none on a kernel without the switches', {}, 0],
  ])('is %s', async (_name, chosen, bytes) => {
    await using folder = await temporaryFolder();
    writeSwitches(folder.path, chosen);
    expect(largePageBytes(folder.path)).toBe(bytes);
  });
});

describe('slots', () => {
  it('of large blocks are apart from those of small ones, each as long as there are any, and cost their pages', () => {
    const areas = new SlotAreas({ slotCount: 3, largeSlots: 2, largePageBytes: 256 * KIB });
    expect([areas.take(BLOCK_BYTES), areas.take(BLOCK_BYTES - 1), areas.take(BLOCK_BYTES)]).toEqual([0, 1, undefined]);
    expect([areas.take(1), areas.hasRoom(1)]).toEqual([2, false]);
    areas.giveBack(1);
    expect([areas.hasRoom(1), areas.take(BLOCK_BYTES)]).toEqual([false, 1]);
    expect([areas.pageBytesOf(BLOCK_BYTES - 1), areas.pageBytesOf(800 * KIB), areas.pageBytesOf(1)]).toEqual([
      BLOCK_BYTES,
      1024 * KIB,
      4096,
    ]);
  });

  it('are all alike where there are no large pages', () => {
    const areas = new SlotAreas({ slotCount: 2, largeSlots: 0, largePageBytes: 0 });
    expect([areas.take(1), areas.take(BLOCK_BYTES), areas.hasRoom(1)]).toEqual([0, 1, false]);
    expect(areas.pageBytesOf(BLOCK_BYTES - 5000)).toBe(BLOCK_BYTES - 4096);
  });
});
