import type { FillPlanFile, FillPlanSource, FillWindow } from '../../src/contracts/fill-plan.ts';

/**
 * One appliance's plan before it has a version and a signature, in columns: entry e is a rendition, or its head, in the
 * order in which to fill. A plan of 50,000 files is 20 MB as JSON and 2 MB like this, so that the plans of a thousand
 * appliances can be made, compared and stored; the JSON is written when the appliance asks for it.
 */
export interface PlanDraft {
  readonly applianceId: string;
  readonly clusterId: string;
  readonly region: string;
  readonly windows: readonly FillWindow[];
  /** Index into the facts that the plan was made with. */
  readonly rendition: Uint32Array;
  readonly isHead: Uint8Array;
  /** 1 where this appliance fetches it for its cluster. */
  readonly isMaster: Uint8Array;
  /** What this copy is expected to serve within the next day. */
  readonly expectedBytes: Float64Array;
  /** Place in the cluster's order of worth, 0-based, of so many items. */
  readonly rank: Uint32Array;
  readonly itemCount: number;
  /** Copies in the cluster, this one included. */
  readonly copies: Uint16Array;
  readonly reason: Uint32Array;
  readonly reasons: readonly string[];
  /** Whom to ask: an index into `sourceLists`. */
  readonly sources: Uint32Array;
  readonly sourceLists: readonly (readonly FillPlanSource[])[];
}

/** What a rendition is made of, in the order of playing. */
export interface RenditionContent {
  readonly id: string;
  readonly files: readonly ContentFile[];
}

export interface ContentFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly root: string;
  /** How many of its first bytes belong to the rendition's head: 0 to all. */
  readonly headBytes: number;
}

/**
 * The rendition list and the files of a plan as the contract has them. The list is by id, so that a change of order
 * alone does not change what the bits of holdings mean.
 * @param contentOf the content of `rendition[e]`
 */
export function draftedFiles(
  draft: PlanDraft,
  contentOf: (rendition: number) => RenditionContent,
): { readonly renditions: string[]; readonly files: FillPlanFile[] } {
  const contents = Array.from(draft.rendition, contentOf);
  const renditions = contents.map(({ id }) => id).sort();
  const indexOf = new Map(renditions.map((id, index) => [id, index]));
  const files: FillPlanFile[] = [];
  for (const [entry, content] of contents.entries()) {
    const { reason, files: ofEntry } = filesOfEntry(draft, entry, content);
    const sources = [...(draft.sourceLists[draft.sources[entry] ?? 0] ?? [])];
    const rendition = indexOf.get(content.id) ?? 0;
    for (const file of ofEntry) files.push({ ...file, rendition, priority: files.length, reason, sources });
  }
  return { renditions, files };
}

/** The files of one entry: all, or those that its head lies in. */
export function filesOfEntry(
  draft: DescribedDraft,
  entry: number,
  content: RenditionContent,
): {
  readonly reason: string;
  readonly files: readonly Pick<FillPlanFile, 'path' | 'sizeBytes' | 'root' | 'headBytes' | 'expectedBytes'>[];
} {
  const isHead = draft.isHead[entry] === 1;
  const held = isHead ? content.files.filter(({ headBytes }) => headBytes > 0) : content.files;
  const heldBytes = held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const expectedBytes = draft.expectedBytes[entry] ?? 0;
  return {
    reason: reasonOf(draft, entry),
    files: held.map(({ path, sizeBytes, root, headBytes }) => ({
      path,
      sizeBytes,
      root,
      ...(isHead ? { headBytes } : {}),
      expectedBytes: heldBytes === 0 ? 0 : twoDigits((expectedBytes * sizeBytes) / heldBytes),
    })),
  };
}

type DescribedDraft = Omit<PlanDraft, 'applianceId' | 'windows'>;

function reasonOf(draft: DescribedDraft, entry: number): string {
  const copies = draft.copies[entry] ?? 1;
  const copy = copies === 1 ? 'the only copy' : `one of ${copies} copies`;
  const text =
    `rank ${(draft.rank[entry] ?? 0) + 1} of ${draft.itemCount} in region ${draft.region}: ` +
    `${draft.reasons[draft.reason[entry] ?? 0] ?? ''}; ${copy} in cluster ${draft.clusterId}` +
    (draft.isMaster[entry] === 1 ? ', fetched here for the others' : '');
  return text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON - 3)}...`;
}

/** What the contract takes. */
const MAX_REASON = 300;

/** Two digits are all that a forecast is good for, and a plan that differs in the third is not worth sending again. */
const twoDigits = (value: number): number => Number(value.toPrecision(2));
