import type { PlanDraft, RenditionContent } from '../draft-plan.ts';
import type { PlanStore } from '../plan-store.ts';
import { headBlockBytes, type PlannedContents } from './prepare-plan.ts';

/** Contents in one transaction: some milliseconds. */
const NUMBERED_AT_ONCE = 500;

/**
 * Numbers for good for everything that is planned, and what its files add up to. Yields how many contents are done;
 * numbers that are given and then come into no plan do no harm.
 * @param planned columns of renditions of the cycle, in any order and any number of times
 * @param count of renditions in the cycle
 */
export function* numberPlanned(
  plans: PlanStore,
  planned: Iterable<Uint32Array>,
  count: number,
  contentOf: (rendition: number) => RenditionContent,
  nowMs: number,
): Generator<number, PlannedContents> {
  const contents: PlannedContents = {
    number: sharedColumn(Uint32Array, count),
    fileCount: sharedColumn(Uint32Array, count),
    headFileCount: sharedColumn(Uint32Array, count),
    sizeBytes: sharedColumn(Float64Array, count),
    headBytes: sharedColumn(Float64Array, count),
  };
  const isPlanned = new Uint8Array(count);
  for (const renditions of planned) for (const rendition of renditions) isPlanned[rendition] = 1;
  const renditions = Array.from(isPlanned.keys()).filter((rendition) => isPlanned[rendition] === 1);
  for (let at = 0; at < renditions.length; at += NUMBERED_AT_ONCE) {
    const some = renditions.slice(at, at + NUMBERED_AT_ONCE);
    const described = some.map((rendition) => {
      const content = contentOf(rendition);
      describe(contents, rendition, content);
      return content;
    });
    for (const [index, number] of plans.numberContents(described, nowMs).entries())
      contents.number[some[index] ?? 0] = number;
    yield some.length;
  }
  return contents;
}

/** The renditions of some drafts. */
export const plannedRenditions = (drafts: readonly PlanDraft[]): Uint32Array[] =>
  drafts.map(({ rendition }) => rendition);

function describe(contents: PlannedContents, rendition: number, { files }: RenditionContent): void {
  let sizeBytes = 0;
  let headBytes = 0;
  let headFileCount = 0;
  for (const file of files) {
    sizeBytes += file.sizeBytes;
    if (file.headBytes === 0) continue;
    headFileCount += 1;
    headBytes += headBlockBytes(file.sizeBytes, file.headBytes);
  }
  contents.fileCount[rendition] = files.length;
  contents.headFileCount[rendition] = headFileCount;
  contents.sizeBytes[rendition] = sizeBytes;
  contents.headBytes[rendition] = headBytes;
}

/** A column that threads share. */
function sharedColumn<A extends Uint32Array | Float64Array>(
  kind: { new (buffer: SharedArrayBuffer): A; readonly BYTES_PER_ELEMENT: number },
  count: number,
): A {
  return new kind(new SharedArrayBuffer(count * kind.BYTES_PER_ELEMENT));
}
