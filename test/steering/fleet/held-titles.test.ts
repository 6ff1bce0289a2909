import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { encodeHoldings, HOLDING_LEVELS } from '../../../src/contracts/holdings.ts';
import { HeldTitles, HOLDS_NOTHING } from '../../../steering/fleet/held-titles.ts';
import { RenditionIndex } from '../../../steering/fleet/rendition-index.ts';
import { heldClassOf } from '../../../steering/ranking/held-class.ts';
import { renditionIds, title } from '../samples.ts';

const BARS = title('bars');
const list = (planVersion: number, renditions = renditionIds(BARS)) => ({
  version: 1 as const,
  applianceId: 'a',
  planVersion,
  renditions,
});

function catalogued(): HeldTitles {
  const held = new HeldTitles();
  held.setCatalogue([BARS, title('tone')]);
  return held;
}

test('an appliance without a plan holds nothing that is known of', () => {
  const held = catalogued();
  held.setHoldings('a', undefined);
  expect(held.held('a', 'bars').kind).toBe('nothing');
  expect(held.held('never-heard', 'bars').kind).toBe('nothing');
});

test('the share is of media bytes, each by how much of it is held', () => {
  const held = catalogued();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'part', 'head', 'none']));
  held.setList(list(1));
  expect(held.held('a', 'bars')).toEqual({ kind: 'known', share: (1_000_000 + 1_500_000 + 40_000) / 4_400_000 });
});

test('manifests alone are nothing to play from', () => {
  const held = catalogued();
  held.setHoldings('a', encodeHoldings(1, ['none', 'none', 'none', 'whole']));
  held.setList(list(1));
  expect(held.held('a', 'bars')).toEqual({ kind: 'nothing', because: 'holds nothing of the title' });
});

test('a title that the plan does not name is not held', () => {
  const held = catalogued();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'whole']));
  held.setList(list(1));
  expect(held.held('a', 'tone').kind).toBe('nothing');
});

test('an unknown plan version is asked for, and until its list comes the holdings are not known', () => {
  const held = catalogued();
  expect(held.setHoldings('a', encodeHoldings(4, ['whole', 'whole', 'whole', 'whole']))).toBe(4);
  expect(held.held('a', 'bars').kind).toBe('unknown');
  held.setList(list(4));
  expect(held.missingList('a')).toBeUndefined();
  expect(held.held('a', 'bars')).toEqual({ kind: 'known', share: 1 });
});

test('while the list of a new plan is on its way, what was known before goes on counting', () => {
  const held = catalogued();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'whole']));
  held.setList(list(1));
  expect(held.setHoldings('a', encodeHoldings(2, ['none', 'none']))).toBe(2);
  expect(held.held('a', 'bars')).toEqual({ kind: 'known', share: 1 });
  held.setList(list(2, ['tone/v1', 'tone/a1']));
  expect(held.held('a', 'bars').kind).toBe('nothing');
});

test('holdings of an appliance that still has an older plan are counted over the list of that plan', () => {
  const held = catalogued();
  held.setList(list(1));
  held.setList(list(2, ['tone/v144', 'tone/v360', 'tone/a48', 'tone/manifest']));
  expect(held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'whole']))).toBeUndefined();
  expect([held.held('a', 'bars').kind, held.held('a', 'tone').kind]).toEqual(['known', 'nothing']);
  // Its list is pushed out by those of newer plans that it has not got: asked for again, and the last count stands.
  held.setList(list(3, ['tone/v144']));
  expect(held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'none']))).toBe(1);
  expect(held.held('a', 'bars')).toEqual({ kind: 'known', share: 1 });
  held.setList(list(1));
  expect(held.missingList('a')).toBeUndefined();
});

test("a list of another length is another planner's, and is asked for again", () => {
  const held = catalogued();
  held.setList(list(1, ['bars/v144']));
  expect(held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'whole']))).toBe(1);
});

test('a new catalogue is looked at anew', () => {
  const held = catalogued();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'none', 'none', 'none']));
  held.setList(list(1));
  expect(held.held('a', 'bars')).toEqual({ kind: 'known', share: 1_000_000 / 4_400_000 });
  held.setCatalogue([title('bars', { renditions: BARS.renditions.slice(0, 1) })]);
  expect(held.held('a', 'bars')).toEqual({ kind: 'known', share: 1 });
});

test('plan version 0 means that there is no plan', () => {
  const held = catalogued();
  expect(held.setHoldings('a', encodeHoldings(0, []))).toBeUndefined();
  expect(held.held('a', 'bars').kind).toBe('nothing');
});

