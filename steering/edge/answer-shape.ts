import type { QueryLookup } from '../policy/device-rules.ts';
import type { DeviceRule } from '../policy/policy.ts';

/** What kind of answer a player can take. */
export interface DeviceShape {
  /** A manifest with the best place alone and without steering. */
  readonly isSingle: boolean;
  /** HLS: the steering server by its URL instead of the first answer as `data:`. */
  readonly byUrl: boolean;
  /** Most appliances named beside the origin. */
  readonly maxAppliances: number;
  readonly mayHaveClones: boolean;
  readonly ttlFactor: number;
}

/** As many as a ranking gives. */
const MOST_APPLIANCES = 7;

/** A player's own wish (`pathways=1`, `steering=url`), and behind it the operator's rule for its device. */
export function shapeFor(query: QueryLookup, device: DeviceRule | undefined): DeviceShape {
  const { maxPathways, steering, clones, ttlFactor } = device?.answer ?? {};
  const wished = query.get('steering');
  return {
    isSingle: query.get('pathways') === '1' || maxPathways === 1 || steering === 'none',
    byUrl: wished === 'url' || (wished !== 'data' && steering === 'url'),
    maxAppliances: maxPathways ?? MOST_APPLIANCES,
    mayHaveClones: clones ?? true,
    ttlFactor: ttlFactor ?? 1,
  };
}
