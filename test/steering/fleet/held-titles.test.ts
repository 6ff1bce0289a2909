import { expect, test } from 'vitest';
import { encodeHoldings } from '../../../src/contracts/holdings.ts';
import { HeldTitles } from '../../../steering/fleet/held-titles.ts';
import { renditionIds, title } from '../samples.ts';

const BARS = title('bars');
const list = (planVersion: number, renditions = renditionIds(BARS)) => ({
  version: 1 as const,
  applianceId: 'a',
  planVersion,
  renditions,
});

test('an appliance without a plan holds nothing that is known of', () => {
  const held = new HeldTitles();
  held.setHoldings('a', undefined);
  expect(held.held('a', BARS).kind).toBe('nothing');
  expect(held.held('never-heard', BARS).kind).toBe('nothing');
});

test('the share is of media bytes, each by how much of it is held', () => {
  const held = new HeldTitles();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'part', 'head', 'none']));
  held.setList(list(1));
  expect(held.held('a', BARS)).toEqual({ kind: 'known', share: (1_000_000 + 1_500_000 + 40_000) / 4_400_000 });
});

test('manifests alone are nothing to play from', () => {
  const held = new HeldTitles();
  held.setHoldings('a', encodeHoldings(1, ['none', 'none', 'none', 'whole']));
  held.setList(list(1));
  expect(held.held('a', BARS)).toEqual({ kind: 'nothing', because: 'holds nothing of the title' });
});

test('a title that the plan does not name is not held', () => {
  const held = new HeldTitles();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'whole']));
  held.setList(list(1));
  expect(held.held('a', title('tone')).kind).toBe('nothing');
});

test('an unknown plan version is asked for, and until its list comes the holdings are not known', () => {
  const held = new HeldTitles();
  expect(held.setHoldings('a', encodeHoldings(4, ['whole', 'whole', 'whole', 'whole']))).toBe(4);
  expect(held.held('a', BARS).kind).toBe('unknown');
  held.setList(list(4));
  expect(held.missingList('a')).toBeUndefined();
  expect(held.held('a', BARS)).toEqual({ kind: 'known', share: 1 });
});

test('while the list of a new plan is on its way, what was known before goes on counting', () => {
  const held = new HeldTitles();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'whole']));
  held.setList(list(1));
  expect(held.setHoldings('a', encodeHoldings(2, ['none', 'none']))).toBe(2);
  expect(held.held('a', BARS)).toEqual({ kind: 'known', share: 1 });
  held.setList(list(2, ['tone/v1', 'tone/a1']));
  expect(held.held('a', BARS).kind).toBe('nothing');
});

test("a list of another length is another planner's, and is asked for again", () => {
  const held = new HeldTitles();
  held.setList(list(1, ['bars/v144']));
  expect(held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'whole']))).toBe(1);
});

test('a new catalogue is looked at anew', () => {
  const held = new HeldTitles();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'none', 'none', 'none']));
  held.setList(list(1));
  expect(held.held('a', BARS)).toEqual({ kind: 'known', share: 1_000_000 / 4_400_000 });
  held.forgetShares();
  const shorter = title('bars', { renditions: BARS.renditions.slice(0, 1) });
  expect(held.held('a', shorter)).toEqual({ kind: 'known', share: 1 });
});

test('plan version 0 means that there is no plan', () => {
  const held = new HeldTitles();
  expect(held.setHoldings('a', encodeHoldings(0, []))).toBeUndefined();
  expect(held.held('a', BARS).kind).toBe('nothing');
});
