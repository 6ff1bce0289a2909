import { compareLasting } from './rules.ts';
import type { Scored } from './score.ts';
import type { SessionFacts } from './session-facts.ts';

/**
 * The few appliances that are a session's own.
 *
 * A player can only use the pathways that its manifest declared at the start of the session, so the answers of later
 * hours should go on containing them. Ranking all appliances anew and cutting at seven would lose them as soon as seven
 * others are less loaded. So the cut comes first, by the order that does not follow the minute (`compareLasting`), and
 * the ranking happens within it: a home changes only when one of it is excluded, or a better one appears for good.
 * Nothing of this is stored; session, title and fleet give it again at any replica and after any restart.
 *
 * Seven by that order may all stand in one room. So five places go by the order, and two to the best of failure domains
 * that are not there yet. Where the flow between sites sends the session elsewhere, up to three of the five are there;
 * when it changes its mind the others stay, and what a manifest declared is kept by `declared-pathways.ts`.
 */
const FOR_OTHER_DOMAINS = 2;
const IN_PREFERRED_SITE = 3;

/** At most `size`, in no order that means anything. */
export function homeOf(eligible: readonly Scored[], { preferredSiteId }: SessionFacts, size: number): Scored[] {
  if (eligible.length <= size) return [...eligible];
  const home: Scored[] = [];
  if (preferredSiteId !== undefined)
    takeBest(
      home,
      eligible.filter(({ candidate }) => candidate.member.siteId === preferredSiteId),
      IN_PREFERRED_SITE,
    );
  takeBest(home, eligible, size - FOR_OTHER_DOMAINS);
  while (home.length < size) {
    const best = bestOfNewDomain(eligible, home);
    if (best === undefined) break;
    home.push(best);
  }
  takeBest(home, eligible, size);
  return home;
}

export const domainOf = ({ candidate }: Scored): string => candidate.site.failureDomain;

function bestOfNewDomain(items: readonly Scored[], home: readonly Scored[]): Scored | undefined {
  let best: Scored | undefined;
  for (const item of items)
    if ((best === undefined || compareLasting(item, best) < 0) && !hasDomain(home, domainOf(item))) best = item;
  return best;
}

/** Of seven at most: a set of them costs more to make than to do without. */
function hasDomain(home: readonly Scored[], domain: string): boolean {
  for (const one of home) if (domainOf(one) === domain) return true;
  return false;
}

/** Adds the best that are not in it until there are `count`; a fleet of thousands is not sorted for seven places. */
function takeBest(home: Scored[], items: readonly Scored[], count: number): void {
  const first = home.length;
  for (const item of items) {
    const last = home[count - 1];
    if (last !== undefined && (first >= count || compareLasting(item, last) > 0)) continue;
    if (home.includes(item)) continue;
    let at = Math.min(home.length, count - 1);
    for (; at > first; at -= 1) {
      const before = home[at - 1];
      if (before === undefined || compareLasting(item, before) > 0) break;
      home[at] = before;
    }
    home[at] = item;
  }
}
