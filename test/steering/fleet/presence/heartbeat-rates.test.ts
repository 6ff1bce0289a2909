import { expect, test } from 'vitest';
import { HeartbeatRates } from '../../../../steering/fleet/presence/heartbeat-rates.ts';

test('ten heartbeats a second are taken of each appliance, and a burst', () => {
  const rates = new HeartbeatRates();
  let taken = 0;
  for (let ms = 0; ms < 60_000; ms += 5) if (rates.admit('loud', ms)) taken += 1;
  expect(taken).toBeGreaterThanOrEqual(600);
  expect(taken).toBeLessThanOrEqual(660);
  expect(rates.admit('quiet', 60_000)).toBe(true);
  expect(rates.admit('loud', 61_000)).toBe(true);
});

test('one that sends every two seconds is never dropped', () => {
  const rates = new HeartbeatRates();
  for (let ms = 0; ms < 3_600_000; ms += 2000) expect(rates.admit('a', ms)).toBe(true);
});
