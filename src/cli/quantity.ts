/** Quantities as a person reads them: three digits and a unit, in powers of 1000 as disks and links are sold. */

/** `4.69 MB` */
export const formatBytes = (sizeBytes: number): string => scaled(sizeBytes, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);

/** `1.20 Gbit/s` */
export const formatBitRate = (bitsPerSec: number): string =>
  scaled(bitsPerSec, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);

/** `2027-03-28 02:30Z` */
export const formatTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}Z`;

/** `2027-03-28 01:00Z to 07:00Z`; with its date where it ends on another day. */
export function formatSpan(startsAtMs: number, endsAtMs: number): string {
  const [starts, ends] = [formatTime(startsAtMs), formatTime(endsAtMs)];
  return `${starts} to ${starts.slice(0, 10) === ends.slice(0, 10) ? ends.slice(11) : ends}`;
}

function scaled(amount: number, units: readonly string[]): string {
  let value = amount;
  let unit = 0;
  // What would be rounded up to 1000 belongs to the next unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const decimals = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(decimals)} ${units[unit]}`;
}
