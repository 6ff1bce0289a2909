import { chanceOf, fitListChances, type ListFacts, type ListSample } from '../demand/models/regional-list.ts';
import type { RegionalRow } from './history.ts';

export const REGION_METHODS = ['own last list', 'global list', 'this model', 'oracle'] as const;
const LEARNING_REGION_WEEKS = 6;
/** A title neither on the own list nor this near is not learned from, so its chance is not asked for either. */
const LEARNED_NEARBY = 0.05;
const isJudged = ({ rank, nearby }: ListFacts): boolean => rank !== undefined || nearby >= LEARNED_NEARBY;

export interface RegionalScore {
  readonly weekIndex: number;
  /** Mean over regions and groups of the share of ten that came true, in the order of `REGION_METHODS`. */
  readonly precision: readonly number[];
}

interface Ranked {
  readonly rank: number;
  readonly ageWeeks: number;
}

/** Of one week and group: region to title to place. */
type Lists = ReadonlyMap<string, ReadonlyMap<string, Ranked>>;

interface Candidate {
  readonly region: string;
  readonly title: string;
  readonly facts: ListFacts;
}

/** Rolling origin: chances for week w + 1 are fitted on lists up to w. The oracle picks from what any region
 * lists. */
export function replayRegions(rows: readonly RegionalRow[], progress: (share: number) => void): RegionalScore[] {
  const weeks = [...new Set(rows.map(({ week }) => week))].toSorted();
  const groups = [...new Set(rows.map(({ group }) => group))].toSorted();
  const listsOf = gatherLists(rows);
  const samples: ListSample[] = [];
  const scores: RegionalScore[] = [];
  let model: readonly number[] | undefined;
  for (let now = 1; now < weeks.length - 1; now++) {
    if (now >= LEARNING_REGION_WEEKS) model = fitListChances(samples, model);
    const hits: number[][] = [];
    for (const group of groups) {
      const lists = (at: number): Lists => listsOf.get(`${weeks[at]} ${group}`) ?? new Map();
      const candidates = candidatesOf(lists(now), lists(now - 1), group.startsWith('TV'));
      const next = lists(now + 1);
      if (model !== undefined) hits.push(...scoreLists(candidates, next, model));
      for (const { region, title, facts } of candidates)
        if (isJudged(facts)) samples.push({ facts, isOnNextList: next.get(region)?.has(title) === true });
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

function gatherLists(rows: readonly RegionalRow[]): Map<string, Map<string, Map<string, Ranked>>> {
  const lists = new Map<string, Map<string, Map<string, Ranked>>>();
  for (const { week, group, region, title, rank, ageWeeks } of rows) {
    const key = `${week} ${group}`;
    const regions = lists.get(key) ?? new Map<string, Map<string, Ranked>>();
    const titles = regions.get(region) ?? new Map<string, Ranked>();
    lists.set(key, regions.set(region, titles.set(title, { rank, ageWeeks })));
  }
  return lists;
}

const strengthOf = (place: Ranked | undefined): number => (place === undefined ? 0 : (11 - place.rank) / 10);

/** Everything that any region lists, for each region. */
function candidatesOf(now: Lists, before: Lists, isSeries: boolean): Candidate[] {
  const titles = new Map<string, { sum: number; sumBefore: number; ageWeeks: number }>();
  for (const places of now.values())
    for (const [title, place] of places) {
      const all = titles.get(title) ?? { sum: 0, sumBefore: 0, ageWeeks: 1 };
      titles.set(title, {
        ...all,
        sum: all.sum + strengthOf(place),
        ageWeeks: Math.max(all.ageWeeks, place.ageWeeks),
      });
    }
  for (const places of before.values())
    for (const [title, place] of places) {
      const all = titles.get(title);
      if (all !== undefined) all.sumBefore += strengthOf(place);
    }
  return [...now].flatMap(([region, own]) => {
    const nearby = nearbyStrength(region, own, now);
    return [...titles].map(
      ([title, all]): Candidate => ({
        region,
        title,
        facts: {
          rank: own.get(title)?.rank,
          lastRank: before.get(region)?.get(title)?.rank,
          ageWeeks: own.get(title)?.ageWeeks ?? all.ageWeeks,
          isSeries,
          everywhere: all.sum / now.size,
          everywhereBefore: all.sumBefore / Math.max(1, before.size),
          nearby: nearby.get(title) ?? 0,
        },
      }),
    );
  });
}

/** Mean strength over the other regions, weighted by the fourth power of what they have in common with this one. */
function nearbyStrength(region: string, own: ReadonlyMap<string, Ranked>, lists: Lists): Map<string, number> {
  const sums = new Map<string, number>();
  let weights = 0;
  for (const [other, places] of lists) {
    if (other === region) continue;
    const common = [...places.keys()].filter((title) => own.has(title)).length / 10;
    const weight = common ** 4;
    weights += weight;
    for (const [title, place] of places) sums.set(title, (sums.get(title) ?? 0) + weight * strengthOf(place));
  }
  return new Map([...sums].map(([title, sum]) => [title, weights === 0 ? 0 : sum / weights]));
}

function scoreLists(candidates: readonly Candidate[], next: Lists, model: readonly number[]): number[][] {
  const byRegion = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const own = byRegion.get(candidate.region);
    if (own === undefined) byRegion.set(candidate.region, [candidate]);
    else own.push(candidate);
  }
  return [...byRegion].flatMap(([region, own]) => {
    const came = next.get(region);
    if (came === undefined) return [];
    const hitsBy = (worth: (candidate: Candidate) => number): number =>
      own
        .map((candidate) => ({ candidate, worth: worth(candidate) }))
        .toSorted((a, b) => b.worth - a.worth)
        .slice(0, 10)
        .filter(({ candidate, worth: its }) => its > 0 && came.has(candidate.title)).length / 10;
    return [
      [
        hitsBy(({ facts }) => (facts.rank === undefined ? 0 : 11 - facts.rank)),
        hitsBy(({ facts }) => facts.everywhere),
        hitsBy(({ facts }) => (isJudged(facts) ? chanceOf(model, facts) : 0)),
        hitsBy(({ title }) => (came.has(title) ? 1 : 0)),
      ],
    ];
  });
}
