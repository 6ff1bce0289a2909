import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { RankedPlace, SteeringAnswer } from '../../src/contracts/steering-answer.ts';
import { type Candidate, ORIGIN_ID } from '../ranking/candidate.ts';
import type { Exclusion } from '../ranking/exclude.ts';
import type { Decider } from '../ranking/place-words.ts';
import type { Score } from '../ranking/score.ts';
import type { SessionFacts } from '../ranking/session-facts.ts';
import { type AnswerSignature, signPath } from '../tokens/url-signature.ts';
import type { ClientPlace } from './locate-client.ts';

/** An appliance that a player is given, with the reasons for its place. */
export interface PlacedAppliance {
  readonly id: string;
  readonly siteId: string;
  readonly baseUrl: string;
  readonly reasons: readonly string[];
  /** What the place was decided by; undefined when it was not (static order). */
  readonly score: Score | undefined;
  /** The rule that put it behind the place before it. */
  readonly decidedBy?: Decider | undefined;
}

/** What a ranking is a function of. */
export interface DecisionBasis {
  readonly candidates: readonly Candidate[];
  readonly session: SessionFacts;
}

/** One decision for one title, before it is worded for a kind of player. */
export interface Decision {
  readonly title: CatalogueTitle;
  readonly client: ClientPlace;
  /** Best first, at most seven; the origin follows them in every answer. */
  readonly appliances: readonly PlacedAppliance[];
  readonly excluded: readonly Exclusion[];
  /** What was missing for a full decision, in words. */
  readonly degraded: string | undefined;
  /** Everything that the ranking knew; undefined where nothing was ranked. */
  readonly basis?: DecisionBasis;
  /** The token that stands in the URLs of this answer, where they are signed. */
  readonly signature?: AnswerSignature | undefined;
}

/** All places: the appliances, and the origin as the last. */
export function placesOf({ title, appliances, signature }: Decision): RankedPlace[] {
  const places: RankedPlace[] = appliances.map(({ id, siteId, baseUrl, reasons }, index) => ({
    place: index + 1,
    id,
    kind: 'appliance',
    baseUrl,
    ...signedPrefix(baseUrl, signature),
    siteId,
    reasons: [...reasons],
  }));
  const reason =
    places.length === 0 ? 'no appliance can serve this title now' : "last resort: the provider's own store";
  return [
    ...places,
    {
      place: places.length + 1,
      id: ORIGIN_ID,
      kind: 'origin',
      baseUrl: title.originUrl,
      ...signedPrefix(title.originUrl, signature, { signed: signature?.originToo === true }),
      reasons: [reason],
    },
  ];
}

/** The URL of a file of the title at one of its places. @param path as it stands in a URL */
export function fileUrl({ signature }: Decision, { kind, baseUrl }: RankedPlace, path: string): string {
  const isSigned = signature !== undefined && (kind === 'appliance' || signature.originToo);
  return baseUrl + (isSigned ? signPath(path, signature) : path);
}

/** What stands in a signed URL up to and with the title's folder; a place whose URLs are not signed has it unsigned. */
function signedPrefix(
  baseUrl: string,
  signature: AnswerSignature | undefined,
  { signed }: { readonly signed: boolean } = { signed: true },
): { readonly urlPrefix?: string } {
  if (signature === undefined) return {};
  const folder = `${signature.folder}/`;
  return { urlPrefix: baseUrl + (signed ? signPath(folder, signature) : folder) };
}

/** Players wait for this answer; operators are told of all by `explain`. */
const MAX_EXCLUDED_TOLD = 16;

/** The decision as `GET /v1/steer` answers it. */
export function toAnswer(
  decision: Decision,
  moment: {
    readonly decisionId: string;
    readonly sessionId: string;
    readonly nowMs: number;
    readonly ttlSec: number;
    readonly versions: NonNullable<SteeringAnswer['versions']>;
  },
): SteeringAnswer {
  const { client, excluded, degraded, signature } = decision;
  return {
    version: 1,
    decisionId: moment.decisionId,
    sessionId: moment.sessionId,
    title: decision.title.id,
    decidedAtMs: moment.nowMs,
    ttlSec: moment.ttlSec,
    client: {
      evidence: client.evidence,
      ...(client.prefix === undefined ? {} : { prefix: client.prefix }),
      ...(client.siteId === undefined ? {} : { siteId: client.siteId }),
    },
    ...(signature === undefined ? {} : { pathPrefix: `${signature.folder}/` }),
    ranked: placesOf(decision),
    excluded: excluded.slice(0, MAX_EXCLUDED_TOLD).map(({ id, reason }) => ({ id, reason })),
    versions: { ...moment.versions },
    ...(degraded === undefined ? {} : { degraded }),
  };
}
