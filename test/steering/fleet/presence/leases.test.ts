import { expect, test } from 'vitest';
import { judgeLeases, type LeaseFacts } from '../../../../steering/fleet/presence/leases.ts';

const RULES = { togetherMs: 12_000, overdueMs: 3000, preserveMs: 300_000 };
const fact = (id: string, leaseEndsMs: number, changes: Partial<LeaseFacts> = {}): LeaseFacts => ({
  id,
  leaseEndsMs,
  lastHeardMs: leaseEndsMs - 6000,
  saidGoodbye: false,
  restored: false,
  ...changes,
});

const kinds = (facts: readonly LeaseFacts[], nowMs: number): string => {
  const { leases } = judgeLeases(facts, nowMs, RULES);
  return facts.map(({ id }) => `${id}:${leases.get(id)?.kind}`).join(' ');
};

test('a lease holds until it ends', () => {
  expect(kinds([fact('a', 10_000)], 9999)).toBe('a:current');
  expect(kinds([fact('a', 10_000)], 10_000)).toBe('a:expired');
});

test('one or two silent appliances are gone, even if they are all there are', () => {
  expect(kinds([fact('a', 10_000)], 11_000)).toBe('a:expired');
  expect(kinds([fact('a', 10_000), fact('b', 10_500)], 11_000)).toBe('a:expired b:expired');
});

test('when most fall silent at once they are kept, doubtful', () => {
  const facts = [fact('a', 10_000), fact('b', 10_500), fact('c', 11_000), fact('d', 20_000)];
  expect(kinds(facts, 12_000)).toBe('a:doubtful b:doubtful c:doubtful d:current');
  expect(judgeLeases(facts, 12_000, RULES).preserving).toBe(true);
});

test('the first of many is kept as they all are: the others are overdue when its lease ends', () => {
  const facts = [fact('a', 10_000), fact('b', 10_500), fact('c', 11_900), fact('d', 20_000)];
  expect(kinds(facts, 10_000)).toBe('a:doubtful b:current c:current d:current');
  const wellHeard = [fact('a', 10_000), ...['b', 'c', 'd'].map((id) => fact(id, 14_100))];
  expect(kinds(wellHeard, 10_000)).toBe('a:expired b:current c:current d:current');
});

test('a minority that falls silent at once is gone', () => {
  const facts = [fact('a', 10_000), fact('b', 10_500), fact('c', 11_000)];
  const heard = ['d', 'e', 'f', 'g'].map((id) => fact(id, 20_000));
  expect(kinds([...facts, ...heard], 12_000)).toMatch(/^a:expired b:expired c:expired d:current/);
});

test('those that fall silent one after the other are gone, however many', () => {
  const facts = ['a', 'b', 'c', 'd'].map((id, index) => fact(id, 10_000 + index * 30_000));
  expect(kinds(facts, 101_000)).toBe('a:expired b:expired c:expired d:expired');
});

test('doubt is bounded in time while somebody is heard', () => {
  const facts = [fact('a', 10_000), fact('b', 10_000), fact('c', 10_000), fact('heard', 999_000)];
  expect(kinds(facts, 309_999)).toMatch(/^a:doubtful b:doubtful c:doubtful/);
  expect(kinds(facts, 310_000)).toMatch(/^a:expired b:expired c:expired/);
});

test('while nobody at all is heard the last known fleet stays, and the bound runs from when somebody is', () => {
  const silent = ['a', 'b', 'c', 'd'].map((id) => fact(id, 10_000));
  expect(kinds(silent, 9_000_000)).toBe('a:doubtful b:doubtful c:doubtful d:doubtful');
  const facts = [...silent, fact('first', 9_006_000)];
  const heard = { ...RULES, hearingSinceMs: 9_000_000 };
  expect(judgeLeases(facts, 9_000_100, heard).leases.get('a')?.kind).toBe('doubtful');
  expect(judgeLeases([...silent, fact('first', 9_306_000)], 9_300_000, heard).leases.get('a')?.kind).toBe('expired');
});

test('who was kept stays for its grace although the others have come back', () => {
  const back = ['a', 'b', 'c'].map((id) => fact(id, 60_000));
  const last = fact('last', 10_000, { graceEndsMs: 51_000 });
  expect(kinds([...back, last], 50_999)).toMatch(/last:doubtful$/);
  expect(kinds([...back, last], 51_000)).toMatch(/last:expired$/);
});

test('when all but the dead have come back, the dead are dropped at once', () => {
  const back = ['a', 'b', 'c', 'd', 'e'].map((id) => fact(id, 60_000));
  expect(kinds([...back, fact('dead', 10_000)], 50_000)).toMatch(/dead:expired$/);
});

test('who said goodbye is not missed', () => {
  const facts = ['a', 'b', 'c'].map((id) => fact(id, 10_000, { saidGoodbye: true }));
  expect(kinds(facts, 11_000)).toBe('a:expired b:expired c:expired');
});

test('an appliance known from before a restart is doubtful until somebody is heard, then for one lease', () => {
  const before = fact('a', 10_000, { restored: true });
  expect(kinds([before], 9000)).toBe('a:doubtful');
  expect(kinds([before], 9_000_000)).toBe('a:doubtful');
  expect(kinds([before, fact('b', 20_000)], 9999)).toBe('a:doubtful b:current');
  expect(kinds([before, fact('b', 20_000)], 10_000)).toBe('a:expired b:current');
});

test('an appliance that said goodbye before a restart is not kept for it', () => {
  expect(kinds([fact('a', 10_000, { restored: true, saidGoodbye: true })], 10_000)).toBe('a:expired');
});

test('ten thousand appliances that vanish at once are judged without going through all pairs', () => {
  const facts = Array.from({ length: 10_000 }, (_, index) => fact(`a${index}`, 10_000 + (index % 1000)));
  const { leases } = judgeLeases(facts, 20_000, RULES);
  expect([...leases.values()].every(({ kind }) => kind === 'doubtful')).toBe(true);
});
