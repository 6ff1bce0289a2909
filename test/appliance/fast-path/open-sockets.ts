import { readdirSync, readlinkSync } from 'node:fs';

/** The sockets that this process has open, by inode and how many descriptors each has. proc(5) */
export function openSockets(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const fd of readdirSync('/proc/self/fd')) {
    const target = linkOf(fd);
    if (target.startsWith('socket:')) counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  return counts;
}

/** The descriptor with which the folder itself is read is gone by then. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}
