import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What the kernel has counted for one process and all its threads. Linux only. */
export interface ProcessCost {
  readonly cpuMicros: number;
  /** Highest resident set so far. */
  readonly peakBytes: number;
}

const TICKS_PER_SEC = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export function readProcessCost(pid: number): ProcessCost {
  // The second field may hold spaces; what follows its closing bracket does not. utime and stime are fields 14 and 15.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const peakKiB = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return { cpuMicros: (ticks / TICKS_PER_SEC) * 1e6, peakBytes: peakKiB * 1024 };
}
