import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SmallDisk } from '../../appliance/store/small-disk.ts';
import { patterned } from '../../appliance/support/gated-origin.ts';
import { type Drill, demand, demandBytes, eventually, isMachineBusy, percentile } from '../drill.ts';
import { type DrillAppliance, type DrillRig, FILE_BYTES, MIB } from '../rig/drill-rig.ts';
import { filesBelow } from '../rig/volume-files.ts';

const BLOCKS = FILE_BYTES / MIB;
const FILLS = 20;
const KILLS = 100;
const FILLS_PER_KILL = 3;
const LONGEST_START_MS = 2000;

const killTwenty: Drill = {
  name: 'kill-20',
  does: 'kill -9 two seconds after twenty fills of 4 MiB',
  why:
    'What was stored is there after any end of the process. ' +
    'nginx and Squid: 20 of 20 still hits; Traffic Server 0 of 20, its directory had not been written yet; Varnish 0, it lives in memory.',
  needs: [],
  isShort: false,
  async run(rig) {
    const paths = await twentyFills(rig, await rig.appliance());
    await delay(2000);
    await killAll(rig);
    const held = await heldAndRight(rig, await rig.appliance(), paths);
    demand(held === FILLS, `${held} of ${FILLS} were still there`);
    return `${held} of ${FILLS} still there, none wrong`;
  },
};

const killHundred: Drill = {
  name: 'kill-100',
  does: `kill -9 at ${KILLS} random moments during fills, and a start after each`,
  why:
    'No moment exists at which the process may not die: what was said to be held is held, nothing torn is served, and the start is quick. ' +
    'Of the caches compared only the kill of the row above was measured.',
  needs: [],
  isShort: false,
  timeLimitMs: 900_000,
  async run(rig) {
    const content = patterned(64 * MIB, 77);
    const told = new Map<string, number>();
    const starts: DrillAppliance[] = [];
    let committed = 0;
    let appliance = await rig.appliance({ volumeCapacityBytes: '2Gi' });
    for (let kill = 0; kill < KILLS; kill += 1) {
      rig.tell(`kill ${kill + 1} of ${KILLS}`);
      const paths = Array.from({ length: FILLS_PER_KILL }, (_, index) => {
        const path = `/film-${kill}-${index}`;
        const start = ((kill * FILLS_PER_KILL + index) * 200_003) % (content.length - FILE_BYTES);
        rig.origin.put(path, content.subarray(start, start + FILE_BYTES), {
          etag: `"${kill}-${index}"`,
          'cache-control': 'max-age=36000',
        });
        rig.origin.behave(path, () => ({ bytesPerSec: 16 * MIB }));
        return path;
      });
      await fillUntilKilled(appliance, paths, told, Math.random() * 450);
      appliance = await rig.appliance({ volumeCapacityBytes: '2Gi' });
      starts.push(appliance);
      for (const path of paths) {
        rig.origin.behaveWell(path);
        const held = await appliance.heldBlocks(path);
        const wasTold = told.get(path) ?? 0;
        demand(held >= wasTold, `after kill ${kill + 1}: ${held} blocks of ${path} are held, ${wasTold} were`);
        committed += wasTold;
      }
      const [some = ''] = paths;
      await right(rig, appliance, some);
    }
    for (const path of told.keys()) await right(rig, appliance, path);
    demand(committed > KILLS, `only ${committed} blocks were committed before the kills: the drill saw nothing`);
    return `0 of ${committed} committed blocks lost, no wrong byte, ${judgeStarts(starts)}`;
  },
};

const indexGone: Drill = {
  name: 'index-deleted',
  does: 'the index of a volume is deleted while the appliance is stopped',
  why:
    'The blocks say themselves what they are, so the index is made again from the volume. ' +
    'Not measured with others: nginx walks its files too; Traffic Server and Squid lose what the directory no longer names.',
  needs: [],
  isShort: false,
  async run(rig) {
    const first = await rig.appliance();
    const paths = await twentyFills(rig, first);
    await first.end('SIGTERM');
    const index = filesBelow(rig.volume).filter((file) => /sqlite|index/.test(basename(file)));
    demand(index.length > 0, 'no index was found');
    for (const file of index) rmSync(file);
    const next = await rig.appliance();
    await eventually('all is known again', async () => (await next.state()).usage.objectCount >= FILLS);
    const held = await heldAndRight(rig, next, paths);
    demand(held === FILLS, `${held} of ${FILLS} were found again`);
    return `${held} of ${FILLS} found again, none wrong; the start took ${next.startMs.toFixed(0)} ms`;
  },
};

