/**
 * The order that an appliance gives to players of its own site while steering is away (pure).
 *
 * It knows nothing of load elsewhere, of routes or of who holds what, and it must not try to rank the network by its
 * own view: two appliances that guess differently would send viewers to and fro. So nobody is moved who need not move:
 * what a player says that it uses comes first while it can be reached. Then the others of the site that can be reached,
 * in an order by session and weight that every appliance of the site comes to alike; a player may ask another one next
 * time. The origin ends every list, as always.
 */
import type { SiteSnapshot } from '../../src/contracts/site-snapshot.ts';
import { rankNodes } from '../../src/hashing/weighted-rendezvous.ts';
import type { ReportedPathways } from '../../src/steering-body/player-report.ts';

const MAX_APPLIANCES = 7;

export function orderSite(
  { appliances }: Pick<SiteSnapshot, 'appliances'>,
  question: { readonly sessionId: string; readonly reported: ReportedPathways },
  canServe: (id: string) => boolean,
): string[] {
  const there = appliances.filter(({ id }) => canServe(id));
  const ids = new Set(there.map(({ id }) => id));
  const stays = question.reported.filter((id) => ids.has(id));
  const others = rankNodes(question.sessionId, there).map(({ id }) => id);
  return [...new Set([...stays, ...others])].slice(0, MAX_APPLIANCES);
}
