import { describe, expect, it } from 'vitest';
import { crc32cOf } from '../../../../appliance/store/checksum.ts';
import { Generation } from '../../../../appliance/store/generation.ts';
import type { DataFile } from '../../../../appliance/store/volume/data-file.ts';
import { BlockReader } from '../../../../appliance/store/volume/read-block.ts';
import { OperationalError } from '../../../../src/errors/operational-error.ts';
import { systemWorld } from '../../../../src/world/world.ts';
import { descriptionOf } from '../store-rig.ts';

const BYTES = Buffer.from('the one right content');

/** A reader whose disk and whose turns are the test's. */
function rig() {
  const generation = new Generation(1, 0, descriptionOf('/a', BYTES.length), 0);
  generation.blocks.add(0, crc32cOf(BYTES));
  const disk = Promise.withResolvers<void>();
  const turn = Promise.withResolvers<void>();
  let begun: (() => Promise<Uint8Array>) | undefined;
  let reads = 0;
  const read = async (view: Uint8Array): Promise<number> => {
    reads += 1;
    await disk.promise;
    view.set(BYTES);
    return BYTES.length;
  };
  const file = {
    readPastCache: read,
  };
  const reader = new BlockReader({
    dir: '/nowhere',
    clock: systemWorld.clock,
    isReadable: () => true,
    run: async (_urgency, _bytes, operation) => {
      begun = operation;
      await turn.promise;
      return operation();
    },
    fileOf: () => file as unknown as DataFile,
    pathOf: () => '/nowhere/a',
    drop: () => generation.blocks.delete(0),
  });
  const view = new Uint8Array(BYTES.length);
  return {
    disk,
    turn,
    view,
    begin: () => begun?.(),
    reads: () => reads,
    ...reader.readInto(generation, 0, 'viewer', view),
  };
}

async function isOver(ended: Promise<void>): Promise<boolean> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

describe('a block that is read into memory of somebody else', () => {
  it('is right when it was checked, and nobody writes there any more', async () => {
    const { checked, disk, ended, turn, view } = rig();
    turn.resolve();
    disk.resolve();
    expect(await checked).toBe(true);
    await ended;
    expect(Buffer.from(view)).toEqual(BYTES);
  });

  it('is wrong when its bytes are not those that were kept', async () => {
    const { checked, disk, turn, view } = rig();
    BYTES[0] = 0;
    turn.resolve();
    disk.resolve();
    const isRight = await checked;
    BYTES[0] = 't'.charCodeAt(0);
    expect(isRight).toBe(false);
    expect(view[0]).toBe(0);
  });

  it('may be written long after it was given up on, and says when that is over', async () => {
    const { begin, checked, disk, ended, turn } = rig();
    // The disk has it in hand when nobody waits for it any more.
    await new Promise((resolve) => setImmediate(resolve));
    const late = begin();
    turn.reject(new OperationalError('VOLUME_IO', 'no answer within a second'));
    expect(await checked).toBe(false);
    expect(await isOver(ended)).toBe(false);
    disk.resolve();
    await late;
    await ended;
  });

  it('is not begun any more when its turn comes after it was given up on', async () => {
    const { begin, checked, ended, reads, turn } = rig();
    turn.reject(new OperationalError('VOLUME_IO', 'the disk is given up'));
    expect(await checked).toBe(false);
    await ended;
    await expect(begin()).rejects.toThrow('nobody waits');
    expect(reads()).toBe(0);
  });
});
