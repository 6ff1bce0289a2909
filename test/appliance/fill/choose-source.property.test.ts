import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseSource, type SourceQuestion } from '../../../appliance/fill/choose-source.ts';

const RANK = { peer: 0, tier: 1, origin: 2 };

const sources = fc.uniqueArray(
  fc.record({
    kind: fc.constantFrom('peer' as const, 'tier' as const, 'origin' as const),
    id: fc.integer({ min: 0, max: 30 }).map((number) => `s${number}`),
    afterSec: fc.integer({ min: 0, max: 100 }),
    setAsideUntilMs: fc.integer({ min: 0, max: 100_000 }),
    asked: fc.nat(3),
  }),
  { minLength: 1, maxLength: 16, selector: (source) => source.id },
);
const situation = fc.record({
  sources,
  sinceSec: fc.double({ min: 0, max: 120, noNaN: true }),
  nowMs: fc.nat(100_000),
});
type Situation = typeof situation extends fc.Arbitrary<infer T> ? T : never;

const mayBeAsked = (source: Situation['sources'][number], given: Situation, laterMs = 0): boolean =>
  source.afterSec <= given.sinceSec + laterMs / 1000 && source.setAsideUntilMs <= given.nowMs + laterMs;

function questionOf(given: Situation, laterMs = 0): SourceQuestion {
  const byId = new Map(given.sources.map((source) => [source.id, source]));
  return {
    askerId: 'a1',
    path: '/film/v1.mp4',
    sources: given.sources.map(({ kind, id, afterSec }) => ({ kind, id, afterSec, baseUrl: 'http://s.example' })),
    sinceWindowStartSec: given.sinceSec + laterMs / 1000,
    learned: (id) => byId.get(id),
    nowMs: given.nowMs + laterMs,
  };
}

test('a source is asked only when its wait is over and it is not set aside, and nobody better is passed over', () => {
  fc.assert(
    fc.property(situation, (given) => {
      const choice = chooseSource(questionOf(given));
      const allowed = given.sources.filter((source) => mayBeAsked(source, given));
      expect(choice.kind).toBe(allowed.length === 0 ? 'wait' : 'ask');
      if (choice.kind !== 'ask') return;
      expect(allowed.map(({ id }) => id)).toContain(choice.source.id);
      expect(RANK[choice.source.kind]).toBe(Math.min(...allowed.map(({ kind }) => RANK[kind])));
    }),
  );
});

test('after the wait that it names a source may be asked, and not long before', () => {
  fc.assert(
    fc.property(situation, (given) => {
      const choice = chooseSource(questionOf(given));
      if (choice.kind === 'ask') return;
      expect(choice.forMs).toBeGreaterThan(0);
      // Sums of seconds and milliseconds round in the last bits.
      expect(chooseSource(questionOf(given, choice.forMs + 0.001)).kind).toBe('ask');
      if (choice.forMs > 1) expect(chooseSource(questionOf(given, choice.forMs - 0.5)).kind).toBe('wait');
    }),
  );
});

test('the order of the list decides nothing', () => {
  fc.assert(
    fc.property(situation, (given) => {
      const turned = { ...given, sources: [...given.sources].reverse() };
      expect(chooseSource(questionOf(turned))).toEqual(chooseSource(questionOf(given)));
    }),
  );
});
