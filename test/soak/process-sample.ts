import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One look at a running process. */
export interface ProcessSample {
  readonly atMs: number;
  readonly threads: number;
  readonly rssMib: number;
  /** Of it what belongs to no file: heaps, stacks, buffers. */
  readonly anonymousMib: number;
  /** By what they are of: `socket`, `file`, `removed file`, `memfd`, `eventpoll` ... */
  readonly descriptors: Readonly<Record<string, number>>;
}

/** @throws when the process is gone */
export function sampleProcess(pid: number): ProcessSample {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  const descriptors: Record<string, number> = {};
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(`/proc/${pid}/fd/${fd}`);
    if (kind !== undefined) descriptors[kind] = (descriptors[kind] ?? 0) + 1;
  }
  return {
    atMs: performance.now(),
    threads: kibibytes('Threads'),
    rssMib: kibibytes('VmRSS') / 1024,
    anonymousMib: kibibytes('RssAnon') / 1024,
    descriptors,
  };
}

export const descriptorCount = ({ descriptors }: ProcessSample): number =>
  Object.values(descriptors).reduce((sum, count) => sum + count, 0);

function kindOf(link: string): string | undefined {
  try {
    const target = readlinkSync(link);
    if (target.startsWith('/memfd:')) return 'memfd';
    if (target.startsWith('/')) return target.endsWith(' (deleted)') ? 'removed file' : 'file';
    return /^(?:anon_inode:)?\[?(\w+)/.exec(target)?.[1] ?? target;
  } catch {
    // Closed between the listing and its turn.
    return undefined;
  }
}
