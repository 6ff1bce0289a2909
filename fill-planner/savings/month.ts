/** A calendar month in UTC, as reports name it. */
export interface Month {
  /** `2026-11` */
  readonly name: string;
  readonly startMs: number;
  /** The start of the next one. */
  readonly endMs: number;
}

const NAME = /^(\d{4})-(0[1-9]|1[0-2])$/;

/** @returns undefined for what is no month */
export function parseMonth(name: string): Month | undefined {
  const [, year, month] = NAME.exec(name) ?? [];
  if (year === undefined || month === undefined) return undefined;
  return monthAt(Date.UTC(Number(year), Number(month) - 1));
}

/** The month that an instant is in, or one some months before or after it. */
export function monthAt(ms: number, offset = 0): Month {
  const date = new Date(ms);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + offset];
  const startMs = Date.UTC(year, month);
  return { name: new Date(startMs).toISOString().slice(0, 7), startMs, endMs: Date.UTC(year, month + 1) };
}
