import type { RenditionFacts } from '../plan/plan-facts.ts';

/**
 * The facts of all renditions as columns, made once per catalogue and used by every cluster: 200 clusters walk them
 * several times each, and looking titles up by name would cost more than all the deciding.
 */
export interface HoldColumns {
  readonly count: number;
  readonly sizeBytes: Float64Array;
  /** 0 where there is no head, or where the head would be all of it. */
  readonly headBytes: Float64Array;
  readonly availableAtMs: Float64Array;
  readonly isManifest: Uint8Array;
  /** Number of the title, from 0. */
  readonly title: Uint32Array;
  readonly titleCount: number;
  /** The manifests of title t are `manifests[manifestStart[t]]` up to `manifests[manifestStart[t + 1]]`, half-open. */
  readonly manifestStart: Uint32Array;
  readonly manifests: Uint32Array;
  readonly titleByName: ReadonlyMap<string, number>;
}

const known = new WeakMap<readonly RenditionFacts[], HoldColumns>();

/** The columns of these facts; the same array of facts gives the same columns. */
export function columnsOf(facts: readonly RenditionFacts[]): HoldColumns {
  const before = known.get(facts);
  if (before !== undefined) return before;
  const columns = makeColumns(facts);
  known.set(facts, columns);
  return columns;
}

function makeColumns(facts: readonly RenditionFacts[]): HoldColumns {
  const count = facts.length;
  const sizeBytes = new Float64Array(count);
  const headBytes = new Float64Array(count);
  const availableAtMs = new Float64Array(count);
  const isManifest = new Uint8Array(count);
  const title = new Uint32Array(count);
  const titleByName = new Map<string, number>();
  for (const [index, each] of facts.entries()) {
    sizeBytes[index] = each.sizeBytes;
    headBytes[index] = !each.isManifest && each.headBytes < each.sizeBytes ? each.headBytes : 0;
    availableAtMs[index] = each.availableAtMs;
    isManifest[index] = each.isManifest ? 1 : 0;
    const number = titleByName.get(each.titleId) ?? titleByName.size;
    titleByName.set(each.titleId, number);
    title[index] = number;
  }
  const titleCount = titleByName.size;
  const { manifestStart, manifests } = groupManifests(title, isManifest, titleCount);
  return {
    count,
    sizeBytes,
    headBytes,
    availableAtMs,
    isManifest,
    title,
    titleCount,
    manifestStart,
    manifests,
    titleByName,
  };
}

function groupManifests(title: Uint32Array, isManifest: Uint8Array, titleCount: number) {
  const manifestStart = new Uint32Array(titleCount + 1);
  for (const [index, number] of title.entries()) {
    if (isManifest[index] === 1) manifestStart[number + 1] = (manifestStart[number + 1] ?? 0) + 1;
  }
  for (let number = 0; number < titleCount; number++)
    manifestStart[number + 1] = (manifestStart[number + 1] ?? 0) + (manifestStart[number] ?? 0);
  const manifests = new Uint32Array(manifestStart[titleCount] ?? 0);
  const next = manifestStart.slice();
  for (const [index, number] of title.entries()) {
    if (isManifest[index] !== 1) continue;
    const at = next[number] ?? 0;
    manifests[at] = index;
    next[number] = at + 1;
  }
  return { manifestStart, manifests };
}
