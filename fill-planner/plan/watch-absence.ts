import { isOperational } from '../../src/errors/operational-error.ts';
import { databaseFailure } from '../../src/sqlite/database-failure.ts';
import type { Clock } from '../../src/world/world.ts';
import { absentAppliances } from '../schedule/absent-appliances.ts';
import { startCron } from './cron-schedule.ts';
import type { PlanStore } from './plan-store.ts';

const EVERY_MINUTE = '* * * * *';

/** Nothing where the file cannot be read: the next cycle says so, once an hour. */
function reportsOf(plans: Pick<PlanStore, 'reports'>): ReturnType<PlanStore['reports']> {
  try {
    return plans.reports();
  } catch (error) {
    if (isOperational(databaseFailure(error, { name: 'plan.sqlite' }))) return [];
    throw error;
  }
}

/**
 * Calls when an appliance is gone that was not before: somebody else has to fetch what it was to fetch for its site, and
 * the night may be over before the next cycle comes by itself.
 * @returns how to end it
 */
export function watchAbsence(
  plans: Pick<PlanStore, 'reports'>,
  clock: Clock,
  onAbsent: () => void,
): { stop(): Promise<void> } {
  let known: ReadonlySet<string> = new Set();
  return startCron(EVERY_MINUTE, () => {
    const absent = absentAppliances(reportsOf(plans), clock.nowMs());
    const isNew = [...absent].some((id) => !known.has(id));
    known = absent;
    if (isNew) onAbsent();
    return Promise.resolve();
  });
}
