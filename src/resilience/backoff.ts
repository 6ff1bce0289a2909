/**
 * How long to wait before the next try after `failures` failures in a row: doubling from `firstMs` to `maxMs`, and of
 * that a random half to whole, so that those who failed together do not come back together.
 * @param random uniform in [0, 1)
 */
export function backoffMs(failures: number, limits: { firstMs: number; maxMs: number }, random: number): number {
  const fullMs = Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 40));
  return fullMs * (0.5 + random / 2);
}
