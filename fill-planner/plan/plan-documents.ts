import { inTurns } from '../../src/resilience/in-slices.ts';
import type { Identity } from '../../src/signing/identity.ts';
import type { PlanStore, StoredPlan } from './plan-store.ts';

/**
 * Plans as their appliances get them, written when somebody asks.
 *
 * A plan of 50,000 files is 13 MB of JSON and takes half a second to write, and after a cycle all appliances ask within
 * seconds. So it is written a few milliseconds at a time, and one plan after the other: begun side by side they would all
 * be late, and all in memory. Who waits is in line with no more others than the listener takes connections.
 */
export class PlanDocuments {
  readonly #plans: PlanStore;
  readonly #identity: Identity;
  #last: Promise<unknown> = Promise.resolve();

  constructor(plans: PlanStore, identity: Identity) {
    this.#plans = plans;
    this.#identity = identity;
  }

  /**
   * The newest plan of an appliance when its turn has come; undefined when it is in the fleet no more.
   * @throws OperationalError STATE_CORRUPT when what is stored is not what was signed
   */
  write(applianceId: string): Promise<{ readonly plan: StoredPlan; readonly body: Buffer } | undefined> {
    const written = this.#last.then(async () => {
      const plan = this.#plans.newest(applianceId);
      if (plan === undefined) return undefined;
      return { plan, body: await inTurns(this.#plans.document(plan, this.#identity), FILES_PER_TURN) };
    });
    this.#last = written.catch(() => undefined);
    return written;
  }
}

/** A few milliseconds. */
const FILES_PER_TURN = 1000;
