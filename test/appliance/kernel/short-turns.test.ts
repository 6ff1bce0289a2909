import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadLibc } from '../../../appliance/kernel/libc.ts';
import { askShortTurns } from '../../../appliance/kernel/short-turns.ts';

const load = loadLibc();

/** As the scheduler has it; undefined where the kernel does not tell. */
function turnNanoseconds(): number | undefined {
  try {
    const found = /^se\.slice\s*:\s*(\d+)$/m.exec(readFileSync('/proc/thread-self/sched', 'utf8'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}

// Only where the kernel has turns of one's own (6.12) and tells of them (SCHED_DEBUG).
test.skipIf(load.kind === 'missing' || turnNanoseconds() === undefined)(
  'a thread that asks for short turns has them, at the priority that it had',
  () => {
    if (load.kind === 'missing') return;
    const before = /^prio\s*:\s*(\d+)$/m.exec(readFileSync('/proc/thread-self/sched', 'utf8'))?.[1];
    expect(turnNanoseconds()).not.toBe(300_000);
    expect(askShortTurns(load.libc)).toBe(true);
    expect(turnNanoseconds()).toBe(300_000);
    expect(/^prio\s*:\s*(\d+)$/m.exec(readFileSync('/proc/thread-self/sched', 'utf8'))?.[1]).toBe(before);
  },
);
