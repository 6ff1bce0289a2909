import type { IncomingHttpHeaders } from 'node:http';
import type { CohortSeat } from '../policy/cohort-of.ts';
import type { QueryLookup } from '../policy/device-rules.ts';
import type { DeviceRule } from '../policy/policy.ts';
import type { PolicyFacts } from '../ranking/policy-facts.ts';
import type { WorkClass } from './shed/work-class.ts';

/** A question of a player on its way through the filters, and what they have found out so far. */
export interface EdgeQuestion {
  readonly work: WorkClass;
  readonly sessionId: string;
  readonly titleId: string;
  /** As on the request line. */
  readonly target: string;
  readonly query: QueryLookup;
  readonly socketAddress: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Empty until the first filter has found it. */
  readonly clientAddress: string;
  /** The rule for its device, where there is one. */
  readonly device: DeviceRule | undefined;
  /** The cohort or control that its session is in. */
  readonly seat: CohortSeat | undefined;
  readonly policy: PolicyFacts;
}

/**
 * Why a question gets no ranking. Each is answered with 200, the static order and a long TTL where players ask; manifests
 * and places are refused for a bad token.
 */
export type EdgeVerdict = 'address-busy' | 'service-busy' | 'bad-token';

export interface EdgeFilter {
  readonly name: string;
  /** For the operator: what it does, in one sentence. */
  readonly does: string;
  /** Whether it is also asked after a verdict: what shapes an answer shapes the static one too. */
  readonly shapes: boolean;
  /** The question with what was found out, the same one where there is nothing to add, or the verdict. */
  readonly apply: (question: EdgeQuestion) => EdgeQuestion | EdgeVerdict;
}
