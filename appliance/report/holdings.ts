import type { FillPlan, FillPlanFile } from '../../src/contracts/fill-plan.ts';
import type { HoldingLevel } from '../../src/contracts/holdings.ts';
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
}

/** A start that lasts some seconds: what 'head' promises, and no more than that. 4 MiB are 8 s at 4 Mbit/s. */
export const HEAD_BLOCKS = 4;

type Shelves = Pick<ObjectStore, 'objects' | 'find'>;

export function takeInventory(plan: FillPlan, store: Shelves): PlanInventory {
  const states = statesOf(plan, store);
  const byRendition = plan.renditions.map((): FillPlanFile[] => []);
  for (const file of plan.files) byRendition[file.rendition]?.push(file);
  const held = plan.files.filter((file) => isWhole(file, states.get(file.path)));
  return {
    levels: byRendition.map((files) => levelOf(files, states, store)),
    fileCount: plan.files.length,
    heldFileCount: held.length,
    planBytes: sum(plan.files, (file) => file.sizeBytes),
    heldBytes: sum(plan.files, (file) => matching(file, states.get(file.path))?.heldBytes ?? 0),
  };
}

/** The files of a plan that are not wholly held, in the plan's order. */
export function missingFiles(files: ReadonlyMap<string, FillPlanFile>, store: Shelves): FillPlanFile[] {
  const states = statesOf({ files: [...files.values()] }, store);
  return [...files.values()].filter((file) => !isWhole(file, states.get(file.path)));
}

function statesOf(plan: Pick<FillPlan, 'files'>, store: Shelves): Map<string, ObjectState> {
  const planned = new Set(plan.files.map((file) => file.path));
  const states = new Map<string, ObjectState>();
  for (const state of store.objects()) if (planned.has(state.description.key)) states.set(state.description.key, state);
  return states;
}

const matching = (file: FillPlanFile, state: ObjectState | undefined): ObjectState | undefined =>
  state?.description.manifestRoot === file.root ? state : undefined;

function isWhole(file: FillPlanFile, state: ObjectState | undefined): boolean {
  const held = matching(file, state);
  return held !== undefined && held.heldBlocks === held.blockCount;
}

/** whole: all of it. head: only a beginning that players can start from. none: nothing. part: anything else. */
function levelOf(
  files: readonly FillPlanFile[],
  states: ReadonlyMap<string, ObjectState>,
  store: Shelves,
): HoldingLevel {
  if (files.length > 0 && files.every((file) => isWhole(file, states.get(file.path)))) return 'whole';
  const heldBlocks = sum(files, (file) => matching(file, states.get(file.path))?.heldBlocks ?? 0);
  if (heldBlocks === 0) return 'none';
  const [first] = files;
  const isHead = first !== undefined && heldBlocks <= HEAD_BLOCKS && holdsStart(first, store);
  return isHead ? 'head' : 'part';
}

function holdsStart(file: FillPlanFile, store: Shelves): boolean {
  const object = store.find(file.path);
  if (object === undefined) return false;
  try {
    return object.description.manifestRoot === file.root && object.holds(0);
  } finally {
    object[Symbol.dispose]();
  }
}

function sum<T>(items: readonly T[], valueOf: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += valueOf(item);
  return total;
}
