import { availableParallelism, loadavg } from 'node:os';
import type { DrillRig } from './rig/drill-rig.ts';
import type { Need } from './rig/machine-needs.ts';

/** One fault, what is done with it, and what has to come out. */
export interface Drill {
  readonly name: string;
  /** What is done, in a few words: it stands in the line that is printed. */
  readonly does: string;
  /** What a stranger should know to judge the result; the last sentence says what other caches did in the same test. */
  readonly why: string;
  /** What the machine must have. The drill is skipped, visibly, where it has not. */
  readonly needs: readonly Need[];
  /** Takes seconds at most and needs nothing special: part of `npm test`. */
  readonly isShort: boolean;
  readonly timeLimitMs?: number;
  /** @returns the key figure. @throws DrillFailed when the appliance did not do what it should */
  run(rig: DrillRig): Promise<string>;
}

/** The appliance did not do what it should. Any other error is of the drill itself and counts as a failure too. */
export class DrillFailed extends Error {}

/** @throws DrillFailed */
export function demand(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new DrillFailed(otherwise);
}

/** @throws DrillFailed that names the first difference */
export function demandBytes(found: Uint8Array, wanted: Uint8Array, what: string): void {
  if (Buffer.compare(found, wanted) === 0) return;
  const at = found.findIndex((byte, index) => byte !== wanted[index]);
  const where = at === -1 ? 'they agree as far as both go' : `they differ first at byte ${at}`;
  throw new DrillFailed(`${what}: ${found.length} bytes came, ${wanted.length} are right, and ${where}`);
}

/** Waits for what the appliance does in its own time. @throws DrillFailed when it has not happened within the limit */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new DrillFailed(`${what} did not happen within ${limitMs / 1000} s`);
    await pause(20);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether others take the processors too: then a wall clock judges them as much as the appliance. */
export const isMachineBusy = (): boolean => (loadavg()[0] ?? 0) > availableParallelism();

/** @param share 0 to 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
