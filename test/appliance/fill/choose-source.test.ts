import { describe, expect, it } from 'vitest';
import { chooseSource, type LearnedOfSource, type SourceQuestion } from '../../../appliance/fill/choose-source.ts';
import type { FillPlanSource } from '../../../src/contracts/fill-plan.ts';
import { originSource, peerSource } from '../../support/sample-plan.ts';

const tierSource: FillPlanSource = { kind: 'tier', id: 't1', baseUrl: 'http://t1.example', afterSec: 0 };

function ask(
  sources: readonly FillPlanSource[],
  learned: Record<string, Partial<LearnedOfSource>> = {},
  fields: Partial<SourceQuestion> = {},
) {
  return chooseSource({
    askerId: 'a1',
    path: '/film/v1.mp4',
    sources,
    sinceWindowStartSec: 0,
    learned: (id) => learned[id] && { setAsideUntilMs: 0, asked: 0, ...learned[id] },
    nowMs: 10_000,
    ...fields,
  });
}

describe('choosing the source of a planned block', () => {
  it('prefers a peer to another cluster, and that to the origin, in whatever order they are listed', () => {
    expect(ask([originSource, tierSource, peerSource('p1')])).toMatchObject({ kind: 'ask', source: { id: 'p1' } });
    expect(ask([originSource, tierSource])).toMatchObject({ source: { id: 't1' } });
    expect(ask([originSource])).toMatchObject({ source: { id: 'origin' } });
  });

  it('does not ask a source before its wait from the start of the window is over', () => {
    const sources = [peerSource('p1', 60), { ...originSource, afterSec: 600 }];
    expect(ask(sources, {}, { sinceWindowStartSec: 59.5 })).toEqual({ kind: 'wait', forMs: 500 });
    expect(ask(sources, {}, { sinceWindowStartSec: 60 })).toMatchObject({ source: { id: 'p1' } });
  });

  it('passes over a source that is set aside, and comes back to it when that is over', () => {
    const sources = [peerSource('p1'), originSource];
    const learned = { p1: { setAsideUntilMs: 12_000 } };
    expect(ask(sources, learned)).toMatchObject({ source: { id: 'origin' } });
    expect(ask(sources, learned, { nowMs: 12_000 })).toMatchObject({ source: { id: 'p1' } });
  });

  it('waits until the first of its sources may be asked again', () => {
    const sources = [peerSource('p1'), { ...originSource, afterSec: 30 }];
    const learned = { p1: { setAsideUntilMs: 15_000 } };
    expect(ask(sources, learned)).toEqual({ kind: 'wait', forMs: 5000 });
  });

  it('asks of equal peers the one that is asked least', () => {
    const sources = [peerSource('p1'), peerSource('p2'), peerSource('p3')];
    expect(ask(sources, { p1: { asked: 2 }, p2: { asked: 1 }, p3: { asked: 2 } })).toMatchObject({
      source: { id: 'p2' },
    });
  });

  it('asks the peer that the plan lets us ask first, however busy it is', () => {
    expect(
      ask([peerSource('p1', 10), peerSource('p2', 0)], { p2: { asked: 5 } }, { sinceWindowStartSec: 20 }),
    ).toMatchObject({ source: { id: 'p2' } });
  });

  it('spreads appliances that fill the same file over equal peers', () => {
    const sources = ['p1', 'p2', 'p3', 'p4'].map((id) => peerSource(id));
    const asked = new Map<string, number>();
    for (let index = 0; index < 400; index += 1) {
      const choice = ask(sources, {}, { askerId: `a${index}` });
      if (choice.kind === 'ask') asked.set(choice.source.id, (asked.get(choice.source.id) ?? 0) + 1);
    }
    expect([...asked.values()].reduce((total, count) => total + count)).toBe(400);
    for (const count of asked.values()) expect(count).toBeGreaterThan(60);
    expect(asked.size).toBe(4);
  });
});
