/** Why a rendition is held or not: a closed set, so that one byte per rendition says it. */
export const HOLD_VERDICTS = [
  'kept',
  'worth-fetching',
  'launch',
  'pinned',
  'manifest',
  'retired',
  'no-room',
  'not-worth-fetching',
  'more-than-is-watched',
  'fill-budget',
  'wear',
] as const;
export type HoldVerdict = (typeof HOLD_VERDICTS)[number];

/** What stands in a reason. */
export interface VerdictFigures {
  /** Expected of the whole rendition within the next day, as a share of its size. */
  readonly dailyShare: number;
  /** Saved within the days that a fill pays for, in units of what the fill costs: expected, and estimated low. */
  readonly savedPerCost: number;
  readonly savedPerCostLow: number;
}

/**
 * Verdicts in words, each combination written once: figures are rounded to one digit, so a cluster of 200,000
 * renditions has some hundred reasons, which plans can share.
 */
export class HoldWords {
  readonly #written = new Map<number, string>();

  /** For the operator. @param part what is held of it after all */
  reason(verdict: HoldVerdict, part: 'whole' | 'head', figures: VerdictFigures): string {
    const daily = stepOf(figures.dailyShare);
    const saved = stepOf(figures.savedPerCost);
    const savedLow = stepOf(figures.savedPerCostLow);
    const kind = HOLD_VERDICTS.indexOf(verdict) * 2 + (part === 'head' ? 1 : 0);
    const key = ((kind * STEPS + daily) * STEPS + saved) * STEPS + savedLow;
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    const text = wordsFor(verdict, part, {
      dailyShare: valueOf(daily),
      savedPerCost: valueOf(saved),
      savedPerCostLow: valueOf(savedLow),
    });
    this.#written.set(key, text);
    return text;
  }
}

/** Numbers of one digit from 1e-6 to 9e6, and 0 below, and one step above: free. */
const MIN_EXPONENT = -6;
const MAX_EXPONENT = 6;
const FREE = (MAX_EXPONENT - MIN_EXPONENT + 1) * 9 + 1;
const STEPS = FREE + 1;
const LEAST = 10 ** MIN_EXPONENT;
const POWERS = Array.from({ length: MAX_EXPONENT - MIN_EXPONENT + 1 }, (_, at) => 10 ** (at + MIN_EXPONENT));

function stepOf(value: number): number {
  if (!(value >= LEAST)) return 0;
  const exponent = Math.floor(Math.log10(value));
  if (exponent > MAX_EXPONENT) return FREE;
  // 10 of one exponent is 1 of the next, and has the same step.
  return (exponent - MIN_EXPONENT) * 9 + Math.round(value / (POWERS[exponent - MIN_EXPONENT] ?? 1));
}

function valueOf(step: number): number {
  if (step === 0) return 0;
  if (step === FREE) return Number.POSITIVE_INFINITY;
  const exponent = Math.floor((step - 1) / 9) + MIN_EXPONENT;
  return Number(`${((step - 1) % 9) + 1}e${exponent}`);
}

function wordsFor(verdict: HoldVerdict, part: 'whole' | 'head', figures: VerdictFigures): string {
  const why = whyOf(verdict, figures);
  return part === 'head' && verdict !== 'pinned' ? `the head only, so that it starts at once: ${why}` : why;
}

function whyOf(verdict: HoldVerdict, { dailyShare, savedPerCost, savedPerCostLow }: VerdictFigures): string {
  const daily = `${dailyShare} times its size is expected to be watched per day`;
  const isFree = savedPerCost === Number.POSITIVE_INFINITY;
  const saves = `saves ${savedPerCost} times what it costs, ${savedPerCostLow} times if things go badly`;
  switch (verdict) {
    case 'kept':
    case 'worth-fetching':
      // The same words from the first cycle on: a plan is not to be sent again because it has been filled.
      if (isFree || savedPerCostLow < 1) return `there is room for it; ${daily}`;
      return `fetching it ${saves}; ${daily}`;
    case 'launch':
      return `a launch, which cannot wait for tomorrow's numbers; ${daily}`;
    case 'pinned':
      return `pinned by the operator; ${daily}`;
    case 'manifest':
      return 'manifests go before the best rendition of their title';
    case 'retired':
      return 'its rights have ended';
    case 'no-room':
      return `no room for the whole, others are worth more; ${daily}`;
    case 'not-worth-fetching':
      return savedPerCost === 0
        ? 'next to nobody is expected to watch it'
        : `the whole is not worth fetching: ${isFree ? daily : `it ${saves}`}`;
    case 'more-than-is-watched':
      return `the whole waits: more would be fetched today than viewers watch of what is held; ${daily}`;
    case 'fill-budget':
      return `the whole waits: what the site may fetch goes to better ones; ${daily}`;
    case 'wear':
      return `the whole waits: the disks have been written enough for a day; ${daily}`;
  }
}
