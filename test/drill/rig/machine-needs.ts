import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';

/** What a drill may need of the machine: the right to mount, or a program. */
export type Need = 'root' | 'loop' | Program;
type Program = keyof typeof PROGRAMS;

/** Debian package of each program. */
const PROGRAMS = {
  'mkfs.ext4': 'e2fsprogs',
  losetup: 'mount',
  bindfs: 'bindfs',
  strace: 'strace',
} as const;

const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Why something is missing, and what brings it; undefined when all of it is there. */
export function whatIsMissing(needs: readonly Need[]): string | undefined {
  const reasons = needs.flatMap((need) => missing(need) ?? []);
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

function missing(need: Need): string | undefined {
  if (need === 'root') return process.getuid?.() === 0 ? undefined : 'needs root to mount a disk: run it with sudo';
  if (need === 'loop') {
    if (!existsSync('/dev/loop-control')) return 'needs loop devices (modprobe loop), which this kernel has not';
    return spawnSync(programPath('losetup') ?? 'losetup', ['-f']).status === 0 ? undefined : 'no loop device is free';
  }
  if (programPath(need) === undefined) return `needs ${need}: apt-get install ${PROGRAMS[need]}`;
  if (need === 'bindfs' && !existsSync('/dev/fuse')) return 'needs FUSE (/dev/fuse), which this kernel has not';
  return undefined;
}

export function programPath(name: Program): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
