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
  readonly days: number;
}

/** For the operator. @param part what is held of it after all */
export function wordsFor(verdict: HoldVerdict, part: 'whole' | 'head' | 'nothing', figures: VerdictFigures): string {
  const why = whyOf(verdict, figures);
  if (verdict === 'pinned' || part === 'whole') return why;
  return part === 'head' ? `the head only, so that it starts at once: ${why}` : why;
}

function whyOf(verdict: HoldVerdict, { dailyShare, savedPerCost, savedPerCostLow, days }: VerdictFigures): string {
  const daily = `${twoDigits(dailyShare)} times its size is expected to be watched per day`;
  const saves =
    Number.isFinite(savedPerCost) &&
    `saves ${twoDigits(savedPerCost)} times its cost in ${Math.round(days)} days, ${twoDigits(savedPerCostLow)} if things go badly`;
  switch (verdict) {
    case 'kept':
      return `held already, keeping it costs nothing; ${daily}`;
    case 'worth-fetching':
      return saves === false ? `fetching costs nothing; ${daily}` : `worth its fetching: ${saves}; ${daily}`;
    case 'launch':
      return `a launch, which cannot wait for tomorrow's numbers; ${daily}`;
    case 'pinned':
      return `pinned by the operator; ${daily}`;
    case 'manifest':
      return 'manifests go before the best rendition of their title';
    case 'retired':
      return 'its rights have ended';
    case 'no-room':
      return `no room for what is worth so little; ${daily}`;
    case 'not-worth-fetching':
      return saves === false ? `nobody is expected to watch it` : `the whole is not worth its fetching: ${saves}`;
    case 'more-than-is-watched':
      return `the whole waits: with it, today's fill would be more than viewers are expected to watch of what is held; ${daily}`;
    case 'fill-budget':
      return `the whole waits: what the site may fetch today goes to better ones; ${daily}`;
    case 'wear':
      return `the whole waits: the disks have been written enough for today; ${daily}`;
  }
}

const twoDigits = (value: number): string => String(Number(value.toPrecision(2)));
