import { type FillPlan, type FillPlanFile, plannedBlocks, plannedBytes } from '../../src/contracts/fill-plan.ts';
import type { HoldingLevel } from '../../src/contracts/holdings.ts';
import { atOnce } from '../../src/resilience/in-slices.ts';
import type { ObjectState, ObjectStore } from '../store/object-store.ts';

/**
 * What is held of a plan, counted from the store itself, never from what was filled: evicted and rotten blocks are gone
 * at the next look. Only objects of the plan's own root count: the same path with other bytes is another file.
 */
export interface PlanInventory {
  /** In the order of the plan's rendition list. */
  readonly levels: readonly HoldingLevel[];
  readonly fileCount: number;
  readonly heldFileCount: number;
  readonly planBytes: number;
  readonly heldBytes: number;
  /** Files that lack blocks which the plan wants, each once, in the plan's order. */
  readonly missing: readonly { readonly file: FillPlanFile; readonly heldBytes: number }[];
}

/** A start that lasts some seconds: what 'head' promises, and no more than that. 4 MiB are 8 s at 4 Mbit/s. */
export const HEAD_BLOCKS = 4;

type Shelves = Pick<ObjectStore, 'objects' | 'find'>;

export function takeInventory(plan: FillPlan, store: Shelves): PlanInventory {
  const layout = layoutOf(plan);
  const states = atOnce(findStates(plan.files, layout.indexByPath, store));
  let heldFileCount = 0;
  let heldBytes = 0;
  const missing: { file: FillPlanFile; heldBytes: number }[] = [];
  for (const [index, file] of plan.files.entries()) {
    if (layout.indexByPath.get(file.path) !== index) continue;
    const state = states[index];
    const isHeld = hasPlanned(file, state, store);
    const ofFile = isHeld ? plannedBytes(file) : Math.min(state?.heldBytes ?? 0, plannedBytes(file));
    heldBytes += ofFile;
    if (isHeld) heldFileCount += 1;
    else missing.push({ file, heldBytes: ofFile });
  }
  const levels = layout.byRendition.map((indices) => levelOf(indices, plan.files, states, store));
  return { levels, fileCount: plan.files.length, heldFileCount, planBytes: layout.planBytes, heldBytes, missing };
}

/**
 * The files of a plan that lack blocks which it wants, in the plan's order; a path that is named twice counts once. Yields
 * how many objects and files it has looked at. What changes meanwhile is seen or not; the next look sees it.
 */
export function* findMissing(plan: FillPlan, store: Shelves): Generator<number, FillPlanFile[]> {
  const { indexByPath } = layoutOf(plan);
  const states = yield* findStates(plan.files, indexByPath, store);
  const missing: FillPlanFile[] = [];
  for (const [index, file] of plan.files.entries()) {
    if (indexByPath.get(file.path) === index && !hasPlanned(file, states[index], store)) missing.push(file);
    yield 1;
  }
  return missing;
}

/** What of a plan does not change. It is looked at every few seconds, and the plan comes once a day. */
interface Layout {
  /** Where a path stands first in the list of files. */
  readonly indexByPath: ReadonlyMap<string, number>;
  /** Per rendition, where its files stand. */
  readonly byRendition: readonly (readonly number[])[];
  readonly planBytes: number;
}

const layouts = new WeakMap<FillPlan, Layout>();

function layoutOf(plan: FillPlan): Layout {
  return layouts.get(plan) ?? atOnce(layOut(plan));
}

/** Prepares what every look at a plan needs: of a large one in slices, before the first look. Yields the files done. */
export function* layOut(plan: FillPlan): Generator<number, Layout> {
  const indexByPath = new Map<string, number>();
  const byRendition = plan.renditions.map((): number[] => []);
  let planBytes = 0;
  for (const [index, file] of plan.files.entries()) {
    const first = indexByPath.get(file.path) ?? index;
    indexByPath.set(file.path, first);
    byRendition[file.rendition]?.push(first);
    planBytes += plannedBytes(file);
    yield 1;
  }
  const layout = { indexByPath, byRendition, planBytes };
  layouts.set(plan, layout);
  return layout;
}

/** Per file what is held of it; undefined for nothing, and for an object with other bytes. Yields the objects seen. */
function* findStates(
  files: readonly FillPlanFile[],
  indexByPath: ReadonlyMap<string, number>,
  store: Shelves,
): Generator<number, (ObjectState | undefined)[]> {
  const states = Array.from<ObjectState | undefined>({ length: files.length });
  for (const state of store.objects()) {
    const index = indexByPath.get(state.description.key);
    if (index !== undefined && state.description.manifestRoot === files[index]?.root) states[index] = state;
    yield 1;
  }
  return states;
}

const isWhole = (state: ObjectState | undefined): boolean =>
  state !== undefined && state.heldBlocks === state.blockCount;

/** Whether all blocks are here that the plan wants of a file. Of one that is held in part only a look at them tells. */
function hasPlanned(file: FillPlanFile, state: ObjectState | undefined, store: Shelves): boolean {
  if (state === undefined) return false;
  if (isWhole(state)) return true;
  const wanted = plannedBlocks(file);
  if (wanted >= state.blockCount || state.heldBlocks < wanted) return false;
  using object = store.find(file.path);
  if (object?.description.manifestRoot !== file.root) return false;
  for (let index = 0; index < wanted; index += 1) if (!object.holds(index)) return false;
  return true;
}

/**
 * whole: all of it. head: only a beginning that players can start from. none: nothing. part: anything else. A rendition
 * that goes on in files which the plan does not name is never whole, for nobody here knows what that would be.
 */
function levelOf(
  indices: readonly number[],
  files: readonly FillPlanFile[],
  states: readonly (ObjectState | undefined)[],
  store: Shelves,
): HoldingLevel {
  let heldBlocks = 0;
  let headBlocks = 0;
  let wholeFiles = 0;
  for (const index of indices) {
    const state = states[index];
    const file = files[index];
    heldBlocks += state?.heldBlocks ?? 0;
    if (file?.headBytes !== undefined) headBlocks += plannedBlocks(file);
    if (isWhole(state) && !goesOn(file)) wholeFiles += 1;
  }
  if (indices.length > 0 && wholeFiles === indices.length) return 'whole';
  if (heldBlocks === 0) return 'none';
  const first = files[indices[0] ?? -1];
  const isHead = first !== undefined && heldBlocks <= Math.max(HEAD_BLOCKS, headBlocks) && holdsStart(first, store);
  return isHead ? 'head' : 'part';
}

const goesOn = (file: FillPlanFile | undefined): boolean =>
  file?.headBytes !== undefined && file.headBytes >= file.sizeBytes;

function holdsStart(file: FillPlanFile, store: Shelves): boolean {
  using object = store.find(file.path);
  return object !== undefined && object.description.manifestRoot === file.root && object.holds(0);
}