test('heartbeat by heartbeat, what is counted is what counting anew gives', () => {
  const titles = ['one', 'two', 'three'].map((id) => title(id));
  const renditions = titles.flatMap((each) => renditionIds(each));
  const levels = fc.array(fc.constantFrom(...HOLDING_LEVELS), {
    minLength: renditions.length,
    maxLength: renditions.length,
  });
  const list = { version: 1 as const, applianceId: 'a', planVersion: 1, renditions };
  fc.assert(
    fc.property(fc.array(levels, { minLength: 1, maxLength: 6 }), fc.boolean(), (beats, isNews) => {
      const held = new HeldTitles();
      held.setCatalogue(titles.slice(0, 2));
      held.setList(list);
      for (const beat of beats) held.setHoldings('a', encodeHoldings(1, beat));
      const fresh = new HeldTitles();
      if (isNews) held.setCatalogue(titles);
      fresh.setCatalogue(isNews ? titles : titles.slice(0, 2));
      fresh.setHoldings('a', encodeHoldings(1, beats.at(-1) ?? []));
      fresh.setList(list);
      for (const { id } of titles) {
        const known = held.held('a', id);
        expect(known).toEqual(fresh.held('a', id));
        const mark = held.holdersOf(id).marks?.[held.slots.find('a') ?? 0] ?? HOLDS_NOTHING;
        expect(mark).toBe(known.kind === 'known' ? 1 + heldClassOf(known.share) : HOLDS_NOTHING);
      }
    }),
  );
});

test("an appliance that is forgotten holds nothing, and its number can be another one's", () => {
  const held = catalogued();
  held.setHoldings('a', encodeHoldings(1, ['whole', 'whole', 'whole', 'whole']));
  held.setList(list(1));
  const slot = held.slots.find('a') ?? -1;
  held.forget('a');
  held.slots.giveBack('a');
  expect(held.holdersOf('bars').marks?.[slot]).toBe(HOLDS_NOTHING);
  expect(held.slots.take('b')).toBe(slot);
  held.setHoldings('b', undefined);
  expect(held.held('b', 'bars').kind).toBe('nothing');
});

test('the fleet may outgrow the arrays that it began with', () => {
  const held = catalogued();
  for (let index = 0; index < 300; index += 1) {
    held.setHoldings(`a${index}`, encodeHoldings(1, index % 2 === 0 ? ['whole', 'whole', 'whole', 'whole'] : []));
    held.setList({ ...list(1), applianceId: `a${index}` });
  }
  const { marks, unknown } = held.holdersOf('bars');
  for (let index = 0; index < 300; index += 1) {
    const slot = held.slots.find(`a${index}`) ?? -1;
    expect([marks?.[slot], unknown[slot]]).toEqual(index % 2 === 0 ? [5, 0] : [0, 1]);
  }
});

test('a new catalogue of a large fleet is taken in small steps, and at every step each appliance holds what one of the two says', () => {
  const held = catalogued();
  const appliances = Array.from({ length: 20 }, (_, at) => `a${at}`);
  for (const applianceId of appliances) {
    held.setList({ ...list(1), applianceId });
    held.setHoldings(applianceId, encodeHoldings(1, ['whole', 'whole', 'none', 'none']));
  }
  const before = held.held('a0', 'bars');
  const smaller = { ...BARS, renditions: BARS.renditions.slice(0, 2) };
  const seen = new Map<string, number>();
  const steps = held.changeCatalogue([smaller, title('fresh')]);
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    expect(step.value).toBeLessThan(10);
    const changed = appliances.filter((id) => JSON.stringify(held.held(id, 'bars')) !== JSON.stringify(before));
    for (const id of changed) expect(held.held(id, 'bars')).toEqual({ kind: 'known', share: 1 });
    seen.set(changed.join(), changed.length);
    expect(held.held('a3', 'fresh').kind).toBe('nothing');
  }
  expect([...seen.values()]).toEqual(Array.from({ length: 21 }, (_, at) => at));
  expect(held.held('a0', 'tone').kind).toBe('nothing');
});

test('whether a plan wants a title is asked for every decision, and goes through the list once', () => {
  const held = catalogued();
  const renditions = renditionIds(BARS);
  held.setList(list(1, renditions));
  const titleOf = vi.spyOn(RenditionIndex.prototype, 'titleOf');
  for (let decision = 0; decision < 100; decision += 1) {
    expect(held.isPlanned('a', 'bars')).toBe(true);
    expect(held.isPlanned('a', 'tone')).toBe(false);
  }
  expect(titleOf).toHaveBeenCalledTimes(renditions.length);
  titleOf.mockRestore();
  held.setCatalogue([title('tone')]);
  expect(held.isPlanned('a', 'bars')).toBe(false);
});
