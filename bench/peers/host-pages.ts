import { writeFileSync } from 'node:fs';
import { largePageBytes } from '../../appliance/memory/large-pages.ts';

const SWITCH = '/sys/kernel/mm/transparent_hugepage/hugepages-1024kB/shmem_enabled';

/**
 * Sets the machine up as deploy/systemd/install.sh does: large pages for shared memory that asks for them. Of the servers
 * only ours does. @returns the bytes of the largest page that it will get; 0 without root, or with a kernel that has none
 */
export function giveLargePages(): number {
  try {
    writeFileSync(SWITCH, 'advise');
  } catch {
    // Not root, or an older kernel: measured with small pages, and the result says so.
  }
  return largePageBytes();
}
