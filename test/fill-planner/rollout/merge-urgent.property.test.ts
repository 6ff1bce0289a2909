import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PlanDraft } from '../../../fill-planner/plan/draft-plan.ts';
import type { RenditionFacts } from '../../../fill-planner/plan/plan-facts.ts';
import { heldByAny } from '../../../fill-planner/review/holding-columns.ts';
import { mergeUrgent } from '../../../fill-planner/rollout/merge-urgent.ts';

const COUNT = 16;
const facts: RenditionFacts[] = Array.from({ length: COUNT }, (_, index) => ({
  id: `t${index}/v`,
  titleId: `t${index}`,
  isManifest: false,
  sizeBytes: 1000,
  bitsPerSec: 1,
  durationSec: 1,
  headBytes: 100,
  availableAtMs: 0,
}));

/** A plan of these renditions in this order; its name stands in its reasons and sources. */
function planOf(name: string, entries: readonly { rendition: number; isHead: number }[]): PlanDraft {
  const zeros = new Uint32Array(entries.length);
  return {
    applianceId: 'a1',
    clusterId: 'c1',
    region: 'de',
    windows: [],
    rendition: Uint32Array.from(entries, ({ rendition }) => rendition),
    isHead: Uint8Array.from(entries, ({ isHead }) => isHead),
    isMaster: new Uint8Array(entries.length),
    expectedBytes: new Float64Array(entries.length),
    rank: Uint32Array.from(entries.keys()),
    itemCount: COUNT,
    copies: new Uint16Array(entries.length).fill(1),
    reason: zeros,
    reasons: [name],
    sources: zeros,
    sourceLists: [[{ kind: 'origin', id: 'origin', baseUrl: `http://${name}.example`, afterSec: 0 }]],
  };
}

const plans = (name: string): fc.Arbitrary<PlanDraft> =>
  fc
    .uniqueArray(fc.record({ rendition: fc.nat(COUNT - 1), isHead: fc.nat(1) }), {
      selector: ({ rendition }) => rendition,
    })
    .map((entries) => planOf(name, entries));

const bytesOf = ({ isHead }: PlanDraft): number => isHead.reduce((sum, head) => sum + (head === 1 ? 100 : 1000), 0);

test('what is urgent is there as the new plan has it, the rest as the kept one, each once, in no more room', () => {
  fc.assert(
    fc.property(plans('kept'), plans('draft'), fc.uniqueArray(fc.nat(COUNT - 1)), (kept, draft, urgent) => {
      const isUrgent = (rendition: number): boolean => urgent.includes(rendition);
      const merged = mergeUrgent(kept, draft, facts, isUrgent);
      expect(new Set(merged.rendition).size).toBe(merged.rendition.length);
      expect(bytesOf(merged)).toBeLessThanOrEqual(Math.max(bytesOf(kept), bytesOf(draft)));
      const [held, wanted] = [merged, draft].map((plan) => heldByAny([plan], COUNT));
      for (const rendition of urgent)
        if (draft.rendition.includes(rendition)) expect(held?.[rendition]).toBe(wanted?.[rendition]);
      for (const [entry, rendition] of merged.rendition.entries()) {
        const from = merged.reasons[merged.reason[entry] ?? 0] ?? '';
        expect(merged.sourceLists[merged.sources[entry] ?? 0]?.[0]?.baseUrl).toBe(`http://${from}.example`);
        const origin = from === 'kept' ? kept : draft;
        const there = origin.rendition.indexOf(rendition);
        expect(merged.isHead[entry]).toBe(origin.isHead[there]);
        if (from === 'draft') expect(isUrgent(rendition)).toBe(true);
      }
    }),
  );
});

test('room is made from the end of the list, by what the new plan drops first', () => {
  const whole = (rendition: number) => ({ rendition, isHead: 0 });
  const kept = planOf('kept', [0, 1, 2, 3].map(whole));
  const draft = planOf('draft', [9, 0, 2, 3].map(whole));
  const merged = mergeUrgent(kept, draft, facts, (rendition) => rendition === 9);
  expect([...merged.rendition]).toEqual([9, 0, 2, 3]);
  expect(mergeUrgent(kept, draft, facts, () => false)).toBe(kept);
  // Nobody is told of rank 7 of 0: the good plan may be that of the first minute, with nothing in it.
  const first = { ...kept, itemCount: 0 };
  expect(mergeUrgent(first, { ...draft, itemCount: 12 }, facts, (rendition) => rendition === 9).itemCount).toBe(12);
});
