import { createHash } from 'node:crypto';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { FillWindow } from '../../../src/contracts/fill-plan.ts';
import type { PlanDraft } from '../draft-plan.ts';
import { compress, layOut, type PackedDraft } from './pack-draft.ts';

/** Everything about a plan that can be made without knowing the plan before: by the thread that drafted it. */
export interface PreparedPlan {
  readonly applianceId: string;
  readonly windows: readonly FillWindow[];
  /** SHA-256 of what makes a version: contents, parts and sources, whatever their order. */
  readonly contentDigest: Uint8Array;
  /** SHA-256 of the draft as it was laid out. */
  readonly layoutDigest: Uint8Array;
  readonly packed: Uint8Array;
  readonly renditionCount: number;
  readonly fileCount: number;
  readonly planBytes: number;
}

/** By rendition of the cycle. */
export interface PlannedContents {
  /** Number of its content in the store; 0 where it is in no plan. */
  readonly number: Uint32Array;
  readonly fileCount: Uint32Array;
  readonly headFileCount: Uint32Array;
  readonly sizeBytes: Float64Array;
  /** In whole blocks of each file. */
  readonly headBytes: Float64Array;
}

export function preparePlan(draft: PlanDraft, contents: PlannedContents): PreparedPlan {
  const numbered: PackedDraft = { ...draft, rendition: draft.rendition.map((each) => contents.number[each] ?? 0) };
  const laidOut = layOut(numbered);
  let fileCount = 0;
  let planBytes = 0;
  for (const [entry, rendition] of draft.rendition.entries()) {
    const isHead = draft.isHead[entry] === 1;
    fileCount += (isHead ? contents.headFileCount : contents.fileCount)[rendition] ?? 0;
    planBytes += (isHead ? contents.headBytes : contents.sizeBytes)[rendition] ?? 0;
  }
  return {
    applianceId: draft.applianceId,
    windows: draft.windows,
    contentDigest: contentDigest(numbered),
    layoutDigest: createHash('sha256').update(laidOut).digest(),
    packed: compress(laidOut),
    renditionCount: draft.rendition.length,
    fileCount,
    planBytes,
  };
}

/** What a head takes, file by file in whole blocks. */
export const headBlockBytes = (sizeBytes: number, headBytes: number): number =>
  Math.min(sizeBytes, Math.ceil(headBytes / BLOCK_BYTES) * BLOCK_BYTES);

const ENTRIES = 2 ** 20;

/** Over content, part and sources of each entry, ordered by content, so that an order of fill alone makes no version. */
function contentDigest({ rendition, isHead, sources, sourceLists }: PackedDraft): Buffer {
  const lists = sourceLists.map((list) => createHash('sha256').update(JSON.stringify(list)).digest());
  const order = Float64Array.from(rendition, (number, entry) => number * ENTRIES + entry).sort();
  const row = 4 + 1 + 32;
  const table = Buffer.alloc(order.length * row);
  for (const [at, packed] of order.entries()) {
    const entry = packed % ENTRIES;
    table.writeUInt32LE(rendition[entry] ?? 0, at * row);
    table[at * row + 4] = isHead[entry] ?? 0;
    lists[sources[entry] ?? 0]?.copy(table, at * row + 5);
  }
  return createHash('sha256').update(table).digest();
}
