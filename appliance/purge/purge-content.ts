/**
 * The life of one purge: the rule stands, questions on their way are left to themselves, open objects are taken off the
 * table, running answers are counted or cut, and then the store is searched. All but the search is done at once, within
 * one turn of the loop; the search is done in slices between which viewers are served, while the barrier holds.
 *
 * What is named by its key needs no search. A prefix or a tag does: a look at a million objects costs about a second in
 * all and no slice more than some milliseconds.
 *
 * A disk that was away when this process began cannot be searched: of that the keys are remembered, and for a prefix or
 * a tag nothing that it holds is believed when it comes back, which costs fills and no wrong answer.
 *
 * Threads that send by themselves know objects by what the store shows them, and a thread may be in the middle of a head
 * when its object is removed. So they are waited for after the search, and only then asked what they are sending: a body
 * that was begun in the last moment is counted, and cut, like the others.
 *
 * Resolves when neither a restart nor such a disk could bring anything back. What a viewer asked for, and thereby
 * removed, while the search was on its way to it counts as well, and is waited for.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isOperational, type OperationalError } from '../../src/errors/operational-error.ts';
import type { ObjectState, ObjectStore } from '../store/object-store.ts';
import type { PurgeBarrier, Sweep, TakenAway } from './purge-barrier.ts';
import { mayMean, type PurgeRule, type PurgeTarget } from './purge-rule.ts';

/** What a purge has to reach. */
export interface PurgeParts {
  readonly barrier: PurgeBarrier;
  readonly store: Pick<ObjectStore, 'state' | 'remove' | 'objects' | 'distrustAway' | 'settled'>;
  /** Forgets the questions about keys; answers how many were on their way. */
  readonly forgetQuestions: (mayMean: (key: string) => boolean) => number;
  /** Takes open objects off the table. */
  readonly forgetOpen: (covers: (target: PurgeTarget) => boolean) => { readonly blocksOnTheirWay: number };
  readonly isPlanned: (key: string) => boolean;
  /** How many bodies of what is meant are being sent by threads of their own; with `cut` they are ended. */
  readonly runningElsewhere: (rule: PurgeRule, cut: boolean) => Promise<number>;
}

/** finish: bodies that are being sent go on to their end. cut: their connections are reset. */
export type PurgeMode = 'finish' | 'cut';

export interface PurgeReport {
  /** Of what was stored. */
  readonly objects: number;
  readonly blocks: number;
  readonly bytes: number;
  /** Of what was on its way in: questions to the origin, and blocks. */
  readonly questions: number;
  readonly blocksOnTheirWay: number;
  /** Of what was on its way out. */
  readonly runningAnswers: number;
  readonly cutAnswers: number;
  /** Purged objects that the plan names: it fills them again. */
  readonly plannedObjects: number;
  /** Objects that are gone now and may come back with a restart, and why. */
  readonly mayComeBack: number;
  readonly failure: OperationalError | undefined;
}

/** Of one slice, in objects looked at; one that is removed costs as much as some that are not. */
const SLICE_WORK = 2000;
const REMOVAL_WORK = 20;

/** @throws OperationalError OVERLOADED when a thread that sends does not answer: a head of what is purged may still leave */
export async function purgeContent(rule: PurgeRule, mode: PurgeMode, parts: PurgeParts): Promise<PurgeReport> {
  using sweep = parts.barrier.begin(rule);
  const questions = parts.forgetQuestions((key) => mayMean(rule, key));
  const { blocksOnTheirWay } = parts.forgetOpen((target) => sweep.covers(target));
  const running = parts.barrier.running.meantBy(rule);
  if (mode === 'cut') for (const answer of running) answer.cut();
  const removed = await removeStored(rule, sweep, parts);
  await parts.store.settled();
  const runningAnswers = running.length + (await parts.runningElsewhere(rule, mode === 'cut'));
  return {
    ...removed,
    questions,
    blocksOnTheirWay,
    runningAnswers,
    cutAnswers: mode === 'cut' ? runningAnswers : 0,
  };
}

type Removed = Omit<PurgeReport, 'questions' | 'blocksOnTheirWay' | 'runningAnswers' | 'cutAnswers'>;

async function removeStored(rule: PurgeRule, sweep: Sweep, { store, isPlanned }: PurgeParts): Promise<Removed> {
  let [objects, blocks, bytes, plannedObjects, mayComeBack, work] = [0, 0, 0, 0, 0, 0];
  let failure: OperationalError | undefined;
  const noteFailure = (error: unknown): void => {
    if (!isOperational(error)) throw error;
    mayComeBack += 1;
    failure ??= error;
  };
  let removals: Promise<void>[] = [removeUnknown(rule, store).then(() => undefined, noteFailure)];
  const count = ({ description, heldBlocks, heldBytes }: Omit<TakenAway, 'removal'>): void => {
    objects += 1;
    blocks += heldBlocks;
    bytes += heldBytes;
    if (isPlanned(description.key)) plannedObjects += 1;
  };
  for (const state of statesOf(rule, store)) {
    work += 1;
    if (sweep.covers(state.description)) {
      work += REMOVAL_WORK;
      count(state);
      removals.push(store.remove(state.description.key).then(() => undefined, noteFailure));
    }
    if (work < SLICE_WORK) continue;
    work = 0;
    await nextTurn();
    await Promise.all(removals);
    removals = [];
  }
  await Promise.all(removals);
  for (const taken of sweep.takenAway) {
    count(taken);
    await taken.removal.catch(noteFailure);
  }
  return { objects, blocks, bytes, plannedObjects, mayComeBack, failure };
}

/** Removes what only disks have that are away. At once, so that nothing is met that was begun later. */
async function removeUnknown(rule: PurgeRule, store: PurgeParts['store']): Promise<void> {
  if (isSearch(rule)) return store.distrustAway();
  const unknown = keysOf(rule).filter((key) => store.state(key) === undefined);
  await Promise.all(unknown.map((key) => store.remove(key)));
}

/** What may be meant. Objects on a volume that fails are not found, but are there: it may come back. */
function* statesOf(rule: PurgeRule, store: PurgeParts['store']): Generator<ObjectState, void, undefined> {
  if (isSearch(rule)) {
    yield* store.objects('all');
    return;
  }
  for (const key of keysOf(rule)) {
    const state = store.state(key);
    if (state === undefined) continue;
    const variants = state.description.variants ?? [];
    yield state;
    for (const { storeKey } of variants) {
      const variant = store.state(storeKey);
      if (variant !== undefined) yield variant;
    }
  }
}

type SearchRule = Extract<PurgeRule, { readonly by: 'tag' | 'prefix' | 'pattern' }>;

/** What names no key: all objects have to be looked at. */
const isSearch = (rule: PurgeRule): rule is SearchRule =>
  rule.by === 'tag' || rule.by === 'prefix' || rule.by === 'pattern';

function keysOf(rule: Exclude<PurgeRule, SearchRule>): string[] {
  return rule.by === 'title' ? [...rule.keys] : [rule.key];
}
