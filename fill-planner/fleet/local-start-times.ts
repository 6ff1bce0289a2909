import { Cron } from 'croner';

/**
 * When a wall clock somewhere shows a time: the absolute instants at which it is `HH:MM` in a time zone, one per local
 * day. The one place that knows croner, which gets the two odd days of a year right: a time that the clock skips
 * happens when the clock has jumped, a time that it shows twice happens the first time.
 * @param fromMs the first instant is after this
 * @returns ms since the epoch, ascending
 */
export function localStartTimes(timeZone: string, wallTime: string, fromMs: number, count: number): number[] {
  const [hour = '0', minute = '0'] = wallTime.split(':');
  const schedule = new Cron(`${Number(minute)} ${Number(hour)} * * *`, { timezone: timeZone, paused: true });
  return schedule.nextRuns(count, new Date(fromMs)).map((date) => date.getTime());
}
