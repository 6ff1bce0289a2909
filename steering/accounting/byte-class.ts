import type { Candidate } from '../ranking/candidate.ts';
import { type ExclusionCode, exclude } from '../ranking/exclude.ts';
import type { SessionFacts } from '../ranking/session-facts.ts';

/**
 * Why bytes did not come from the nearest site. Netflix counts content misses and health misses; an operator who is to
 * mend something needs them apart a little more:
 *
 * - `content`: the nearest site does not hold the title and no plan wants it there; a matter of space or of prediction.
 * - `fill-lag`: a plan wants it there and it has not arrived; a matter of windows and budgets.
 * - `health`: the nearest appliances are silent, unwell, withheld or reported bad by players.
 * - `admission`: they are well and hold it, and have no room, or the flow between sites asked for another.
 * - `route`: no route says where the client is, or its site has no appliance, or may not serve it.
 * - `client-choice`: the player was sent to the nearest site and played from elsewhere, though the place that it was
 *   given still serves; or its manifest was made when others were better, and names nothing there.
 */
export const BYTE_CLASSES = [
  'nearest',
  'content',
  'fill-lag',
  'health',
  'admission',
  'route',
  'client-choice',
] as const;
export type ByteClass = (typeof BYTE_CLASSES)[number];

const CLASS_OF_EXCLUSION: Readonly<Record<ExclusionCode, ByteClass>> = {
  'lease-expired': 'health',
  withheld: 'health',
  'not-serving': 'health',
  unhealthy: 'health',
  full: 'admission',
  refused: 'route',
  'other-network': 'route',
  'lacks-title': 'content',
  'other-software': 'admission',
};

/** The further right, the nearer an appliance came to serving: the last obstacle is the one to remove. */
const ORDER: readonly ByteClass[] = ['route', 'health', 'content', 'fill-lag', 'admission'];

/**
 * The class of a decision's bytes when the player follows it.
 * @param basis of the decision: all its candidates and what was known of the session
 * @param firstSiteId where the first place lies; undefined: the origin
 * @param nearestSiteId undefined: nobody knows
 * @param isPlanned whether a plan wants the title on an appliance
 */
export function byteClassOf(
  basis: { readonly candidates: readonly Candidate[]; readonly session: SessionFacts } | undefined,
  firstSiteId: string | undefined,
  nearestSiteId: string | undefined,
  isPlanned: (applianceId: string) => boolean,
): ByteClass {
  if (nearestSiteId === undefined) return 'route';
  if (firstSiteId === nearestSiteId) return 'nearest';
  // Without a ranking steering itself had no room to make one.
  if (basis === undefined) return 'admission';
  let best: ByteClass = 'route';
  for (const candidate of basis.candidates) {
    if (candidate.member.siteId !== nearestSiteId) continue;
    const obstacle = obstacleOf(candidate, basis.session);
    const found = obstacle === 'content' && isPlanned(candidate.member.id) ? 'fill-lag' : obstacle;
    if (ORDER.indexOf(found) > ORDER.indexOf(best)) best = found;
  }
  return best;
}

function obstacleOf(candidate: Candidate, session: SessionFacts): ByteClass {
  const exclusion = exclude(candidate, session);
  if (exclusion === undefined) return candidate.quality.probeShare < 1 ? 'health' : 'admission';
  return CLASS_OF_EXCLUSION[exclusion.code];
}
