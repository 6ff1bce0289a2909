import { readFileSync } from 'node:fs';
import { OperationalError } from '../errors/operational-error.ts';

/**
 * With fewer than so many descriptors no service is worth its start. An appliance of two cores and one disk needs about
 * 50 before anybody connects, each core and disk a handful more; and whatever meets the limit first blames something
 * else: the database says that it cannot be opened, a thread that it cannot begin.
 */
export const LEAST_OPEN_FILES = 1024;

/**
 * How many descriptors this process may have: its soft limit, which Node raises to the hard one when it starts.
 * @param limits the text of `/proc/self/limits` (proc(5)) @returns Infinity where nothing is known
 */
export function openFileLimit(limits: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** @throws OperationalError CONFIG_INVALID when the process may have too few, with what to change */
export function requireOpenFiles(): void {
  const limit = openFileLimit(limitsOfThisProcess());
  if (limit >= LEAST_OPEN_FILES) return;
  throw new OperationalError(
    'CONFIG_INVALID',
    `this process may have ${limit} open files, and needs ${LEAST_OPEN_FILES} at the very least: ` +
      'raise the hard limit, LimitNOFILE= in its unit of systemd, `ulimit -Hn` in a shell, `--ulimit nofile=` of a container',
  );
}

/** Empty where there is no such file: not Linux. */
function limitsOfThisProcess(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
