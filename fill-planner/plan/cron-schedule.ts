import { schedule, validateDetailed } from 'node-cron';
import { OperationalError } from '../../src/errors/operational-error.ts';

/**
 * Runs a task by a cron expression in UTC, never twice at once. The one place that knows node-cron. UTC, because in
 * zones with daylight saving it loses or delays runs on two days of the year. It would also log and forget what a task
 * throws; a task that throws is a bug, so that is thrown where the process sees it.
 * @returns how to end it
 * @throws OperationalError CONFIG_INVALID when it is no cron expression
 */
export function startCron(expression: string, task: () => Promise<void>): { stop(): Promise<void> } {
  const verdict = validateDetailed(expression);
  if (!verdict.valid) {
    const why = verdict.errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
    throw new OperationalError('CONFIG_INVALID', `--plan-cron '${expression}' is no cron expression: ${why}`);
  }
  const run = async (): Promise<void> => {
    try {
      await task();
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  };
  const scheduled = schedule(expression, run, { timezone: 'UTC', noOverlap: true, suppressMissedWarning: true });
  return {
    stop: async () => {
      await scheduled.destroy();
    },
  };
}
