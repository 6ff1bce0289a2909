import { Cron } from 'croner';

/**
 * When a wall clock somewhere shows a time. The one place that knows croner, which gets the two odd days of a year
 * right: a time that the clock skips happens when the clock has jumped, a time that it shows twice happens the first
 * time.
 */

/** Days as croner and cron count them. */
export const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/**
 * The absolute instants at which it is `HH:MM` in a time zone, one per local day, or one per week.
 * @param fromMs the first instant is after this
 * @returns ms since the epoch, ascending
 */
export function localStartTimes(
  timeZone: string,
  wallTime: string,
  fromMs: number,
  count: number,
  weekday?: Weekday,
): number[] {
  const [hour = '0', minute = '0'] = wallTime.split(':');
  const day = weekday === undefined ? '*' : String(WEEKDAYS.indexOf(weekday));
  const schedule = new Cron(`${Number(minute)} ${Number(hour)} * * ${day}`, { timezone: timeZone, paused: true });
  return schedule.nextRuns(count, new Date(fromMs)).map((date) => date.getTime());
}

const LOCAL_MINUTE = /^(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * The absolute instant of a date and time on the clocks of a time zone, past or to come.
 * @param wallTime `YYYY-MM-DDTHH:MM`
 * @returns ms since the epoch, or undefined for what is no such date
 */
export function localInstant(timeZone: string, wallTime: string): number | undefined {
  const [, date = '', hour = '', minute = ''] = LOCAL_MINUTE.exec(wallTime) ?? [];
  const midnightMs = Date.parse(`${date}T00:00:00Z`);
  // The thirtieth of February would be taken for a day in March.
  if (Number.isNaN(midnightMs) || !new Date(midnightMs).toISOString().startsWith(date)) return undefined;
  return new Cron(`${date}T${hour}:${minute}:00`, { timezone: timeZone, paused: true }).getOnce()?.getTime();
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
