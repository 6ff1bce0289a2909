const FEWEST_BYTES = 64 * 2 ** 20;
const SHARE = 1 / 4;
const MIB = 2 ** 20;

/**
 * How much memory is for content where the operator does not say, in bytes, whole MiB: a quarter of what there is. Nothing
 * that viewers are sent from disks stays in the kernel's page cache, so what this is not given is not used for content.
 * The rest is for the sockets of viewers, the index (a kilobyte per object) and whatever else runs there.
 * @param machineBytes all memory of the machine @param limitBytes what the process may have of it (cgroup); 0 when nobody says
 */
export function defaultContentMemory(machineBytes: number, limitBytes: number): number {
  const availableBytes = limitBytes > 0 ? Math.min(machineBytes, limitBytes) : machineBytes;
  return Math.max(FEWEST_BYTES, Math.floor((availableBytes * SHARE) / MIB) * MIB);
}
