import type { FillPlan } from '../../src/contracts/fill-plan.ts';
import type { Clock } from '../../src/world/world.ts';
import { type PlanInventory, takeInventory } from './holdings.ts';

/**
 * What is held of the plan, for who asks every second or two: heartbeats and reports.
 *
 * To look takes 0.7 to 0.9 us per file, and holds up viewers meanwhile: of a plan of a million files nearly a second, as
 * often as somebody asks. So a look is good for as long as makes it a thirtieth of the time, a minute at most: of 5,000
 * files an eighth of a second, of a million half a minute.
 */
export class InventoryLook {
  readonly #store: Parameters<typeof takeInventory>[1];
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #last: { readonly plan: FillPlan; readonly untilMs: number; readonly inventory: LastingInventory } | undefined;

  constructor(store: Parameters<typeof takeInventory>[1], clock: Pick<Clock, 'monotonicMs'>) {
    this.#store = store;
    this.#clock = clock;
  }

  take(plan: FillPlan): LastingInventory {
    const beganMs = this.#clock.monotonicMs();
    if (this.#last?.plan === plan && beganMs < this.#last.untilMs) return this.#last.inventory;
    const { levels, fileCount, heldFileCount, planBytes, heldBytes } = takeInventory(plan, this.#store);
    const inventory = { levels, fileCount, heldFileCount, planBytes, heldBytes };
    const endedMs = this.#clock.monotonicMs();
    this.#last = { plan, untilMs: endedMs + Math.min(LONGEST_MS, TIMES * (endedMs - beganMs)), inventory };
    return inventory;
  }
}

/** Without the list of what is missing, which may be long. */
type LastingInventory = Omit<PlanInventory, 'missing'>;

const TIMES = 30;
const LONGEST_MS = 60_000;
