import type { PolicyFacts } from './policy-facts.ts';

/** Everything one decision may know of a session: plain data, so that it can be logged and ranked again. */
export interface SessionFacts {
  readonly sessionId: string;
  readonly titleId: string;
  /** The session's own number in (0, 1), the same for the same id everywhere: what spreads sessions comes from it. */
  readonly unit: number;
  /** Site of the client by its route, AS or country; undefined where nothing places it. */
  readonly siteId: string | undefined;
  /** Other sites to which the ISP announces the client's prefix, the better first. */
  readonly otherSites: readonly string[];
  /** Sites that the ISP does not want to serve this client. */
  readonly refusingSites: readonly string[];
  /** The ISP, where it is known. */
  readonly network: string | undefined;
  /** Where the flow between sites puts this session first; undefined: nearness alone decides. */
  readonly preferredSiteId: string | undefined;
  /** What the session takes at its best; 0 where nobody knows. */
  readonly nominalBitsPerSec: number;
  /** Appliances that the player says it plays from. */
  readonly playing: readonly string[];
  readonly policy: PolicyFacts;
}
