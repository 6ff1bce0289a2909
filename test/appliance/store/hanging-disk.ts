import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/until.ts';

/** Whatever becomes of this process, nobody must find a disk that hangs. */
const RESCUE_SEC = 30;

/**
 * A folder behind a file system of its own (FUSE, bindfs), whose process can be stopped: then every operation waits in
 * the kernel, as on a disk or a network mount that does not answer. Needs root or the right to mount.
 */
export class HangingDisk implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'oca-hanging-disk-'));
  readonly dir = join(this.#folder, 'mounted');
  #fileSystem: ChildProcess | undefined;
  #rescuer: ChildProcess | undefined;

  static async mount(): Promise<HangingDisk> {
    const disk = new HangingDisk();
    const behind = join(disk.#folder, 'behind');
    for (const folder of [disk.dir, behind]) mkdirSync(folder);
    disk.#fileSystem = spawn('bindfs', ['-f', behind, disk.dir], { stdio: 'ignore' });
    await until(() => readFileSync('/proc/mounts', 'utf8').includes(` ${disk.dir} fuse`));
    return disk;
  }

  hang(): void {
    const pid = this.#fileSystem?.pid;
    if (pid === undefined) throw new Error('no file system');
    this.#rescuer = spawn('sh', ['-c', `sleep ${RESCUE_SEC}; kill -CONT ${pid}`], { detached: true, stdio: 'ignore' });
    this.#rescuer.unref();
    this.#fileSystem?.kill('SIGSTOP');
  }

  goOn(): void {
    const rescuer = this.#rescuer;
    this.#rescuer = undefined;
    if (rescuer?.pid === undefined) return;
    this.#fileSystem?.kill('SIGCONT');
    process.kill(-rescuer.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goOn();
    const fileSystem = this.#fileSystem;
    spawnSync('umount', ['-l', this.dir]);
    await until(() => fileSystem?.exitCode !== null || fileSystem.signalCode !== null);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Why there is no such disk here; undefined when there is. Said on the terminal too, so that nobody misses it. */
export function whyNoHangingDisk(): string | undefined {
  const reason = !existsSync('/dev/fuse')
    ? 'there is no /dev/fuse'
    : process.getuid?.() !== 0
      ? 'mounting takes root'
      : spawnSync('bindfs', ['--version']).error?.message;
  if (reason !== undefined) console.warn(`tests of disks that hang do not run: ${reason}`);
  return reason;
}
