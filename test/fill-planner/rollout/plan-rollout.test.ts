import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../catalog/demo-title.ts';
import { FIRST_MS, HOUR_MS, RolloutRig, RULES, titles } from './rollout-rig.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let rig: RolloutRig;

beforeEach(async () => {
  folder = await temporaryFolder();
  rig = new RolloutRig(folder.path);
});

afterEach(async () => {
  rig.close();
  await folder[Symbol.asyncDispose]();
});

const GOOD = titles(0, 9);
/** As many titles, of which a fifth are others: by a forecast that expects the same of all, no worse. */
const CHANGED = [...titles(0, 7), 10, 11];
const hour = (count: number): number => FIRST_MS + count * HOUR_MS;
const says = (kind: string): string[] =>
  rig.store
    .events(100)
    .filter((event) => event.kind === kind)
    .map((event) => event.says);

/** Hours of a planner whose plans hold what it is told: a cycle each, and viewers who ask for every title. */
function live(
  first: number,
  last: number,
  planned: readonly number[],
  lost: readonly number[] = [],
): number | undefined {
  for (let at = first; at <= last; at += 1) {
    // What is lost is missed although planned, as when the forecast was right about nothing.
    rig.watch(hour(at) - HOUR_MS, (clusterId) => rig.held(clusterId).filter((title) => !lost.includes(title)));
    if (rig.cycle(hour(at), () => planned).decision.returned !== undefined) return at;
  }
  return undefined;
}

describe('the guard rails of a rollout', () => {
  test('keep the plan in force where a new one drops too much, say so, and let the operator publish it', () => {
    rig.cycle(hour(0), () => titles(0, 9));
    const { decision, saved } = rig.cycle(hour(48), (id) => (id === 'c2' ? titles(0, 5) : titles(0, 10)));
    expect(rig.held('c1')).toEqual(titles(0, 10));
    expect(rig.held('c2')).toEqual(titles(0, 9));
    expect(saved.get('a-c2')?.outcome).not.toBe('new');
    expect(decision.clusters.get('c2')?.because).toMatch(/^held: drops 40\.0 % of what the cluster holds/);
    expect(says('held')).toEqual([
      expect.stringMatching(/^cluster c2 held: drops 40\.0 %.*; is expected to serve 40\.0 % less/),
    ]);
    rig.cycle(hour(49), (id) => (id === 'c2' ? titles(0, 5) : titles(0, 10)), { publish: ['c2'] });
    expect(rig.held('c2')).toEqual(titles(0, 5));
  });

  test('do not hold what must go: retired titles are no loss, and no kept plan brings them back', () => {
    rig.cycle(hour(0), () => titles(0, 9));
    for (const title of titles(0, 4)) rig.retired.add(`t${title}`);
    expect(rig.cycle(hour(50), () => titles(5, 9)).decision.clusters.get('c1')?.kind).toBe('publish');
    expect(rig.held('c1')).toEqual(titles(5, 9));
    rig.retired.add('t9');
    rig.cycle(hour(51), () => [0]);
    expect(rig.held('c1')).toEqual(titles(5, 8));
  });

  test('let a cluster drop what it likes in its first two days', () => {
    rig.cycle(hour(0), () => titles(0, 9));
    rig.cycle(hour(47), () => titles(10, 19));
    expect(rig.held('c1')).toEqual(titles(10, 19));
    rig.cycle(hour(48), () => titles(0, 9));
    expect(rig.held('c1')).toEqual(titles(10, 19));
  });

  test('do not hold a cluster whose machines changed', () => {
    rig.cycle(hour(0), () => titles(0, 9));
    rig.capacities.set('c1', 3_500_000);
    const { decision } = rig.cycle(hour(1), () => titles(0, 9));
    expect(decision.clusters.get('c1')).toMatchObject({
      kind: 'keep',
      because: expect.stringContaining('more than its disks'),
    });
    // And what is kept is cut to the disks that there are, from the end.
    expect(rig.held('c1')).toEqual(titles(0, 2));
    rig.capacities.set('c1', 2e9);
    expect(rig.cycle(hour(2), () => titles(0, 9)).decision.clusters.get('c1')?.because).toContain('machines changed');
  });
});

