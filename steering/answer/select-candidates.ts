import type { FleetMember, FleetView } from '../fleet/fleet-registry.ts';
import { HOLDS_NOTHING, type Holders } from '../fleet/held-titles.ts';
import { WHOLE_CLASS } from '../ranking/held-class.ts';

/** Of other sites so many are ranked: twice what an answer can name, so that load still has a choice. */
const ENOUGH_OUTSIDE = 14;
/** A fleet of so many is ranked whole: it costs no more than a large site. */
const SMALL_FLEET = 32;

/**
 * Which appliances a decision ranks: all of the client's site, whatever state they are in, and of the others the first
 * few in the site's order that serve and hold the title, whole if possible. What is passed over is passed over for
 * lasting reasons, so a session goes on being ranked among the same. A small fleet is ranked whole.
 */
export function selectCandidates(
  fleet: FleetView,
  holders: Holders,
  client: { readonly siteId: string | undefined; readonly sessionId: string },
): readonly FleetMember[] {
  if (fleet.members.length <= SMALL_FLEET) return fleet.members;
  const own = client.siteId === undefined ? [] : (fleet.membersBySite.get(client.siteId) ?? []);
  return [...own, ...outside(fleet, holders, client)];
}

function outside(
  { canServe, bySlot, orders }: FleetView,
  { marks, unknown }: Holders,
  client: { readonly siteId: string | undefined; readonly sessionId: string },
): FleetMember[] {
  const whole: FleetMember[] = [];
  const some: FleetMember[] = [];
  const order = orders.outside(client.siteId, client.sessionId);
  // By index: an iterator makes this walk over thousands of numbers five times as long.
  for (let at = 0; at < order.length; at += 1) {
    const slot = order[at] ?? 0;
    if (canServe[slot] !== 1) continue;
    const mark = marks?.[slot] ?? HOLDS_NOTHING;
    if (mark === HOLDS_NOTHING && unknown[slot] !== 1) continue;
    const member = bySlot[slot];
    if (member === undefined) continue;
    if (mark > WHOLE_CLASS) whole.push(member);
    else if (some.length < ENOUGH_OUTSIDE) some.push(member);
    if (whole.length === ENOUGH_OUTSIDE) break;
  }
  return [...whole, ...some.slice(0, ENOUGH_OUTSIDE - whole.length)];
}
