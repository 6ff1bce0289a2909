/** Whether a soak was clean: pure, from what was seen. */
import { descriptorCount, type ProcessSample } from './process-sample.ts';

/** Beside the start: connections to the origin that are kept, files of volumes that are open for the next reader. */
const MOST_MORE_DESCRIPTORS = 24;
/** As in `npm run drill -- memory`: a leak of one small object per answer of 1 MiB would be ten times that. */
const MOST_GROWTH_MIB_PER_GB = 4;
const LEAST_SAMPLES = 60;

export interface SoakEvidence {
  /** Answers that were wrong, and other things that may not happen, a line each. */
  readonly wrong: readonly string[];
  /** Of the last process, when it was ready and before anybody asked. */
  readonly atStart: ProcessSample;
  /** Of the last process, when everybody had left. */
  readonly atEnd: ProcessSample;
  /** Of the last process while it was asked, with the bytes served until then. */
  readonly samples: readonly { readonly sample: ProcessSample; readonly servedBytes: number }[];
}

export interface SoakVerdict {
  readonly isClean: boolean;
  readonly lines: readonly string[];
}

export function judgeSoak({ wrong, atStart, atEnd, samples }: SoakEvidence): SoakVerdict {
  const [before, after] = [descriptorCount(atStart), descriptorCount(atEnd)];
  const isBack = after <= before + MOST_MORE_DESCRIPTORS;
  const memory = judgeMemory(samples);
  const isClean = wrong.length === 0 && isBack && memory.isFlat;
  return {
    isClean,
    lines: [
      wrong.length === 0 ? 'no wrong byte, no answer that may not be' : `WRONG: ${wrong.length} times`,
      `${isBack ? 'descriptors are back' : 'DESCRIPTORS LEAKED'}: ${before} at the start, ${after} at the end, at most ${MOST_MORE_DESCRIPTORS} more (${kinds(atStart)}; then ${kinds(atEnd)})`,
      memory.line,
      `threads: ${atStart.threads} at the start, ${atEnd.threads} at the end`,
    ],
  };
}

/**
 * Anonymous memory of the last process, in the second half of its time: until then buffers, caches and tables have
 * become as large as they get. The slope is by bytes served, since that is what leaks are made of.
 */
function judgeMemory(samples: SoakEvidence['samples']): { isFlat: boolean; line: string } {
  const half = samples.slice(Math.floor(samples.length / 2));
  const first = half[0];
  const last = half.at(-1);
  if (first === undefined || last === undefined || half.length < LEAST_SAMPLES)
    return { isFlat: true, line: `memory: not judged, too short (${half.length} of ${LEAST_SAMPLES} samples)` };
  const gigabytes = half.map(({ servedBytes }) => servedBytes / 1e9);
  const slope = slopeOf(half.map(({ sample }, index) => [gigabytes[index] ?? 0, sample.anonymousMib]));
  const isFlat = slope < MOST_GROWTH_MIB_PER_GB;
  const [from, to] = [first.sample.anonymousMib, last.sample.anonymousMib].map((mib) => mib.toFixed(0));
  const served = ((last.servedBytes - first.servedBytes) / 1e9).toFixed(1);
  return {
    isFlat,
    line: `memory ${isFlat ? 'is flat' : 'GROWS'}: ${slope.toFixed(2)} MiB of anonymous memory per GB served over the last ${served} GB (at most ${MOST_GROWTH_MIB_PER_GB}), ${from} to ${to} MiB; resident at the end ${last.sample.rssMib.toFixed(0)} MiB`,
  };
}

/** Least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const below = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

function kinds({ descriptors }: ProcessSample): string {
  return Object.entries(descriptors)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}
