import { type Decision, placesOf } from '../answer/decision.ts';
import { ORIGIN_ID, ORIGIN_RETRY_ID } from '../ranking/candidate.ts';
import type { UrlSignature } from '../tokens/url-signature.ts';

/** One way to the files of a title: what HLS calls a pathway and DASH a service location. */
export interface Pathway {
  readonly id: string;
  readonly baseUrl: string;
  /** Goes into every path below it. */
  readonly signature?: UrlSignature | undefined;
}

/** A player can use only what its manifest declared, so it gets three to choose from beside the origin. */
const DECLARED_APPLIANCES = 3;

/** The pathways that a manifest declares: best first, the origin last, never fewer than two. */
export function declaredPathways(decision: Decision): Pathway[] {
  const places = placesOf(decision);
  const appliances = places.filter(({ kind }) => kind === 'appliance').slice(0, DECLARED_APPLIANCES);
  const origin = toPathway(decision, { id: ORIGIN_ID, kind: 'origin', baseUrl: decision.title.originUrl });
  // Players fail over only where two are declared; alone, the origin is asked again under a second name.
  if (appliances.length === 0) return [{ ...origin, id: ORIGIN_RETRY_ID }, origin];
  return [...appliances.map((place) => toPathway(decision, place)), origin];
}

/** The best place alone, for clients without content steering. */
export function singlePathway(decision: Decision): Pathway {
  const origin = { id: ORIGIN_ID, kind: 'origin', baseUrl: decision.title.originUrl } as const;
  return toPathway(decision, placesOf(decision)[0] ?? origin);
}

function toPathway(
  { signature }: Decision,
  { id, kind, baseUrl }: { readonly id: string; readonly kind: 'appliance' | 'origin'; readonly baseUrl: string },
): Pathway {
  const isSigned = signature !== undefined && (kind === 'appliance' || signature.originToo);
  return isSigned ? { id, baseUrl, signature } : { id, baseUrl };
}
