/** Whether a soak was clean: pure, from what was seen. */
import { descriptorCount, type ProcessSample } from './process-sample.ts';

/** Beside the start: connections to the origin that are kept. */
const MOST_MORE_DESCRIPTORS = 24;
/** Of a volume, for the next reader (open-files.ts): 128, each open for reads through the page cache and past it. */
const MOST_RESTING_FILES = 256;
/**
 * By so much the floor may rise in the second half of a life: tables and caches that are filled by what is seldom. A
 * longer half may have more; a leak of one small object per answer of 1 MiB would be forty times that.
 */
const MOST_GROWTH_MIB = 32;
const MOST_GROWTH_MIB_PER_GB = 1;
/** Before that everything grows. */
const LEAST_JUDGED_GB = 1;
const STRETCHES = 10;
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
  const more = moreOf(atStart, atEnd);
  const isBack = more.files <= MOST_RESTING_FILES && more.others <= MOST_MORE_DESCRIPTORS;
  const memory = judgeMemory(samples);
  const isClean = wrong.length === 0 && isBack && memory.isFlat;
  return {
    isClean,
    lines: [
      wrong.length === 0 ? 'no wrong byte, no answer that may not be' : `WRONG: ${wrong.length} times`,
      `${isBack ? 'descriptors are back' : 'DESCRIPTORS LEAKED'}: ${more.files} more files at the end, at most ${MOST_RESTING_FILES}, and ${more.others} others, at most ${MOST_MORE_DESCRIPTORS} (${kinds(atStart)}; then ${kinds(atEnd)})`,
      memory.line,
      `threads: ${atStart.threads} at the start, ${atEnd.threads} at the end`,
    ],
  };
}

function moreOf(atStart: ProcessSample, atEnd: ProcessSample): { files: number; others: number } {
  const filesOf = ({ descriptors }: ProcessSample): number => descriptors['file'] ?? 0;
  const files = filesOf(atEnd) - filesOf(atStart);
  return { files, others: descriptorCount(atEnd) - descriptorCount(atStart) - files };
}

/**
 * Whether memory that belongs to no file grows with the bytes served, in the last life.
 *
 * The obvious, a line through all samples of the second half, finds buffers. Answers in hand come and go by 30 MiB. And
 * when more fills than ever before happen to be in hand at once, the allocator's heap gets a new height and keeps it:
 * that was 21 and 31 MiB in one step, and nothing before and after it over gigabytes, with a heap of V8 that stayed the
 * same within 2 MiB.
 *
 * So what is judged is the floor: the half is cut into stretches of equally many bytes, and each counts with the least
 * of its samples. A leak raises the floor from stretch to stretch; a new height does so once. Memory grows when the line
 * through the floors rises by too much, and more than half of their steps go along with it.
 *
 * Limits: the longer the life, the smaller the leak that is found; what comes in few large pieces is not.
 */
function judgeMemory(samples: SoakEvidence['samples']): { isFlat: boolean; line: string } {
  const endBytes = samples.at(-1)?.servedBytes ?? 0;
  const fromBytes = ((samples[0]?.servedBytes ?? 0) + endBytes) / 2;
  const judged = samples.filter(({ servedBytes }) => servedBytes >= fromBytes);
  const gigabytes = (endBytes - fromBytes) / 1e9;
  if (gigabytes < LEAST_JUDGED_GB || judged.length < LEAST_SAMPLES) {
    const had = `${judged.length} of ${LEAST_SAMPLES} samples over ${gigabytes.toFixed(1)} of ${LEAST_JUDGED_GB} GB`;
    return { isFlat: true, line: `memory: not judged, too short (${had} in the second half of the last life)` };
  }
  const floors = floorsOf(judged, fromBytes, (endBytes - fromBytes) / STRETCHES);
  const roseMib = slopeOf(floors) * gigabytes;
  const mostMib = Math.max(MOST_GROWTH_MIB, MOST_GROWTH_MIB_PER_GB * gigabytes);
  const isFlat = roseMib < mostMib || usualStepOf(floors) * gigabytes < mostMib / 2;
  const [from, to] = [floors[0], floors.at(-1)].map((floor) => floor?.[1].toFixed(0));
  const resident = samples.at(-1)?.sample.rssMib.toFixed(0);
  return {
    isFlat,
    line: `memory ${isFlat ? 'is flat' : 'GROWS'}: the floor of anonymous memory rose by ${roseMib.toFixed(1)} MiB over the last ${gigabytes.toFixed(1)} GB of one life (at most ${mostMib.toFixed(0)}, unless in one step), ${from} MiB at first and ${to} at the end; resident at the end ${resident} MiB`,
  };
}

/** Of each stretch of so many bytes the least memory: [GB in its middle, MiB]. */
function floorsOf(samples: SoakEvidence['samples'], fromBytes: number, stretchBytes: number): [number, number][] {
  const floors: number[] = [];
  for (const { sample, servedBytes } of samples) {
    const stretch = Math.min(STRETCHES - 1, Math.floor((servedBytes - fromBytes) / stretchBytes));
    floors[stretch] = Math.min(floors[stretch] ?? Number.POSITIVE_INFINITY, sample.anonymousMib);
  }
  // One in which nobody looked is not there.
  return floors.flatMap((mib, stretch) => [[((stretch + 0.5) * stretchBytes) / 1e9, mib] as [number, number]]);
}

/** The middle one of the rises from each floor to the next, MiB per GB. */
function usualStepOf(floors: readonly (readonly [number, number])[]): number {
  const steps = floors.slice(1).map(([gigabytes, mib], index) => {
    const [gigabytesBefore, mibBefore] = floors[index] ?? [0, 0];
    return (mib - mibBefore) / (gigabytes - gigabytesBefore);
  });
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
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
