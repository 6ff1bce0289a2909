import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import { encodeRoots, type Inventory } from '../../../src/contracts/inventory.ts';
import { BoundedMap } from '../../../src/memory/bounded-map.ts';
import { ShareBudget } from '../../../src/resilience/share-budget.ts';
import type { Clock } from '../../../src/world/world.ts';
import { takeInventory } from '../../report/holdings.ts';
import type { ObjectStore } from '../../store/object-store.ts';

export const INVENTORY_TARGET = '/v1/inventory';

export interface TellInventoryOptions {
  readonly applianceId: string;
  readonly plan: () => FillPlan | undefined;
  readonly store: Pick<ObjectStore, 'objects' | 'find'>;
  readonly clock: Clock;
}

/** To look through a plan of a million files takes half a second, and nobody needs to know it newer than that. */
const FRESH_MS = 2000;
const MOST_FRESH_MS = 60_000;
/** A cluster has tens of appliances, and each asks every few seconds at the most. */
const ANSWERS = { share: 0, perSec: 20, burst: 40 };
/** Of these to one address, so that a stranger does not have them all: appliances behind one address are a few. */
const ANSWERS_TO_ONE = { share: 0, perSec: 8, burst: 16 };
const MAX_ADDRESSES = 1000;

/**
 * Tells other appliances what this one holds. Bounded, since the listener is the viewers': the answer is made at most
 * every two seconds, more seldom where making it takes long, and only some tens of answers are given a second.
 */
export class InventoryTeller {
  readonly #options: TellInventoryOptions;
  readonly #answers: ShareBudget;
  readonly #answersTo = new BoundedMap<string, ShareBudget>(MAX_ADDRESSES);
  #body: Buffer | undefined;
  #plan: FillPlan | undefined;
  #madeAtMs = 0;
  #freshMs = FRESH_MS;

  constructor(options: TellInventoryOptions) {
    this.#options = options;
    this.#answers = new ShareBudget(ANSWERS, options.clock.monotonicMs());
  }

  /** @param address of who asks @returns JSON; undefined without a plan; 'busy' to be asked again later */
  answer(address: string): Buffer | 'busy' | undefined {
    const { applianceId, plan, store, clock } = this.#options;
    const inForce = plan();
    if (inForce === undefined) return undefined;
    const nowMs = clock.monotonicMs();
    const answersToHim = this.#answersTo.use(address) ?? new ShareBudget(ANSWERS_TO_ONE, nowMs);
    this.#answersTo.set(address, answersToHim);
    if (!answersToHim.tryTake(nowMs) || !this.#answers.tryTake(nowMs)) return 'busy';
    const isFresh = this.#plan === inForce && nowMs - this.#madeAtMs < this.#freshMs;
    if (this.#body !== undefined && isFresh) return this.#body;
    const { heldBytes, missing } = takeInventory(inForce, store);
    const missingRoots = new Set(missing.map(({ file }) => file.root));
    const roots = inForce.files.map(({ root }) => root).filter((root) => !missingRoots.has(root));
    const inventory: Inventory = { version: 1, applianceId, heldBytes, roots: encodeRoots(roots) };
    this.#body = Buffer.from(JSON.stringify(inventory));
    this.#plan = inForce;
    this.#madeAtMs = clock.monotonicMs();
    // A hundredth of the time at the most goes into it.
    this.#freshMs = Math.min(MOST_FRESH_MS, Math.max(FRESH_MS, 100 * (this.#madeAtMs - nowMs)));
    return this.#body;
  }
}