const powerCut: Drill = {
  name: 'power-cut',
  does: 'a copy of the disk, as it is without what the kernel has not written yet',
  why:
    'After a power cut blocks may be missing, as far as nothing was synced yet, and none may be wrong: a checksum that came through vouches for bytes that may not have. ' +
    'Not measured with others.',
  needs: ['root', 'loop', 'mkfs.ext4'],
  isShort: false,
  timeLimitMs: 120_000,
  async run(rig) {
    const disk = SmallDisk.ext4(128);
    rig.leftovers.add('a small disk', () => disk[Symbol.dispose]());
    const appliance = await rig.appliance({}, [disk.dir]);
    const paths = await twentyFills(rig, appliance);
    const copy = disk.copyAsAfterPowerCut();
    rig.leftovers.add('the copy of a disk', () => copy[Symbol.dispose]());
    await appliance.end('SIGKILL');
    const next = await rig.appliance({}, [copy.dir]);
    const held = await heldAndRight(rig, next, paths);
    return `none wrong; ${held} of ${FILLS} whole files were on the disk right after the last fill`;
  },
};

/** On a machine that is busy with other things the wall clock judges the neighbours; processor time is the start's own. */
function judgeStarts(starts: readonly DrillAppliance[]): string {
  const wallMs = starts.map(({ startMs }) => startMs);
  const slowestMs = Math.max(...wallMs);
  const busiestMs = Math.max(...starts.map(({ startCpuMs }) => startCpuMs));
  demand(busiestMs < LONGEST_START_MS, `a start took ${busiestMs.toFixed(0)} ms of processor time`);
  demand(isMachineBusy() || slowestMs < LONGEST_START_MS, `a start took ${slowestMs.toFixed(0)} ms`);
  return (
    `start at most ${slowestMs.toFixed(0)} ms (median ${percentile(wallMs, 0.5).toFixed(0)}), ` +
    `${busiestMs.toFixed(0)} ms of processor time${slowestMs < LONGEST_START_MS ? '' : ', on a busy machine'}`
  );
}

async function twentyFills(rig: DrillRig, appliance: DrillAppliance): Promise<string[]> {
  const paths = Array.from({ length: FILLS }, (_, index) => `/film-${index}`);
  for (const path of paths) rig.file(path);
  await Promise.all(paths.map((path) => appliance.get(path)));
  for (const path of paths) {
    await eventually(`${path} is stored`, async () => (await appliance.heldBlocks(path)) === BLOCKS);
  }
  return paths;
}

async function killAll(rig: DrillRig): Promise<void> {
  for (const appliance of rig.appliances) await appliance.end('SIGKILL');
}

/** Asks for all of them and wants right bytes. @returns how many came without a word to the origin */
async function heldAndRight(rig: DrillRig, appliance: DrillAppliance, paths: readonly string[]): Promise<number> {
  let held = 0;
  for (const path of paths) {
    const before = rig.origin.askedFor(path).length;
    await right(rig, appliance, path);
    if (rig.origin.askedFor(path).length === before) held += 1;
  }
  return held;
}

async function right(rig: DrillRig, appliance: DrillAppliance, path: string): Promise<void> {
  const answer = await appliance.get(path);
  demand(answer.status === 200 && answer.end === 'complete', `${path}: ${answer.status}, ${answer.end}`);
  demandBytes(answer.body, rig.origin.bytesOf(path) ?? Buffer.alloc(0), path);
}

/** Fills the paths, writes down how many blocks the appliance says it holds, and kills it. */
async function fillUntilKilled(
  appliance: DrillAppliance,
  paths: readonly string[],
  told: Map<string, number>,
  afterMs: number,
): Promise<void> {
  const clients = paths.map((path) => appliance.get(path).catch(() => undefined));
  const death = new AbortController();
  const watching = (async () => {
    while (!death.signal.aborted) {
      for (const path of paths) {
        try {
          told.set(path, await appliance.heldBlocks(path));
        } catch {
          // It was killed meanwhile: what it said before is what counts.
        }
      }
      await delay(5);
    }
  })();
  await delay(afterMs);
  const dying = appliance.end('SIGKILL');
  death.abort();
  await dying;
  await Promise.all([watching, ...clients]);
}

export const killDrills: readonly Drill[] = [killTwenty, killHundred, indexGone, powerCut];
