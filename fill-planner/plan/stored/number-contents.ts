import type { PlanDraft, RenditionContent } from '../draft-plan.ts';
import type { PlanStore } from '../plan-store.ts';
import { headBlockBytes, type PlannedContents } from './prepare-plan.ts';

/**
 * Numbers for good for everything that is planned, and what its files add up to.
 * @param planned renditions of the cycle, in any order and any number of times
 * @param count of renditions in the cycle
 */
export function numberPlanned(
  plans: PlanStore,
  planned: Iterable<number>,
  count: number,
  contentOf: (rendition: number) => RenditionContent,
  nowMs: number,
): PlannedContents {
  const contents: PlannedContents = {
    number: sharedColumn(Uint32Array, count),
    fileCount: sharedColumn(Uint32Array, count),
    headFileCount: sharedColumn(Uint32Array, count),
    sizeBytes: sharedColumn(Float64Array, count),
    headBytes: sharedColumn(Float64Array, count),
  };
  const isPlanned = new Uint8Array(count);
  for (const rendition of planned) isPlanned[rendition] = 1;
  const renditions = Array.from(isPlanned.keys()).filter((rendition) => isPlanned[rendition] === 1);
  const described = function* (): Generator<RenditionContent> {
    for (const rendition of renditions) {
      const content = contentOf(rendition);
      describe(contents, rendition, content);
      yield content;
    }
  };
  for (const [at, number] of plans.numberContents(described(), nowMs).entries())
    contents.number[renditions[at] ?? 0] = number;
  return contents;
}

/** The renditions of some drafts. */
export function* plannedRenditions(drafts: readonly PlanDraft[]): Generator<number> {
  for (const { rendition } of drafts) yield* rendition;
}

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
