import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type DemotionRules,
  doubtsReports,
  newStanding,
  nextStanding,
  type Standing,
  type Votes,
} from '../../../../steering/quality/judging/judge-demotion.ts';

const rules: DemotionRules = { minReporters: 5, failShare: 0.5, holdMs: 120_000, stepMs: 60_000 };
const votes = (failing: number, heard: number, measured?: string): Votes => ({ failing, heard, measured });
const next = (standing: Standing, given: Votes, nowMs: number, doubting = false) =>
  nextStanding(standing, given, { nowMs, doubting, rules });
const demotedAt = (nowMs: number) => next(newStanding(0), votes(5, 6), nowMs);

test('CS-12: enough different viewers, and most of those heard, demote for at least two minutes', () => {
  const trusted = newStanding(0);
  expect(next(trusted, votes(4, 4), 1000)).toBe(trusted);
  expect(next(trusted, votes(5, 11), 1000)).toBe(trusted);
  const demoted = next(trusted, votes(5, 10), 1000);
  expect(demoted).toMatchObject({ kind: 'demoted', untilMs: 121_000, because: expect.stringContaining('5 of 10') });
  expect(next(demoted, votes(0, 50), 120_999)).toBe(demoted);
  expect(next(demoted, votes(0, 0), 121_000)).toMatchObject({ kind: 'probing', share: 0.02, stepAtMs: 181_000 });
});

test('CS-12: probed by few, then by more as they do well, then trusted', () => {
  let standing = next(demotedAt(0), votes(0, 0), 120_000);
  const shares: number[] = [];
  for (let nowMs = 120_000; standing.kind === 'probing'; nowMs += 60_000) {
    shares.push(standing.share);
    standing = next(standing, votes(0, 5), nowMs + 60_000);
  }
  expect(shares).toEqual([0.02, 0.08, 0.32]);
  expect(standing).toMatchObject({ kind: 'trusted', holdMs: 120_000 });
});

test('CS-12: probes that fail demote again for twice as long, an hour at most', () => {
  let standing = demotedAt(0);
  const holds: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    if (standing.kind !== 'demoted') throw new Error(standing.kind);
    holds.push(standing.holdMs / 60_000);
    const probing = next(standing, votes(0, 0), standing.untilMs);
    standing = next(probing, votes(2, 3), standing.untilMs + 1000);
  }
  expect(holds).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
});

test('probes that are measured to be bad fail as well; one that fails among many is no reason', () => {
  const probing = next(demotedAt(0), votes(0, 0), 120_000);
  expect(next(probing, votes(1, 1), 130_000)).toBe(probing);
  expect(next(probing, votes(2, 9), 130_000)).toBe(probing);
  expect(next(probing, votes(0, 9, 'viewers get 25 %'), 130_000)).toMatchObject({
    kind: 'demoted',
    because: 'viewers get 25 %',
  });
});

test('where nobody is heard the probes grow all the same, only later', () => {
  let standing = next(demotedAt(0), votes(0, 0), 120_000);
  const seen: number[] = [];
  for (let step = 1; step <= 4 && standing.kind === 'probing'; step += 1) {
    standing = next(standing, votes(0, 1), 120_000 + step * 60_000);
    if (standing.kind === 'probing') seen.push(standing.share);
  }
  expect(seen).toEqual([0.02, 0.02, 0.02, 0.08]);
});

test('who fails again soon after its return waits longer, who was good for long is new', () => {
  const back: Standing = { kind: 'trusted', holdMs: 120_000, sinceMs: 0 };
  expect(next(back, votes(5, 5), 599_000)).toMatchObject({ holdMs: 240_000 });
  expect(next(back, votes(0, 5), 600_000)).toEqual(newStanding(600_000));
});

test('when most appliances fail at once the reports are doubted, and nobody is demoted', () => {
  expect(doubtsReports(1, 1, 0.5)).toBe(false);
  expect(doubtsReports(2, 4, 0.5)).toBe(false);
  expect(doubtsReports(3, 4, 0.5)).toBe(true);
  const trusted = newStanding(0);
  expect(next(trusted, votes(50, 50), 1000, true)).toBe(trusted);
  const probing = next(demotedAt(0), votes(0, 0), 120_000);
  expect(next(probing, votes(5, 5), 121_000, true)).toBe(probing);
});

test('whatever is said and when, nobody is demoted for less than the time, and shares stay between few and all', () => {
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: 300_000 }),
    failing: fc.integer({ min: 0, max: 20 }),
    others: fc.integer({ min: 0, max: 20 }),
    doubting: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let standing = newStanding(0);
      let nowMs = 0;
      let demotedAtMs = 0;
      for (const { waitMs, failing, others, doubting } of steps) {
        nowMs += waitMs;
        const after = next(standing, votes(failing, failing + others), nowMs, doubting);
        if (doubting && standing.kind !== 'demoted') expect(after.kind).not.toBe('demoted');
        if (after.kind === 'demoted' && standing.kind !== 'demoted') demotedAtMs = nowMs;
        if (standing.kind === 'demoted' && after.kind !== 'demoted')
          expect(nowMs - demotedAtMs).toBeGreaterThanOrEqual(120_000);
        if (after.kind === 'probing') {
          expect(after.share).toBeGreaterThanOrEqual(0.02);
          expect(after.share).toBeLessThan(1);
        }
        standing = after;
      }
    }),
  );
});
