import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Drill, demand, demandBytes, eventually, percentile } from '../drill.ts';
import { type DrillAppliance, type DrillRig, FILE_BYTES, MIB } from '../rig/drill-rig.ts';
import { programPath } from '../rig/machine-needs.ts';
import { findOnDisk, forgetCached } from '../rig/volume-files.ts';

const FILES = 12;
/** As long as a disk may hang before what it holds comes from elsewhere, with room for a slow machine. */
const LONGEST_WAIT_MS = 15_000;

/** A folder seen through a process that can be stopped: then every call on it waits. */
class PausableMount {
  readonly #process: ChildProcess;
  readonly #dir: string;

  constructor(source: string, dir: string) {
    mkdirSync(source, { recursive: true });
    mkdirSync(dir, { recursive: true });
    this.#dir = dir;
    this.#process = spawn(programPath('bindfs') ?? 'bindfs', ['-f', source, dir], { stdio: 'ignore', detached: true });
  }

  get isMounted(): boolean {
    return spawnSync('mountpoint', ['-q', this.#dir]).status === 0;
  }

  hang(): void {
    this.#process.kill('SIGSTOP');
  }

  goOn(): void {
    this.#process.kill('SIGCONT');
  }

  async unmount(): Promise<void> {
    this.goOn();
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    spawnSync('umount', ['-l', this.#dir]);
    this.#process.kill('SIGTERM');
    if (this.#process.exitCode === null && this.#process.signalCode === null) await gone;
  }
}

export const hangingDisk: Drill = {
  name: 'volume-hangs',
  does: 'one of two volumes stops answering; not an error, nothing at all',
  why:
    'What the other volume and memory hold is served as fast as before, what the hanging one holds comes from the origin, and when it goes on it is used again. ' +
    'Not measured with others: nginx and Squid share their disk threads between disks.',
  needs: ['root', 'bindfs'],
  isShort: false,
  timeLimitMs: 180_000,
  async run(rig) {
    const [slow, good] = [join(rig.folder, 'slow'), join(rig.folder, 'good')];
    const mount = new PausableMount(join(rig.folder, 'behind'), slow);
    rig.leftovers.add('a FUSE mount', () => mount.unmount());
    await eventually('bindfs mounts', () => mount.isMounted);
    const appliance = await rig.appliance({ memoryBytes: '6Mi' }, [slow, good]);
    // A process that waits for a stopped file system cannot be ended: this is undone before the appliance is.
    rig.leftovers.add('a stopped FUSE mount', () => mount.goOn());
    const { onSlow, onGood } = await place(rig, appliance, join(rig.folder, 'behind'));
    const before = await times(rig, appliance, onGood);
    const hot = onGood.at(-1) ?? '';
    mount.hang();
    const held = times(rig, appliance, onSlow);
    const during: number[] = [];
    const cold: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      during.push(...(await times(rig, appliance, onGood)), ...(await times(rig, appliance, [hot])));
      rig.tell(`round ${round + 1} of 3 beside the volume that hangs`);
      rig.file(`/cold-${round}`);
      cold.push(...(await times(rig, appliance, [`/cold-${round}`])));
    }
    const [p95Before, p95During] = [percentile(before, 0.95), percentile(during, 0.95)];
    demand(
      p95During < Math.max(250, 5 * p95Before),
      `the other volume's hits took ${p95During.toFixed(0)} ms (p95), before ${p95Before.toFixed(0)}`,
    );
    const slowest = Math.max(...(await held), ...cold);
    demand(slowest < LONGEST_WAIT_MS, `what the hanging volume should give took ${slowest.toFixed(0)} ms`);
    mount.goOn();
    await eventually('the volume is used again', async () => isOnline(appliance), 60_000);
    await times(rig, appliance, [...onSlow, ...onGood]);
    return (
      `other volume p95 ${p95Before.toFixed(0)} ms before, ${p95During.toFixed(0)} ms during; ` +
      `held there or new: at most ${(slowest / 1000).toFixed(1)} s; back online after`
    );
  },
};

/** Fills files and tells which volume each is on. */
async function place(
  rig: DrillRig,
  appliance: DrillAppliance,
  slowFolder: string,
): Promise<{ onSlow: string[]; onGood: string[] }> {
  const [onSlow, onGood]: [string[], string[]] = [[], []];
  for (let index = 0; index < FILES; index += 1) {
    const path = `/film-${index}`;
    const bytes = rig.file(path);
    await times(rig, appliance, [path]);
    await eventually(`${path} is stored`, async () => (await appliance.heldBlocks(path)) === FILE_BYTES / MIB);
    const found = findOnDisk(slowFolder, bytes.subarray(1000));
    (found === undefined ? onGood : onSlow).push(path);
    if (found !== undefined) forgetCached(found.file);
  }
  demand(onSlow.length > 0 && onGood.length > 0, `all ${FILES} files went to one volume`);
  return { onSlow, onGood };
}

/** Asks for each, one after the other, and wants the right bytes. @returns ms to the last byte */
async function times(rig: DrillRig, appliance: DrillAppliance, paths: readonly string[]): Promise<number[]> {
  const all: number[] = [];
  for (const path of paths) {
    const answer = await appliance.get(path);
    demand(answer.status === 200 && answer.end === 'complete', `${path}: ${answer.status}, ${answer.end}`);
    demandBytes(answer.body, rig.origin.bytesOf(path) ?? Buffer.alloc(0), path);
    all.push(answer.totalMs);
  }
  return all;
}

async function isOnline(appliance: DrillAppliance): Promise<boolean> {
  return (await appliance.state()).usage.volumes.every(({ state }) => state.toLowerCase() === 'online');
}
