/**
 * HTTP dates: RFC 9110 section 5.6.7. A recipient must read three formats: IMF-fixdate, RFC 850 with a two-digit year,
 * and asctime. `Date.parse` reads the first, guesses at the others by local habit and accepts much that is no HTTP
 * date, so a sloppy validator would seem strong. Written out here instead; dates are whole seconds, in milliseconds
 * since 1970. Letters are matched without regard to case, as RFC 9111 section 4.2 asks of caches; the day name is not
 * compared with the date, since only the date is used.
 */

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const imfFixdate = /^(?:mon|tue|wed|thu|fri|sat|sun), (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const rfc850Date =
  /^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const asctimeDate = /^(?:mon|tue|wed|thu|fri|sat|sun) ([a-z]{3}) (\d{2}| \d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;
const yearsAheadAllowed = 50;

/**
 * Reads an HTTP date in any of the three formats. Answers milliseconds since 1970, undefined for anything else.
 * `nowMs` decides the century of a two-digit year: one more than 50 years ahead of it means the past (section 5.6.7).
 * A leap second (`:60`) counts as the second after.
 */
export function parseHttpDate(value: string, nowMs: number): number | undefined {
  const imf = imfFixdate.exec(value);
  if (imf !== null) return toMs(imf[3], imf[2], imf[1], imf[4], imf[5], imf[6]);
  const rfc850 = rfc850Date.exec(value);
  if (rfc850 !== null) {
    const [, day, month, shortYear, hour, minute, second] = rfc850;
    const readInYear = (year: number): number | undefined => toMs(String(year), month, day, hour, minute, second);
    return fullYearDate(Number(shortYear), readInYear, nowMs);
  }
  const asctime = asctimeDate.exec(value);
  if (asctime !== null) return toMs(asctime[6], asctime[1], asctime[2], asctime[3], asctime[4], asctime[5]);
  return undefined;
}

/** Writes IMF-fixdate, the one format we generate. `ms` since 1970, years 0 to 9999; fractions of a second are cut. */
export function formatHttpDate(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toUTCString();
}

function fullYearDate(
  shortYear: number,
  readInYear: (year: number) => number | undefined,
  nowMs: number,
): number | undefined {
  const now = new Date(nowMs);
  const latest = new Date(nowMs);
  latest.setUTCFullYear(now.getUTCFullYear() + yearsAheadAllowed);
  // The latest year with these digits that does not put the date beyond the limit.
  let year = Math.floor(latest.getUTCFullYear() / 100) * 100 + shortYear;
  const dateMs = readInYear(year);
  if (year > latest.getUTCFullYear() || (dateMs !== undefined && dateMs > latest.getTime())) year -= 100;
  return readInYear(year);
}

function toMs(
  yearText: string | undefined,
  monthText: string | undefined,
  dayText: string | undefined,
  hourText: string | undefined,
  minuteText: string | undefined,
  secondText: string | undefined,
): number | undefined {
  const month = monthNames.indexOf((monthText ?? '').toLowerCase());
  const [year, day, hour, minute, second] = [yearText, dayText, hourText, minuteText, secondText].map(Number);
  if (month === -1 || year === undefined || day === undefined) return undefined;
  if (hour === undefined || minute === undefined || second === undefined) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  // Not Date.UTC: it reads the years 0 to 99 as 1900 to 1999.
  date.setUTCFullYear(year, month, day);
  // A day that the month does not have rolls over, and never onto the same number.
  if (date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}
