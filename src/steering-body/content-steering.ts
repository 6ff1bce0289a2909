import { ORIGIN_ID, ORIGIN_RETRY_ID } from '../contracts/ids.ts';
import type { ContentSteering, PathwayClone } from '../contracts/steering-answer.ts';

/**
 * The one body that HLS and DASH players take.
 *
 * Every player stumbles over something else: hls.js ends steering after one 429, video.js loops when its first answer
 * fails, dash.js never asks again. What all of them take is 200, a number as TTL, an absolute RELOAD-URI and at least
 * two pathways; so that is what leaves here, whatever is missing. The manifest declares the pathways; clones come only
 * where an operator wants them (`pathway-clones.ts`). Steering words its answers so, and an appliance that answers for
 * its site while steering is away.
 */
const MIN_TTL_SEC = 5;
const MAX_TTL_SEC = 3600;
/** Of answers without a decision: long, because whatever is missing is not back in a second. */
export const STATIC_TTL_SEC = 135;

export interface SteeringBody {
  /** Ids of appliances, best first, without the origin. */
  readonly applianceIds: readonly string[];
  readonly reloadUri: string;
  readonly ttlSec: number;
  /** In [0, 1): spreads the clients' next requests over a tenth of the TTL to either side. */
  readonly jitter: number;
  readonly clones?: readonly PathwayClone[];
}

export function contentSteering({
  applianceIds,
  reloadUri,
  ttlSec,
  jitter,
  clones = [],
}: SteeringBody): ContentSteering {
  return {
    VERSION: 1,
    TTL: jitteredTtlSec(ttlSec, jitter),
    'RELOAD-URI': reloadUri,
    'PATHWAY-PRIORITY': pathwayPriority(applianceIds),
    ...(clones.length === 0 ? {} : { 'PATHWAY-CLONES': [...clones] }),
  };
}

/** Appliances, then the origin. hls.js fails over only when there are two, so alone the origin has a second name. */
function pathwayPriority(applianceIds: readonly string[]): string[] {
  return applianceIds.length === 0 ? [ORIGIN_RETRY_ID, ORIGIN_ID] : [...applianceIds, ORIGIN_ID];
}

export function jitteredTtlSec(ttlSec: number, jitter: number): number {
  const spread = Math.round(ttlSec * (0.9 + 0.2 * jitter));
  return Math.min(MAX_TTL_SEC, Math.max(MIN_TTL_SEC, spread));
}
