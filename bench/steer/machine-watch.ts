import { readFileSync } from 'node:fs';
import { hostSpeedMs } from '../peers/host-speed.ts';

/** What the machine was like while something was measured on it. */
export interface MachineShape {
  /** Processor time of a fixed piece of work just before: how fast the host is at this moment. */
  readonly spinMs: number;
  /** Of all processor time meanwhile, what the host gave to others (`steal` of proc(5)), 0 to 1. */
  readonly stealShare: number;
}

export async function watchMachine<T>(
  work: () => Promise<T>,
): Promise<{ readonly done: T; readonly was: MachineShape }> {
  const spinMs = hostSpeedMs();
  const before = readTicks();
  const done = await work();
  const after = readTicks();
  const stealShare = (after.stolen - before.stolen) / Math.max(1, after.all - before.all);
  return { done, was: { spinMs: Math.round(spinMs * 10) / 10, stealShare: Math.round(stealShare * 1e4) / 1e4 } };
}

/** The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already. */
function readTicks(): { readonly all: number; readonly stolen: number } {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { all: ticks.reduce((sum, one) => sum + one, 0), stolen: ticks[7] ?? 0 };
}
