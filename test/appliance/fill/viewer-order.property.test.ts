import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderForKey, orderForViewer, type ViewerSource } from '../../../appliance/fill/choose-source.ts';

const RANK = { peer: 0, tier: 1, origin: 2 };

const source = fc.record({
  kind: fc.constantFrom('peer' as const, 'tier' as const, 'origin' as const),
  id: fc.integer({ min: 0, max: 50 }).map((number) => `s${number}`),
  isResting: fc.boolean(),
  isTrusted: fc.boolean(),
  recentDeaths: fc.double({ min: 0, max: 5, noNaN: true }),
  firstByteMs: fc.option(fc.double({ min: 0.1, max: 5000, noNaN: true }), { nil: undefined }),
});
const sources = fc.uniqueArray(source, { maxLength: 12, selector: ({ id }) => id });

const quick: ViewerSource = {
  kind: 'peer',
  id: 'a',
  isResting: false,
  isTrusted: true,
  recentDeaths: 0,
  firstByteMs: 5,
};
const ids = (given: readonly ViewerSource[]): string[] => orderForViewer(given).map(({ id }) => id);

describe('the order in which a viewer’s block is asked for', () => {
  it('leaves out the untrusted alone, and them only where others are', () => {
    fc.assert(
      fc.property(sources, (given) => {
        const trusted = given.filter(({ isTrusted }) => isTrusted);
        const expected = trusted.length > 0 ? trusted : given;
        expect(ids(given).sort()).toEqual(expected.map(({ id }) => id).sort());
      }),
    );
  });

  it('has nobody who rests before one who does not, and of equals nobody far before one who is near', () => {
    fc.assert(
      fc.property(sources, (given) => {
        const ordered = orderForViewer(given);
        for (const [at, next] of ordered.slice(1).entries()) {
          const before = ordered[at];
          if (before === undefined) throw new Error('unreachable');
          expect(Number(before.isResting)).toBeLessThanOrEqual(Number(next.isResting));
          const isEqual = before.isResting === next.isResting && before.recentDeaths < 2 === next.recentDeaths < 2;
          if (isEqual) expect(RANK[before.kind]).toBeLessThanOrEqual(RANK[next.kind]);
        }
      }),
    );
  });

  it('has the quick before the slow of a kind, who breaks off behind a farther one, and else is as given', () => {
    expect(
      ids([
        { ...quick, firstByteMs: 300 },
        { ...quick, id: 'b' },
      ]),
    ).toEqual(['b', 'a']);
    expect(
      ids([
        { ...quick, firstByteMs: 11 },
        { ...quick, id: 'b' },
      ]),
    ).toEqual(['a', 'b']);
    expect(
      ids([
        { ...quick, recentDeaths: 2 },
        { ...quick, id: 'o', kind: 'origin' },
      ]),
    ).toEqual(['o', 'a']);
    expect(
      ids([
        { ...quick, recentDeaths: 1 },
        { ...quick, id: 'o', kind: 'origin' },
      ]),
    ).toEqual(['a', 'o']);
  });

  it('begins for a key with the same peer on every appliance, and keys are spread over the peers', () => {
    const peers = ['p1', 'p2', 'p3', 'p4'].map((id) => ({ id }));
    const first = new Map<string, number>();
    for (let key = 0; key < 400; key += 1) {
      const ordered = orderForKey(peers, `/film/${key}.mp4`);
      expect(orderForKey([...peers].reverse(), `/film/${key}.mp4`)).toEqual(ordered);
      const id = ordered[0]?.id ?? '';
      first.set(id, (first.get(id) ?? 0) + 1);
    }
    for (const { id } of peers) expect(first.get(id)).toBeGreaterThan(60);
  });
});
