import { domainOf } from './home.ts';
import { costTheSame } from './rules.ts';
import type { Scored } from './score.ts';

/**
 * The places from which a manifest is made should not all fail together. A player that loses its first pathway goes to
 * the second and the third, and when all three hang on one power line it goes to the origin, with all viewers of the
 * site at once.
 *
 * So the first three lie in two failure domains at least wherever two are to be had: the best of another domain comes to
 * the third place, whatever it costs, for it is used only when the others are gone. A third domain comes there only where
 * it costs nobody anything: same kind, same cost, no doubt, no load. The first place never changes, and an appliance
 * that fails its viewers is no help to anybody.
 */
const FIRST_PLACES = 3;

/** @param ranked best first, changed in place. @returns the place that somebody was moved to, if it was */
export function spreadDomains(ranked: Scored[]): number | undefined {
  const third = FIRST_PLACES - 1;
  const last = ranked[third];
  if (last === undefined || ranked.length <= FIRST_PLACES) return undefined;
  const before = new Set(ranked.slice(0, third).map(domainOf));
  if (!before.has(domainOf(last))) return undefined;
  const isOneDomain = before.size === 1;
  const at = ranked.findIndex(
    (one, place) =>
      place > third &&
      !before.has(domainOf(one)) &&
      (isOneDomain ? !one.score.demoted : costTheSame(one.score, last.score)),
  );
  if (at === -1) return undefined;
  ranked.splice(third, 0, ...ranked.splice(at, 1));
  return third;
}
