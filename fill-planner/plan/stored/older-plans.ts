import { ContractError } from '../../../src/contracts/contract.ts';
import { parseFillPlan } from '../../../src/contracts/fill-plan.ts';
import type { Database } from '../../../src/sqlite/open-database.ts';
import type { HeldBefore } from '../plan-facts.ts';

/**
 * Plans that an older program stored as JSON, part of `plan.sqlite`. They cannot be given to anybody any more, but they
 * say what appliances hold: without them the first cycle of the new program would find empty disks, plan what little it
 * would fetch today, and the whole fleet would drop what it holds. They go when the first new plans are stored.
 */
export class OlderPlans {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What they hold, by appliance; renditions that have no number any more are left out. */
  heldBefore(numberOf: (renditionId: string) => number | undefined): Map<string, HeldBefore> {
    const rows = this.#database
      .prepare<[], { applianceId: string; document: string }>(
        `SELECT appliance_id AS applianceId, document FROM older_plan
         JOIN plan_counter USING (appliance_id, plan_version) WHERE is_planned = 1`,
      )
      .iterate();
    const held = new Map<string, HeldBefore>();
    for (const { applianceId, document } of rows) {
      const ofIt = heldIn(document, numberOf);
      if (ofIt !== undefined) held.set(applianceId, ofIt);
    }
    return held;
  }

  /** Of appliances that have a new plan. */
  forgetReplaced(): void {
    this.#database.prepare('DELETE FROM older_plan WHERE appliance_id IN (SELECT appliance_id FROM plan)').run();
  }
}

/** @returns undefined for what is no plan: then nothing is known of this appliance */
function heldIn(document: string, numberOf: (renditionId: string) => number | undefined): HeldBefore | undefined {
  let plan: ReturnType<typeof parseFillPlan>;
  try {
    plan = parseFillPlan(JSON.parse(document));
  } catch (error) {
    if (error instanceof ContractError || error instanceof SyntaxError) return undefined;
    throw error;
  }
  const isMaster = new Map<number, number>();
  for (const { rendition, sources } of plan.files) {
    const number = numberOf(plan.renditions[rendition] ?? '');
    if (number !== undefined) isMaster.set(number, sources[0]?.kind === 'peer' ? 0 : 1);
  }
  const numbers = [...isMaster.keys()].sort((a, b) => a - b);
  return {
    rendition: Uint32Array.from(numbers),
    // Heads on their own came later.
    isHead: new Uint8Array(numbers.length),
    isMaster: Uint8Array.from(numbers, (number) => isMaster.get(number) ?? 0),
  };
}
