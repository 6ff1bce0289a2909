import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel has counted for a process and all that descend from it. Linux only. */
export interface TreeCost {
  readonly cpuMicros: number;
  /** Resident now, pages that several share counted in each. */
  readonly residentBytes: number;
}

/**
 * Processor time of every thread of every process, in nanoseconds from /proc/PID/task/TID/schedstat: the ticks of
 * /proc/PID/stat are 10 ms, which is a percent of a short load. Threads that end take their time with them, so a server
 * must keep the threads it serves with; all of those that are measured here do.
 */
export function readTreeCost(rootPid: number): TreeCost {
  let [nanos, residentKiB] = [0, 0];
  for (const pid of treeOf(rootPid)) {
    for (const tid of listOf(`/proc/${pid}/task`))
      nanos += Number(textOf(`/proc/${pid}/task/${tid}/schedstat`).split(' ')[0]);
    residentKiB += Number(/^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0);
  }
  return { cpuMicros: nanos / 1000, residentBytes: residentKiB * 1024 };
}

/** Memory with shared pages counted once, in bytes: what the server takes from the machine, page cache left out. */
export function readTreeMemory(rootPid: number): number {
  return treeOf(rootPid).reduce((sum, pid) => {
    const kibibytes = Number(/^Pss:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
    return sum + kibibytes * 1024;
  }, 0);
}

function treeOf(rootPid: number): number[] {
  const found = [rootPid];
  for (let at = 0; at < found.length; at += 1) {
    for (const tid of listOf(`/proc/${found[at]}/task`)) {
      const children = textOf(`/proc/${found[at]}/task/${tid}/children`)
        .split(' ')
        .filter((word) => word !== '');
      found.push(...children.map(Number));
    }
  }
  return found;
}

/** Empty when the process has just ended. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
