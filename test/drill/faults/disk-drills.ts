import { SmallDisk } from '../../appliance/store/small-disk.ts';
import { type Drill, demand, demandBytes, eventually } from '../drill.ts';
import { type DrillAppliance, type DrillRig, FILE_BYTES, MIB } from '../rig/drill-rig.ts';
import { filesBelow, findOnDisk, flipBit, forgetCached } from '../rig/volume-files.ts';

const BLOCKS = FILE_BYTES / MIB;

const flipped: Drill = {
  name: 'byte-flipped',
  does: 'one bit flips on the disk, in the first and in a later block of a file',
  why:
    'Every block is checked when it leaves the disk; a rotten one is dropped, counted and fetched again, and the client sees nothing. ' +
    'nginx, nginx slice, Squid and Traffic Server as it comes served the wrong bytes with 200; with its checksum on, Traffic Server cut the client off where the block was a later one.',
  needs: [],
  isShort: true,
  async run(rig) {
    const bytes = rig.file('/film.mp4');
    const appliance = await rig.appliance();
    await fill(appliance, '/film.mp4');
    for (const block of [0, 2]) {
      const place = findOnDisk(rig.volume, bytes.subarray(block * MIB + 1000));
      demand(place !== undefined, `block ${block} is not on the disk as it came: the drill cannot flip a bit of it`);
      flipBit(place);
    }
    const sentBefore = rig.origin.sentBytes('/film.mp4');
    const answer = await appliance.get('/film.mp4');
    demand(answer.end === 'complete', `the client was cut at ${answer.body.length}`);
    demandBytes(answer.body, bytes, 'the client');
    const fetched = rig.origin.sentBytes('/film.mp4') - sentBefore;
    demand(fetched >= 2 * MIB, 'nothing was fetched again: was the bit on the disk at all?');
    const lost = await appliance.metric('store_lost_blocks_total');
    demand(lost >= 2, `${lost} lost blocks were counted`);
    await eventually('both blocks are stored again', async () => (await appliance.heldBlocks('/film.mp4')) === BLOCKS);
    const again = await appliance.get('/film.mp4');
    demandBytes(again.body, bytes, 'the next client');
    demand(rig.origin.sentBytes('/film.mp4') === sentBefore + fetched, 'it was fetched once more');
    return `right bytes, ${lost} blocks counted and repaired, ${(fetched / MIB).toFixed(1)} MiB fetched again`;
  },
};

const full: Drill = {
  name: 'volume-full',
  does: 'five files of 4 MiB through a volume of 6 MiB that thinks it has 100',
  why:
    'A full disk costs hits, not answers. ' +
    'nginx: the first file right, the next four cut at about 1.9 MiB with status 200.',
  needs: ['root'],
  isShort: false,
  async run(rig) {
    const disk = SmallDisk.inMemory(6);
    rig.leftovers.add('a small disk', () => disk[Symbol.dispose]());
    const appliance = await rig.appliance({ volumeCapacityBytes: '100Mi' }, [disk.dir]);
    await allRight(rig, appliance, ['/a', '/b', '/c', '/d', '/e']);
    const { usage } = await appliance.state();
    const states = usage.volumes.map(({ state }) => state).join(', ');
    const unkept = await appliance.metric('unkept_blocks_total');
    return `right bytes 5 of 5; the volume says ${states}; ${unkept} blocks were not kept`;
  },
};

const readOnly: Drill = {
  name: 'volume-read-only',
  does: 'the kernel makes the disk read-only under the appliance, as after an error',
  why:
    'Hits go on, misses are handed through, and /readyz says why. ' +
    'nginx closed the connection without an answer on every miss.',
  needs: ['root', 'loop', 'mkfs.ext4'],
  isShort: false,
  async run(rig) {
    const disk = SmallDisk.ext4(64);
    rig.leftovers.add('a small disk', () => disk[Symbol.dispose]());
    const appliance = await rig.appliance({}, [disk.dir]);
    await allRight(rig, appliance, ['/held']);
    await eventually('the file is stored', async () => (await appliance.heldBlocks('/held')) === BLOCKS);
    disk.fail();
    await allRight(rig, appliance, ['/held', '/a', '/b', '/c']);
    await eventually('/readyz says that the volume is not well', async () => !(await appliance.isReady()));
    await appliance.end('SIGKILL');
    const next = await rig.appliance({}, [disk.dir]);
    await allRight(rig, next, ['/held', '/a', '/d']);
    return 'right bytes 4 of 4, unready with a reason, and 3 of 3 after a start on the read-only disk';
  },
};

const broken: Drill = {
  name: 'volume-eio',
  does: 'the disk loses all it has behind its first 8 MiB: reading it is EIO',
  why:
    'A block that cannot be read is a block that is not held: fetched again, the client sees nothing. ' +
    'Not measured with others; of the caches compared only Traffic Server and Varnish Enterprise have logic for disks that fail.',
  needs: ['root', 'loop', 'mkfs.ext4'],
  isShort: false,
  async run(rig) {
    const disk = SmallDisk.ext4(96);
    rig.leftovers.add('a small disk', () => disk[Symbol.dispose]());
    const appliance = await rig.appliance({}, [disk.dir]);
    const paths = Array.from({ length: 10 }, (_, index) => `/film-${index}`);
    await allRight(rig, appliance, paths);
    await eventually(
      'all is stored',
      async () => (await appliance.state()).usage.usedBytes >= paths.length * FILE_BYTES,
    );
    disk.lose(8);
    for (const file of filesBelow(disk.dir)) forgetCached(file);
    const sentBefore = paths.reduce((sum, path) => sum + rig.origin.sentBytes(path), 0);
    await allRight(rig, appliance, paths);
    const fetched = paths.reduce((sum, path) => sum + rig.origin.sentBytes(path), 0) - sentBefore;
    demand(fetched > 0, 'nothing had to be fetched again: the disk gave no EIO');
    const lost = await appliance.metric('store_lost_blocks_total');
    return `right bytes ${paths.length} of ${paths.length}, ${lost} blocks counted as lost, ${(fetched / MIB).toFixed(0)} MiB fetched again`;
  },
};

/** Asks for each and wants the right bytes, to the end. Files that the origin has not are made. */
async function allRight(rig: DrillRig, appliance: DrillAppliance, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const bytes = rig.origin.bytesOf(path) ?? rig.file(path);
    const answer = await appliance.get(path);
    demand(answer.status === 200, `${path}: answered with ${answer.status}`);
    demand(answer.end === 'complete', `${path}: the client was cut at ${answer.body.length}`);
    demandBytes(answer.body, bytes, path);
  }
}

async function fill(appliance: DrillAppliance, path: string): Promise<void> {
  await appliance.get(path);
  await eventually(`${path} is stored`, async () => (await appliance.heldBlocks(path)) === BLOCKS);
}

export const diskDrills: readonly Drill[] = [flipped, full, readOnly, broken];
