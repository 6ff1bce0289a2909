import { expect, test } from 'vitest';
import { runEvening } from './run-evening.ts';

/**
 * Steering as a whole on evenings of a model town, see evening.ts. What is violated is told with the phase and the second
 * of the evening; the seed makes it again: `npm run sim -- --seed N`.
 */
test.each([
  [1, 100, ['surge', 'late', 'clock']],
  [2, 100, ['site-lost', 'deaf', 'restart']],
  [3, 100, ['drain', 'routes', 'withheld']],
] as const)(
  'evening %i of %i viewers keeps what steering promises while it sees %j',
  async (seed, crowd, misfortunes) => {
    const { violations, replayed } = await runEvening(seed, { crowd, misfortunes });
    expect(violations).toEqual([]);
    expect(replayed).toBeGreaterThan(500);
  },
);

test('the same seed makes the same evening', async () => {
  const run = () => runEvening(7, { crowd: 40, misfortunes: ['site-lost'] });
  expect((await run()).digest).toBe((await run()).digest);
});
