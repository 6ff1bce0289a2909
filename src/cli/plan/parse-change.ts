import { OperationalError } from '../../errors/operational-error.ts';

export interface FillWindowTimes {
  /** `HH:MM` */
  readonly start: string;
  readonly hours: number;
}

const WINDOW = /^(\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?$/;

/** `01-07`, `22:30-06:00`: from one time of day to another, past midnight too. @throws OperationalError CONFIG_INVALID */
export function parseWindow(text: string): FillWindowTimes {
  const [, fromHour, fromMinute = '0', toHour, toMinute = '0'] = WINDOW.exec(text) ?? [];
  const [from, to] = [minutesOf(fromHour, fromMinute), minutesOf(toHour, toMinute)];
  if (from === undefined || to === undefined || from === 24 * 60)
    throw new OperationalError('CONFIG_INVALID', `'${text}' is no window: write 01-07 or 22:30-06:00`);
  const lengthMinutes = (to - from + 24 * 60) % (24 * 60) || 24 * 60;
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  return { start: `${twoDigits(Math.floor(from / 60))}:${twoDigits(from % 60)}`, hours: lengthMinutes / 60 };
}

function minutesOf(hour: string | undefined, minute: string): number | undefined {
  const minutes = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && minutes <= 24 * 60 ? minutes : undefined;
}

const RATE = /^(\d+(?:\.\d+)?) ?(k|M|G|T)?(?:bps|bit\/s)$/i;
const FACTORS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** `300Mbps`, `1.5 Gbit/s`: bits per second, in powers of 1000. @throws OperationalError CONFIG_INVALID */
export function parseBitRate(text: string): number {
  const [, amount, unit = ''] = RATE.exec(text) ?? [];
  const bitsPerSec = Number(amount) * (FACTORS[unit.toLowerCase()] ?? 1);
  if (!(bitsPerSec > 0))
    throw new OperationalError('CONFIG_INVALID', `'${text}' is no rate: write 300Mbps or 1.5Gbit/s`);
  return bitsPerSec;
}