describe('what is measured', () => {
  test('brings the last good plans back as new versions, holds everything for a day, and tries again then', () => {
    rig.cycle(hour(0), () => GOOD);
    // Published at 1, filled until 6, dropped titles missed from then on, new ones not served.
    const at = live(1, 30, CHANGED, [10, 11]);
    expect(at).toBeLessThanOrEqual(6 + 12 + 1);
    expect(at).toBeGreaterThan(8);
    expect(rig.held('c1')).toEqual(GOOD);
    expect(says('returned')).toEqual([
      expect.stringMatching(
        /^the plans that were good at 2030-01-20 00:00Z are in force again: since then measured efficiency has fallen, with evidence of \d+ to 1$/,
      ),
    ]);
    const back = at ?? 0;
    expect(live(back + 1, back + 23, CHANGED)).toBeUndefined();
    expect(rig.held('c1')).toEqual(GOOD);
    live(back + 24, back + 24, CHANGED);
    expect(rig.held('c1')).toEqual(CHANGED);
  });

  test('is the same when the planner is killed every hour, also between storing plans and storing what it decided', () => {
    rig.cycle(hour(0), () => GOOD);
    let at: number | undefined;
    for (let count = 1; count <= 30 && at === undefined; count += 1) {
      rig.cycle(hour(count), () => CHANGED, {}, true);
      rig.reopen();
      // A planner that starts makes a cycle before it listens.
      if (rig.cycle(hour(count), () => CHANGED).decision.returned !== undefined) at = count;
      else rig.watch(hour(count), (id) => rig.held(id).filter((title) => title < 10));
      rig.reopen();
    }
    expect(at).toBeLessThanOrEqual(6 + 12 + 2);
    expect(rig.held('c3')).toEqual(GOOD);
    expect(rig.store.state().heldUntil?.untilMs).toBe(hour(at ?? 0) + 24 * HOUR_MS);
  });

  test('leaves plans alone that win what they lose, and after half a trial they are the good ones', () => {
    rig.cycle(hour(0), () => GOOD);
    expect(live(1, 80, CHANGED)).toBeUndefined();
    expect(rig.held('c1')).toEqual(CHANGED);
    expect([...rig.store.goodPlans().values()]).toEqual([2, 2, 2]);
    expect(rig.store.state().isOnTrial).toBe(false);
    expect(says('good').length).toBeGreaterThanOrEqual(2);
  });

  test('goes back when the operator says so', () => {
    rig.cycle(hour(0), () => GOOD);
    rig.cycle(hour(1), () => CHANGED);
    rig.cycle(hour(2), () => CHANGED, { goBack: true });
    expect(rig.held('c1')).toEqual(GOOD);
    expect(says('returned')[0]).toContain('the operator went back');
    rig.cycle(hour(3), () => CHANGED, { publish: 'all' });
    expect(rig.held('c1')).toEqual(CHANGED);
    expect(rig.store.state().heldUntil).toBeUndefined();
  });

  test('does not go back to plans from before there was anything to hold: nothing is dropped for them', () => {
    rig.cycle(hour(0), () => []);
    rig.cycle(hour(1), () => GOOD);
    rig.cycle(hour(2), () => CHANGED, { goBack: true });
    expect(rig.held('c1')).toEqual(GOOD);
  });

  test('goes on when a clock that was weeks ahead is put back: nothing waits for them to pass', () => {
    const AHEAD = 50 * 24;
    rig.cycle(hour(0), () => GOOD);
    rig.cycle(hour(AHEAD), () => CHANGED);
    rig.cycle(hour(AHEAD + 1), () => CHANGED, { goBack: true });
    // Held for a day from here on, and then judged as ever.
    rig.cycle(hour(1), () => CHANGED);
    expect(rig.held('c1')).toEqual(GOOD);
    rig.cycle(hour(26), () => CHANGED);
    expect(rig.held('c1')).toEqual(CHANGED);
    expect(live(27, 55, CHANGED, [10, 11])).toBeDefined();
    expect(rig.held('c1')).toEqual(GOOD);
  });

  test('keeps good versions in the store however many come after them', () => {
    rig.cycle(hour(0), () => GOOD);
    for (let count = 1; count <= 20; count += 1) rig.cycle(hour(count), () => [...titles(0, 7), 10 + (count % 8)]);
    rig.cycle(hour(21), () => CHANGED, { goBack: true });
    expect(rig.held('c2')).toEqual(GOOD);
  });
});

