import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShareBudget } from '../../../src/resilience/share-budget.ts';

describe('a budget of extra requests', () => {
  it('never gives more than its burst, its trickle and its share of the ordinary ones', () => {
    const events = fc.array(fc.record({ extra: fc.boolean(), afterMs: fc.nat(500) }), { maxLength: 400 });
    const settings = fc.record({
      share: fc.constantFrom(0, 0.05, 0.2),
      perSec: fc.constantFrom(0, 0.5, 3),
      burst: fc.constantFrom(0, 1, 5),
    });
    fc.assert(
      fc.property(settings, events, (given, all) => {
        const budget = new ShareBudget(given, 0);
        let [nowMs, requests, extra] = [0, 0, 0];
        for (const event of all) {
          nowMs += event.afterMs;
          if (!event.extra) {
            budget.requested();
            requests += 1;
          } else if (budget.tryTake(nowMs)) extra += 1;
          const allowed = given.burst + (given.perSec * nowMs) / 1000 + given.share * requests;
          expect(extra).toBeLessThanOrEqual(allowed + 1e-9);
        }
        if (given.burst === 0) expect(extra).toBe(0);
      }),
    );
  });

  it('gives one again after twenty ordinary ones at a twentieth', () => {
    const budget = new ShareBudget({ share: 0.05, perSec: 0, burst: 1 }, 0);
    expect(budget.tryTake(0)).toBe(true);
    for (let request = 0; request < 19; request += 1) budget.requested();
    expect(budget.tryTake(0)).toBe(false);
    budget.requested();
    budget.requested();
    expect(budget.tryTake(0)).toBe(true);
  });
});
