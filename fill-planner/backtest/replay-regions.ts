import { chanceOf, fitListChances, type ListSample } from '../demand/models/regional-list.ts';
import type { RegionalRow, WeeklyRow } from './history.ts';
import { type RegionalCandidate, RegionalLists } from './regional-facts.ts';

export const REGION_METHODS = ['own last list', 'global list', 'this model', 'oracle'] as const;
/** Weeks that are only learned from, and that one fit serves. */
const LEARNING_WEEKS = 6;
const WEEKS_PER_FIT = 5;

type Lists = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

export interface RegionalScore {
  readonly weekIndex: number;
  /** Mean over regions and groups of the share of ten that came true, in the order of `REGION_METHODS`. */
  readonly precision: readonly number[];
}

/**
 * Rolling origin: chances for week w + 1 are fitted on lists up to w. The oracle picks from what any region lists.
 * @param weekly hours of the same titles in the whole world, where they are on its lists
 */
export function replayRegions(
  rows: readonly RegionalRow[],
  weekly: readonly WeeklyRow[],
  progress: (share: number) => void,
): RegionalScore[] {
  const weeks = [...new Set(rows.map(({ week }) => week))].toSorted();
  const byGroup = [...Map.groupBy(rows, ({ group }) => group)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const groups = byGroup.map(([group, ofGroup]) => new RegionalLists(group, weeks, ofGroup, weekly));
  const samples: ListSample[] = [];
  const scores: RegionalScore[] = [];
  let model = fitListChances([]);
  for (let now = 0; now < weeks.length - 1; now++) {
    if (now > LEARNING_WEEKS && (now - LEARNING_WEEKS - 1) % WEEKS_PER_FIT === 0) model = fitListChances(samples);
    const hits: number[][] = [];
    for (const lists of groups) {
      lists.advance(now);
      if (now < 2) continue;
      const next = lists.lists(now + 1);
      const candidates = lists.candidates(now);
      if (now > LEARNING_WEEKS) hits.push(...scoreLists(candidates, next, (facts) => chanceOf(model, facts)));
      for (const { region, title, facts } of candidates)
        if (next.has(region)) samples.push({ facts, isOnNextList: next.get(region)?.has(title) === true });
    }
    if (hits.length > 0)
      scores.push({
        weekIndex: now + 1,
        precision: REGION_METHODS.map((_, at) => hits.reduce((sum, row) => sum + (row[at] ?? 0), 0) / hits.length),
      });
    progress(now / weeks.length);
  }
  return scores;
}

function scoreLists(
  candidates: readonly RegionalCandidate[],
  next: Lists,
  chance: (facts: RegionalCandidate['facts']) => number,
): number[][] {
  const named = new Set(candidates.map(({ title }) => title));
  return [...Map.groupBy(candidates, ({ region }) => region)].flatMap(([region, own]) => {
    const came = next.get(region);
    if (came === undefined) return [];
    const hitsBy = (worth: (candidate: RegionalCandidate) => number): number =>
      own
        .map((candidate) => ({ candidate, worth: worth(candidate) }))
        .toSorted((a, b) => b.worth - a.worth)
        .slice(0, 10)
        .filter(({ candidate, worth: its }) => its > 0 && came.has(candidate.title)).length / 10;
    return [
      [
        hitsBy(({ facts }) => 11 - (facts.own.ranks[0] ?? 11)),
        hitsBy(({ facts }) => facts.world.strengths[0] ?? 0),
        hitsBy(({ facts }) => chance(facts)),
        [...came.keys()].filter((title) => named.has(title)).length / 10,
      ],
    ];
  });
}
