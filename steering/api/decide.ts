import type { QueryFields } from '../../src/http/query-fields.ts';
import type { JsonReply } from '../../src/server/json-server.ts';
import { sendProblem } from '../../src/server/json-server.ts';
import type { Decision } from '../answer/decision.ts';
import { type ClientPlace, locateClient } from '../answer/locate-client.ts';
import { staticDecision } from '../answer/static-order.ts';
import { findTitle, type NoTitle, steer } from '../answer/steer.ts';
import type { SteeringState } from '../answer/steering-state.ts';
import type { AnswerShape } from '../decision-log/logged-decision.ts';
import { type DeviceShape, shapeFor } from '../edge/answer-shape.ts';
import type { EdgeVerdict } from '../edge/edge-question.ts';
import type { WorkClass } from '../edge/shed/work-class.ts';
import { nominalBitsPerSec } from '../fleet/admission/nominal-bitrate.ts';
import type { PlayerRequest, PublicApi } from './public-api.ts';

export interface Question {
  readonly titleId: string;
  readonly sessionId: string;
  readonly shape: AnswerShape;
  readonly request: PlayerRequest;
  readonly query: QueryFields;
  /** Where the player says that it plays. */
  readonly playing?: readonly string[];
  /** What its manifest declared, where that is known. */
  readonly declared?: readonly string[] | undefined;
}

/** What there was no decision for: nobody knows the title, or there is too much to do. */
export type Undecided = NoTitle | EdgeVerdict;

/** What has no answer but a refusal, where an answer needs a title. */
export type Unanswered = NoTitle | 'bad-token';

export interface Outcome {
  /** Names this outcome for whoever asks later. */
  readonly id: string;
  readonly decision: Decision | Undecided;
  readonly state: SteeringState;
  readonly address: string;
  /** What kind of answer the device can take. */
  readonly device: DeviceShape;
}

/** The one way from a request to a decision, whatever its answer will look like; counts what came of it. */
export function tryToDecide(
  { titleId, sessionId, shape, request, query, declared, playing = [] }: Question,
  api: PublicApi,
): Outcome {
  const { metrics, world } = api;
  const work = workOf(shape, playing);
  const { question, verdict } = api.edge.pass({ work, titleId, sessionId, query, request });
  const { clientAddress, policy } = question;
  const device = shapeFor(query, question.device);
  const outcome = { id: api.decisionIds.next(), state: api.state(), address: clientAddress, device };
  if (verdict !== undefined) {
    metrics.staticAnswers.inc({ because: verdict });
    return { ...outcome, decision: verdict };
  }
  const startMs = world.clock.monotonicMs();
  // Whoever does not say yet where he plays plays where his manifest told him to begin.
  const where = playing.length > 0 ? playing : (declared?.slice(0, 1) ?? []);
  const decision = steer({ titleId, sessionId, clientAddress, policy, playing: where, declared }, outcome.state);
  metrics.decisionSeconds.observe((world.clock.monotonicMs() - startMs) / 1000);
  if (typeof decision === 'string') metrics.staticAnswers.inc({ because: decision });
  else {
    const first = firstUsable(decision, api.usesClones && device.mayHaveClones ? undefined : declared);
    const isPlaying = first !== undefined && playing.includes(first.id);
    if (api.counts(clientAddress, isPlaying)) {
      api.demand.note(decision.client, nominalBitsPerSec(decision.title));
      if (first !== undefined) api.placeSession(sessionId, first.id, decision.title, isPlaying);
    }
    metrics.decisions.inc({ first: firstKind(decision) });
    for (const { code } of decision.excluded) metrics.exclusions.inc({ code });
    api.records.note({
      id: outcome.id,
      shape,
      titleId: decision.title.id,
      sessionId,
      decision,
      state: outcome.state,
      first,
      playing,
    });
  }
  return { ...outcome, decision: typeof decision === 'string' ? decision : withAtMost(device, decision) };
}

/**
 * Where the player will go: without clones it can use only what its manifest declared, be that behind the best places or
 * behind all of them (`keepDeclared`). undefined: to the origin.
 */
function firstUsable(
  { appliances, excluded, basis }: Decision,
  declared: readonly string[] | undefined,
): { readonly id: string; readonly siteId: string } | undefined {
  if (declared === undefined) return appliances[0];
  const ranked = appliances.find(({ id }) => declared.includes(id));
  if (ranked !== undefined) return ranked;
  const mayServe = (id: string): boolean => declared.includes(id) && excluded.every((other) => other.id !== id);
  return basis?.candidates.find(({ member }) => mayServe(member.id))?.member;
}

/** What is asked for, by how much depends on it. */
function workOf(shape: AnswerShape, playing: readonly string[]): WorkClass {
  if (shape === 'manifest') return 'first';
  if (shape === 'json' || shape === 'redirect') return 'ask';
  return playing.length === 0 ? 'first' : 'running';
}

const withAtMost = ({ maxAppliances }: DeviceShape, decision: Decision): Decision =>
  decision.appliances.length <= maxAppliances
    ? decision
    : { ...decision, appliances: decision.appliances.slice(0, maxAppliances) };

/** For answers that need a title: under too much load they are made from the static order. */
export function decide(
  question: Question,
  api: PublicApi,
): {
  readonly id: string;
  readonly decision: Decision | Unanswered;
  readonly state: SteeringState;
  readonly device: DeviceShape;
} {
  const { id, decision, state, address, device } = tryToDecide(question, api);
  /** Its URLs carry a token, where they are signed. */
  const signed = (unsigned: Decision): Decision => api.tokens?.sign(unsigned, question.sessionId) ?? unsigned;
  if (decision !== 'address-busy' && decision !== 'service-busy')
    return { id, decision: typeof decision === 'string' ? decision : signed(decision), state, device };
  const title = findTitle(question.titleId, state);
  if (typeof title === 'string') return { id, decision: title, state, device };
  const client: ClientPlace = locateClient(address, state.routes);
  const asked = { title, sessionId: question.sessionId, client };
  const unranked = withAtMost(device, staticDecision(asked, state, SHED_WORDS[decision]));
  return { id, decision: signed(unranked), state, device };
}

const SHED_WORDS = {
  'address-busy': 'too many requests from this address to rank each of them',
  'service-busy': 'too many requests to rank each of them',
} as const;

/** The answer where a title is needed and not known. */
export function sendNoTitle(reply: JsonReply, why: Unanswered, wanted: string): JsonReply {
  if (why === 'bad-token')
    return sendProblem(reply, 403, 'TOKEN', 'this needs a token of the content provider, and a good one');
  if (why === 'no-catalogue') {
    const detail = 'the planner has not given a catalogue yet';
    return sendProblem(reply.header('retry-after', '5'), 503, 'NO_CATALOGUE', detail);
  }
  return sendProblem(reply, 404, 'UNKNOWN_TITLE', `no ${wanted} in the catalogue`);
}

function firstKind(decision: Decision): string {
  const first = decision.appliances[0];
  if (first === undefined) return 'origin';
  return first.score?.inSite === true ? 'appliance-in-site' : 'appliance-elsewhere';
}
