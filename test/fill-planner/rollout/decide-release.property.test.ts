import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ClusterCandidate,
  decideRelease,
  type ReleaseDecision,
  type ReleaseInput,
} from '../../../fill-planner/rollout/decide-release.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2030, 0, 20);
const RULES = { canaryClusters: ['c0'], canaryMs: 24 * HOUR_MS, cohortMs: 6 * HOUR_MS, cohortShare: 0.1 };

const cluster = (clusterId: string, rest: Partial<ClusterCandidate> = {}): ClusterCandidate => ({
  clusterId,
  isChanged: true,
  isNewOrRebuilt: false,
  heldBecause: [],
  troubles: [],
  ...rest,
});

const input = (rest: Partial<ReleaseInput> = {}): ReleaseInput => ({
  nowMs: NOW_MS,
  rules: RULES,
  release: undefined,
  lastNumber: 0,
  clusters: Array.from({ length: 21 }, (_, index) => cluster(`c${index}`)),
  heldUntil: undefined,
  isSuspect: false,
  isUrgent: false,
  forced: new Set(),
  ...rest,
});

const published = ({ clusters }: ReleaseDecision): string[] =>
  [...clusters].filter(([, { kind }]) => kind === 'publish').map(([id]) => id);

/** Cycles every hour from a decision on, with what they published. */
function cycles(
  count: number,
  rest: Partial<ReleaseInput> = {},
): { hour: number; ids: string[]; decision: ReleaseDecision }[] {
  const seen: { hour: number; ids: string[]; decision: ReleaseDecision }[] = [];
  let { release, lastNumber } = input(rest);
  for (let hour = 0; hour < count; hour += 1) {
    const decision = decideRelease(input({ ...rest, nowMs: NOW_MS + hour * HOUR_MS, release, lastNumber }));
    ({ release, lastNumber } = decision);
    seen.push({ hour, ids: published(decision), decision });
  }
  return seen;
}

describe('a release', () => {
  test('reaches the canary, a day later a tenth of the others, six hours later all, with nobody awake', () => {
    const seen = cycles(31);
    expect(seen[0]?.ids).toEqual(['c0']);
    expect(seen[23]?.ids).toEqual(['c0']);
    expect(seen[24]?.ids).toHaveLength(3);
    expect(seen[24]?.ids).toContain('c0');
    expect(seen[29]?.ids).toEqual(seen[24]?.ids);
    expect(seen[30]?.ids).toHaveLength(21);
    expect(seen[30]?.decision).toMatchObject({ release: undefined, finished: 1, lastNumber: 1 });
  });

  test('draws others for the next one', () => {
    const seen = cycles(62);
    const early = [24, 31 + 24].map((hour) => seen[hour]?.ids.filter((id) => id !== 'c0'));
    expect(early[0]).toHaveLength(2);
    expect(early[1]).toHaveLength(2);
    expect(early[0]).not.toEqual(early[1]);
  });

  test('waits while a canary is blocked or something measured speaks against it', () => {
    const clusters = [cluster('c0', { troubles: ['a1 is blocked'] }), cluster('c1'), cluster('c2')];
    const blocked = cycles(60, { clusters }).at(-1);
    expect(blocked?.ids).toEqual(['c0']);
    expect(blocked?.decision.waitsFor).toEqual(['a1 is blocked']);
    expect(cycles(60, { isSuspect: true }).at(-1)?.ids).toEqual(['c0']);
    // Three days longer than a stage lasts, and no more: its origin may have lost the file for good.
    expect(cycles(24 + 72, { clusters }).at(-1)?.ids).toEqual(['c0']);
    expect(cycles(24 + 72 + 1, { clusters }).at(-1)?.ids.length).toBeGreaterThan(1);
    expect(cycles(200, { isSuspect: true }).at(-1)?.ids).toEqual(['c0']);
    // Trouble of somebody whom the release has not reached is not its trouble.
    const others = [cluster('c0'), cluster('c1', { troubles: ['b1 is blocked'] }), cluster('c2')];
    expect(cycles(25, { clusters: others }).at(-1)?.ids.length).toBeGreaterThan(1);
  });

  test('is passed by what cannot wait: a cluster that is new or rebuilt, a launch, the operator', () => {
    const clusters = [cluster('c0'), cluster('c1', { isNewOrRebuilt: true }), cluster('c2')];
    expect(published(decideRelease(input({ clusters })))).toEqual(['c0', 'c1']);
    expect(published(decideRelease(input({ isUrgent: true })))).toHaveLength(21);
    expect(published(decideRelease(input({ forced: new Set(['c7']) })))).toEqual(['c0', 'c7']);
  });

  test('without a canary goes to all that pass the guard rails, at once', () => {
    const clusters = [cluster('c0'), cluster('c1', { heldBecause: ['drops 90 % of what the cluster holds'] })];
    const decision = decideRelease(input({ rules: { ...RULES, canaryClusters: [] }, clusters }));
    expect(published(decision)).toEqual(['c0']);
    expect(decision.clusters.get('c1')?.because).toBe('held: drops 90 % of what the cluster holds');
    expect(decision.release).toBeUndefined();
  });

  test('brings nothing while everything is held after a return, but what the operator publishes', () => {
    const heldUntil = { untilMs: NOW_MS + HOUR_MS, because: 'went back' };
    const decision = decideRelease(input({ heldUntil, forced: new Set(['c3']), isUrgent: true }));
    expect(published(decision)).toEqual(['c3']);
    expect(decision.clusters.get('c1')).toEqual({ kind: 'keep', because: 'went back' });
    expect(published(decideRelease(input({ heldUntil, nowMs: NOW_MS + HOUR_MS })))).toEqual(['c0']);
  });

  test('never publishes what a guard rail holds unless the operator does, and never more early ones than it should', () => {
    const candidates = fc.array(
      fc.record({ held: fc.boolean(), trouble: fc.boolean(), rebuilt: fc.boolean(), changed: fc.boolean() }),
      { minLength: 2, maxLength: 40 },
    );
    fc.assert(
      fc.property(candidates, fc.boolean(), fc.boolean(), fc.nat(80), (all, isSuspect, isUrgent, hours) => {
        const clusters = all.map(({ held, trouble, rebuilt, changed }, index) =>
          cluster(`c${index}`, {
            isChanged: changed,
            isNewOrRebuilt: rebuilt,
            heldBecause: held ? ['bad'] : [],
            troubles: trouble ? ['blocked'] : [],
          }),
        );
        const last = cycles(hours + 1, { clusters, isSuspect, isUrgent }).at(-1);
        for (const id of last?.ids ?? [])
          expect(clusters.find(({ clusterId }) => clusterId === id)?.heldBecause).toEqual([]);
        if (isUrgent || last?.decision.release === undefined) return;
        const early = last.ids.filter(
          (id) => id !== 'c0' && !clusters.find(({ clusterId }) => clusterId === id)?.isNewOrRebuilt,
        );
        expect(early.length).toBeLessThanOrEqual(Math.max(1, Math.round(0.1 * (clusters.length - 1))));
      }),
    );
  });
});