describe('a canary that is no cluster of the fleet', () => {
  beforeEach(() => {
    rig.close();
    rig = new RolloutRig(folder.path, { ...RULES, release: { ...RULES.release, canaryClusters: ['c9'] } });
  });

  test('has one drawn in its place, and the operator is told: new plans do not go to all at once', () => {
    rig.cycle(hour(0), () => GOOD);
    rig.cycle(hour(1), () => CHANGED);
    expect(rig.clusters.filter((id) => rig.held(id).includes(10))).toHaveLength(1);
    expect(says('stage')).toEqual([
      'release 1 is at stage canary; --canary-clusters names what is no cluster of the fleet: c9',
    ]);
  });
});

describe('a canary', () => {
  beforeEach(() => {
    rig.close();
    rig = new RolloutRig(folder.path, { ...RULES, release: { ...RULES.release, canaryClusters: ['c2'] } });
  });

  test('takes new plans a day before a tenth of the others and six hours more before all', () => {
    rig.cycle(hour(0), () => GOOD);
    const changedAt = new Map<string, number>();
    for (let count = 1; count <= 40; count += 1) {
      rig.watch(hour(count) - HOUR_MS);
      rig.cycle(hour(count), () => CHANGED);
      for (const id of rig.clusters) if (rig.held(id).includes(11) && !changedAt.has(id)) changedAt.set(id, count);
    }
    expect([...changedAt.values()].sort((a, b) => a - b)).toEqual([1, 25, 31]);
    expect(changedAt.get('c2')).toBe(1);
    expect(says('stage').toReversed()).toEqual([
      'release 1 is at stage canary',
      'release 1 is at stage cohort',
      'release 1 is at stage all',
    ]);
  });

  test('is waited for while it says that it is blocked, and not when it is dead', () => {
    rig.cycle(hour(0), () => GOOD);
    rig.cycle(hour(1), () => CHANGED);
    for (let count = 2; count <= 40; count += 1) {
      if (count <= 30) rig.reportBlocked('c2', hour(count));
      rig.cycle(hour(count), () => CHANGED);
      if (count === 33) expect(says('stage')).toHaveLength(1);
    }
    expect(says('stage').length).toBeGreaterThan(1);
  });

  test('goes through its stages when a clock that was a year ahead is put back', () => {
    rig.cycle(hour(0), () => GOOD);
    rig.cycle(hour(365 * 24), () => CHANGED);
    for (const count of [1, 26, 33]) rig.cycle(hour(count), () => CHANGED);
    for (const id of rig.clusters) expect(rig.held(id)).toEqual(CHANGED);
  });

  test('lets launches by: they join the plans of those who wait', () => {
    rig.cycle(hour(0), () => GOOD);
    rig.launching.add('t15');
    rig.cycle(hour(1), () => [...titles(0, 7), 10, 15]);
    expect(rig.held('c2')).toEqual([...titles(0, 7), 10, 15]);
    expect(rig.held('c1')).toEqual([...titles(0, 8), 15]);
    const versions = rig.cycle(hour(2), () => [...titles(0, 7), 10, 15]).saved;
    expect([...versions.values()].map(({ planVersion }) => planVersion)).toEqual([2, 2, 2]);
  });

  test('that loses takes its own plan back, and the others never had it', () => {
    rig.cycle(hour(0), () => GOOD);
    const at = live(1, 23, CHANGED, [10, 11]);
    expect(at).toBeDefined();
    for (const id of rig.clusters) expect(rig.held(id)).toEqual(GOOD);
    const versions = rig.cycle(hour(24), () => CHANGED).saved;
    expect([...versions.values()].map(({ planVersion }) => planVersion)).toEqual([1, 3, 1]);
  });
});
