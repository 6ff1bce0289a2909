import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { FleetView } from '../fleet/fleet-registry.ts';
import { rankAppliances } from '../ranking/rank-appliances.ts';
import type { Decision } from './decision.ts';
import { type AskingSession, candidateOf, sessionFacts } from './decision-facts.ts';
import { type ClientPlace, locateClient } from './locate-client.ts';
import { selectCandidates } from './select-candidates.ts';
import type { SteeringState } from './steering-state.ts';

export interface SteeringQuestion extends AskingSession {
  readonly titleId: string;
  readonly clientAddress: string;
}

/** Why there can be no decision. Neither is the client's fault. */
export type NoTitle = 'no-catalogue' | 'unknown-title';

export function findTitle(titleId: string, { catalogue }: SteeringState): CatalogueTitle | NoTitle {
  if (catalogue === undefined) return 'no-catalogue';
  return catalogue.find(titleId) ?? 'unknown-title';
}

/**
 * The life of one decision: find the title, locate the client, select candidates from the fleet, exclude and rank. The
 * origin, which ends every answer, is put behind by whoever words the answer (`decision.ts`).
 *
 * It reads things that are replaced as wholes (routes, fleet, catalogue) and changes nothing, so the same question at
 * the same state gets the same decision: here, at another replica, and in the operator's `explain`.
 */
export function steer(question: SteeringQuestion, state: SteeringState): Decision | NoTitle {
  return steerAt(question, locateClient(question.clientAddress, state.routes), state);
}

/** The decision for a client whose place is known already. */
export function steerAt(
  question: Omit<SteeringQuestion, 'clientAddress'>,
  client: ClientPlace,
  state: SteeringState,
): Decision | NoTitle {
  const title = findTitle(question.titleId, state);
  if (typeof title === 'string') return title;
  const session = sessionFacts(question, title, client, state);
  const holders = state.heldTitles.holdersOf(title.id);
  const selected = selectCandidates(state, holders, session, {
    siteCosts: client.siteCosts,
    declared: question.declared,
  });
  const candidates = selected.map((member) => candidateOf(member, holders, client, state));
  const { ranked, excluded } = rankAppliances(candidates, session);
  return {
    title,
    client,
    appliances: ranked,
    excluded,
    degraded: degradationOf(state.fleet),
    basis: { candidates, session },
  };
}

function degradationOf(fleet: FleetView): string | undefined {
  if (fleet.members.length === 0) return 'no appliance has been heard of';
  if (fleet.preserving) return 'most appliances fell silent at once: the last known fleet is kept';
  return undefined;
}
