/** A figure with the interval that 95 of 100 redrawn samples lie in. */
export interface Score {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** One week, so that errors of the same week are drawn together. */
export interface WeekSum {
  readonly top: number;
  readonly bottom: number;
}

const REDRAWS = 1000;

/** Sum of tops over sum of bottoms, with a bootstrap over weeks. @param random 0 to 1 */
export function scoreOfWeeks(weeks: readonly WeekSum[], random: () => number): Score {
  const ratio = (drawn: readonly WeekSum[]): number =>
    drawn.reduce((sum, { top }) => sum + top, 0) / drawn.reduce((sum, { bottom }) => sum + bottom, 0);
  const redrawn = Array.from({ length: REDRAWS }, () =>
    ratio(weeks.map((week) => weeks[Math.floor(random() * weeks.length)] ?? week)),
  ).toSorted((a, b) => a - b);
  const at = (share: number): number => redrawn[Math.floor(share * (REDRAWS - 1))] ?? Number.NaN;
  return { value: ratio(weeks), low: at(0.025), high: at(0.975) };
}
