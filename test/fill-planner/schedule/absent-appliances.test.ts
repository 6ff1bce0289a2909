import { describe, expect, test } from 'vitest';
import { absentAppliances, type FillNews } from '../../../fill-planner/schedule/absent-appliances.ts';

const NOW_MS = 1_900_000_000_000;
const MINUTE_MS = 60_000;
const news = (applianceId: string, minutesAgo: number, more: Partial<FillNews['report']> = {}): FillNews => ({
  receivedAtMs: NOW_MS - minutesAgo * MINUTE_MS,
  report: { applianceId, state: 'filling', ...more },
});

describe('absent is', () => {
  test('who was filling and has stopped telling of it, for a day', () => {
    const all = [news('a', 1), news('b', 4), news('c', 23 * 60), news('d', 25 * 60)];
    expect([...absentAppliances(all, NOW_MS)]).toEqual(['b', 'c']);
  });

  test('nobody who has nothing to tell', () => {
    const quiet = (['waiting', 'complete', 'blocked'] as const).map((state) => news(state, 60, { state }));
    expect([...absentAppliances(quiet, NOW_MS)]).toEqual([]);
  });

  test('who was banned by two, as long as the bans last', () => {
    const ban = (id: string, minutes: number) => ({ bannedSources: [{ id, untilMs: NOW_MS + minutes * MINUTE_MS }] });
    const all = [
      news('a', 1, ban('liar', 5)),
      news('b', 1, ban('liar', 9)),
      news('c', 1, ban('accused', 9)),
      news('d', 1, ban('former', 9)),
      news('e', 1, ban('former', -1)),
    ];
    expect([...absentAppliances(all, NOW_MS)]).toEqual(['liar']);
  });
});
