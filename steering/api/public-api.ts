import type { IncomingMessage } from 'node:http';
import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { QueryFields } from '../../src/http/query-fields.ts';
import type { JsonReply, JsonServer } from '../../src/server/json-server.ts';
import type { World } from '../../src/world/world.ts';
import type { DecisionRecords } from '../accounting/decision-records.ts';
import type { SteeringState } from '../answer/steering-state.ts';
import type { DecisionIds } from '../decision-log/decision-ids.ts';
import type { DeviceShape } from '../edge/answer-shape.ts';
import type { Edge } from '../edge/edge.ts';
import type { DemandLedger } from '../flow/demand-ledger.ts';
import type { SteeringMetrics } from '../metrics.ts';
import type { UrlTokens } from '../tokens/url-tokens.ts';

/** What every route for players works with. */
export interface PublicApi {
  readonly world: World;
  readonly metrics: SteeringMetrics;
  readonly edge: Pick<Edge, 'pass' | 'addressOf' | 'ttlFactor'>;
  readonly ttlSec: number;
  /** Where what viewers take is counted. */
  readonly demand: Pick<DemandLedger, 'note'>;
  /** Whether answers bring appliances that the manifest did not declare. */
  readonly usesClones: boolean;
  readonly decisionIds: DecisionIds;
  /** What stays of a decision when it is made. */
  readonly records: Pick<DecisionRecords, 'note'>;
  state(): SteeringState;
  /** Whether one more answer to this address counts as demand, and as load to come where it is not played already. */
  readonly counts: (clientAddress: string, isPlaying: boolean) => boolean;
  /** Counts a session that begins at an appliance, see PlacedSessions. */
  placeSession(sessionId: string, applianceId: string, title: CatalogueTitle, isPlaying: boolean): void;
  /** Base of the URLs that lead back to us, without trailing slash. */
  publicUrl(): string;
  /** Signs the URLs of answers; undefined where they are not signed. */
  readonly tokens?: UrlTokens | undefined;
}

/** As much of a request as a decision needs: the router's has it, and so has the one that Node gives. */
export type PlayerRequest = Pick<IncomingMessage, 'url' | 'headers' | 'socket'>;

const SESSION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const SESSION_BYTES = 12;
/** A player's report fits in a hundredth; anything longer is not read at all. */
const MAX_QUERY_CHARS = 8192;

/** The query of a request; empty when it is absurdly long. Never throws: unlike paths, queries may hold anything. */
export function queryOf(request: Pick<PlayerRequest, 'url'>): QueryFields {
  const url = request.url ?? '';
  const at = url.indexOf('?');
  return new QueryFields(at === -1 || url.length - at > MAX_QUERY_CHARS ? '' : url.slice(at + 1));
}

export const addressOf = (request: PlayerRequest, api: PublicApi): string => api.edge.addressOf(request);

/** How long an answer holds: longer for devices of which the policy says so, and for all while there is too much to do. */
export const ttlSecFor = (device: DeviceShape, api: PublicApi): number =>
  api.ttlSec * device.ttlFactor * api.edge.ttlFactor();

/**
 * The session a client belongs to, or a new one: opaque, random, and nobody's secret. Whoever keeps it keeps a copy of
 * it (`ownText`): it is cut out of the request.
 */
export function sessionOf(given: string | undefined | null, api: PublicApi): string {
  return typeof given === 'string' && SESSION_ID.test(given)
    ? given
    : api.world.random.bytes(SESSION_BYTES).toString('base64url');
}

/** What browsers' players need on every answer, errors included: otherwise they cannot read not even the status. */
export const CROSS_ORIGIN_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Retry-After, Date, Server-Timing, CMSD-Static, CMSD-Dynamic, Cache-Status',
  'timing-allow-origin': '*',
};

const PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, HEAD, POST',
  'access-control-allow-headers': 'Content-Type, CMCD-Request, CMCD-Object, CMCD-Status, CMCD-Session',
  'access-control-max-age': '86400',
};

/** CORS on everything that the server answers, and the preflight. */
export function addCrossOrigin(server: JsonServer): void {
  server.addHook('onRequest', (_request, reply, done) => {
    reply.headers(CROSS_ORIGIN_HEADERS);
    done();
  });
  server.options('/*', (_request, reply) => reply.code(204).headers(PREFLIGHT_HEADERS).send());
}

/**
 * How long it took, and the name of the decision in the operator's log: in the one header for such things that pages of
 * other origins may read (W3C Server Timing), so that all five shapes of an answer carry it alike.
 */
export const timed = (reply: JsonReply, startMs: number, decisionId: string, api: PublicApi): JsonReply =>
  reply.header('server-timing', timing(startMs, decisionId, api));

export const timing = (startMs: number, decisionId: string, { world }: PublicApi): string =>
  `rank;dur=${(world.clock.monotonicMs() - startMs).toFixed(2)}, decision;desc="${decisionId}"`;

/** Answers are for one client at one moment (RFC 8216bis-22 section 7.4). */
export const neverStored = (reply: JsonReply): JsonReply => reply.header('cache-control', NEVER_STORED);
export const NEVER_STORED = 'no-store';
