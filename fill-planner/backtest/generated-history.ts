import type { CatalogueRow, History, RegionalRow, WeeklyRow } from './history.ts';

/**
 * A history of the same shape for where the real one is not at hand: launches every week, each with its own decay, four
 * groups, twelve regions with a taste each, four periods. It shows that the replay works; its figures say nothing of
 * real demand.
 * @param random 0 to 1, such as a generator from a seed: the same seed gives the same history
 */
export function generateHistory(weekCount: number, random: () => number): History {
  const groups = ['Films (English)', 'Films (Non-English)', 'TV (English)', 'TV (Non-English)'];
  const launched = Array.from({ length: weekCount * 12 }, (_, index) => ({
    title: `t${index}`,
    group: groups[index % groups.length] ?? '',
    week: Math.floor(index / 12),
    hours: 1e7 * Math.exp(2 * (random() + random() - 1)),
    decay: 0.35 + 0.5 * random(),
    runtimeHours: 1 + 9 * random(),
    isGlobal: random() < 0.6,
  }));
  const taste = Array.from({ length: 12 }, () => launched.map(() => Math.exp(1.5 * (random() - 0.5))));
  const weekly: WeeklyRow[] = [];
  const regional: RegionalRow[] = [];
  for (let at = 0; at < weekCount; at++) {
    const week = dateOf(at * 7);
    const alive = launched.flatMap((title, index) => {
      const age = at - title.week;
      if (age < 0 || age > 12) return [];
      return [{ ...title, index, ageWeeks: age + 1, hours: title.hours * title.decay ** age * (0.8 + 0.4 * random()) }];
    });
    for (const group of groups) {
      const top = alive.filter((title) => title.group === group).toSorted((a, b) => b.hours - a.hours);
      weekly.push(...top.slice(0, 10).map((title) => ({ ...title, week, group })));
    }
    for (const [region, liked] of taste.entries()) {
      const worth = (of: { index: number; hours: number }): number => of.hours * (liked[of.index] ?? 1);
      const top = alive.toSorted((a, b) => worth(b) - worth(a)).slice(0, 10);
      for (const [rank, { title, ageWeeks }] of top.entries())
        regional.push({ week, region: `r${region}`, group: 'TV', rank: rank + 1, title, ageWeeks });
    }
  }
  const length = Math.floor(weekCount / 4);
  const periods = [0, 1, 2, 3].map((number) => ({
    name: `period ${number + 1}`,
    startsOn: dateOf(number * length * 7),
    titles: launched
      .filter(({ week }) => week < (number + 1) * length)
      .map((title): CatalogueRow => {
        const shown = Array.from({ length }, (_, index) => number * length + index - title.week);
        const share = shown.reduce((sum, age) => sum + (age < 0 ? 0 : title.decay ** age + 0.02), 0);
        return {
          title: title.title,
          show: '',
          season: 0,
          kind: title.group.startsWith('TV') ? 'tv' : 'film',
          isGlobal: title.isGlobal,
          releasedOn: dateOf(title.week * 7),
          hours: title.hours * share,
          runtimeHours: title.runtimeHours,
        };
      }),
  }));
  return { source: 'generated', weekly, regional, periods };
}

const dateOf = (day: number): string => new Date(Date.UTC(2030, 0, 6 + day)).toISOString().slice(0, 10);
