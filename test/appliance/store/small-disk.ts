import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own, really mounted, removed with the object. Needs root. */
export class SmallDisk implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'oca-small-disk-'));
  readonly dir = join(this.#folder, 'mounted');
  /** What lies under an ext4, as a file. */
  readonly image = join(this.#folder, 'image');
  #rescuer: ChildProcess | undefined;

  constructor() {
    mkdirSync(this.dir);
  }

  /** A few MiB in memory. */
  static inMemory(mebibytes: number): SmallDisk {
    const disk = new SmallDisk();
    disk.#mount('-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs');
    return disk;
  }

  /** An ext4, which can `fail`. */
  static ext4(mebibytes = 32): SmallDisk {
    const disk = new SmallDisk();
    writeFileSync(disk.image, '');
    truncateSync(disk.image, mebibytes * 1024 * 1024);
    run('mkfs.ext4', ['-q', '-F', disk.image]);
    disk.#mount('-o', 'loop', disk.image);
    return disk;
  }

  /** Everything is written to where it lies. */
  sync(): void {
    run('sync', ['-f', this.dir]);
  }

  setReadOnly(readOnly: boolean): void {
    this.#mount('-o', `remount,${readOnly ? 'ro' : 'rw'}`);
  }

  /** What the kernel does to ext4 after an error of the disk: read-only from now on, also for files that are open. */
  fail(): void {
    this.#mount('-o', 'remount,abort');
  }

  /**
   * The disk loses what is stored behind this point: reading it fails with EIO from now on, as soon as the kernel's own
   * copies are gone. A whole disk of so many MiB is what it was before.
   */
  lose(fromMebibyte: number): void {
    this.sync();
    truncateSync(this.image, fromMebibyte * 1024 * 1024);
  }

  /** What was read from the disk is asked of it again. */
  forgetCaches(): void {
    run('find', [this.dir, '-type', 'f', '-exec', 'dd', 'if={}', 'iflag=nocache', 'count=0', 'status=none', ';']);
  }

  /**
   * Another disk with what is on this one by now, as after a power cut: the kernel has not written everything yet.
   */
  copyAsAfterPowerCut(): SmallDisk {
    const other = new SmallDisk();
    copyFileSync(this.image, other.image);
    other.#mount('-o', 'loop', other.image);
    return other;
  }

  /** The disk hangs: whoever writes waits in the kernel, until it is thawed. */
  freeze(): void {
    // Whatever becomes of this process, nobody must find a frozen disk.
    const thaw = `sleep 30; fsfreeze -u '${this.dir}' 2>/dev/null`;
    this.#rescuer = spawn('sh', ['-c', thaw], { detached: true, stdio: 'ignore' });
    this.#rescuer.unref();
    run('fsfreeze', ['-f', this.dir]);
  }

  thaw(): void {
    const rescuer = this.#rescuer;
    this.#rescuer = undefined;
    if (rescuer?.pid === undefined) return;
    run('fsfreeze', ['-u', this.dir]);
    process.kill(-rescuer.pid);
  }

  /** As after the operator's repair. Nobody may have files open. */
  repair(): void {
    run('umount', [this.dir]);
    this.#mount('-o', 'loop', this.image);
  }

  /** As `repair`, with what was on it at another time. @returns false while somebody has files open */
  repairs(image: string): boolean {
    if (spawnSync('umount', [this.dir]).status !== 0) return false;
    copyFileSync(image, this.image);
    this.#mount('-o', 'loop', this.image);
    return true;
  }

  [Symbol.dispose](): void {
    this.thaw();
    try {
      run('umount', ['-l', this.dir]);
    } catch {
      // It was never mounted.
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #mount(...parameters: readonly string[]): void {
    try {
      run('mount', [...parameters, this.dir]);
    } catch (error) {
      if (!parameters.some((word) => word.startsWith('remount'))) this[Symbol.dispose]();
      throw error;
    }
  }
}

/** Why no such disk can be mounted here; undefined when it can. Said on the terminal too, so that nobody misses it. */
export function whyNoSmallDisk(kind: 'inMemory' | 'ext4'): string | undefined {
  try {
    const disk = kind === 'ext4' ? SmallDisk.ext4() : SmallDisk.inMemory(1);
    disk[Symbol.dispose]();
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.warn(`tests of full and failing disks (${kind}) do not run: ${reason}`);
    return reason;
  }
}

function run(program: string, parameters: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, parameters, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program}: ${stderr.trim()}`);
}
