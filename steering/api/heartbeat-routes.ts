import { type Heartbeat, type HeartbeatAnswer, parseHeartbeat } from '../../src/contracts/heartbeat.ts';
import { type JsonReply, type JsonRequest, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Sender, SignatureGuard } from '../../src/server/signature-guard.ts';
import type { SteeringMetrics } from '../metrics.ts';
import { RESERVED_IDS } from '../ranking/candidate.ts';
import type { UrlTokens } from '../tokens/url-tokens.ts';

export interface FleetApi {
  readonly guard: SignatureGuard;
  readonly metrics: SteeringMetrics;
  readonly leaseMs: number;
  /** Whether there is time for one more heartbeat. */
  readonly admitHeartbeat: () => boolean;
  /** false when the fleet is full. */
  readonly takeHeartbeat: (heartbeat: Heartbeat) => boolean;
  /** undefined where URLs are not signed. */
  readonly tokens: UrlTokens | undefined;
  readonly nowMs: () => number;
}

/** `POST /v1/heartbeat`: what appliances tell of themselves, signed by them. */
export function addFleetRoutes(server: JsonServer, api: FleetApi): void {
  // Asked behind the guard: whoever is not enrolled must not use up what appliances may send.
  const shed = (_request: JsonRequest, reply: JsonReply, done: () => void): void => {
    if (api.admitHeartbeat()) done();
    else {
      api.metrics.heartbeats.inc({ outcome: 'shed' });
      sendProblem(reply.header('retry-after', '1'), 503, 'OVERLOADED', 'too much to do: send the next one in time');
    }
  };
  server.post('/v1/heartbeat', { onRequest: [api.guard.beforeBody, shed] }, (request, reply) => {
    const sender = api.guard(request, reply, ['appliance']);
    if (sender === 'refused') return reply;
    const heartbeat = parseHeartbeat(request.body);
    if (!speaksForItself(sender, heartbeat.applianceId, reply)) return reply;
    if (!api.takeHeartbeat(heartbeat))
      return sendProblem(reply, 503, 'FLEET_FULL', 'steering knows as many appliances as it can');
    const { tokens } = api;
    const answer: HeartbeatAnswer = {
      version: 1,
      leaseMs: api.leaseMs,
      tokenKeys: tokens?.mint.publicKeys() ?? [],
      ...(tokens === undefined ? {} : { grant: tokens.mint.grantFor(heartbeat.applianceId) }),
      answeredAtMs: api.nowMs(),
    };
    return answer;
  });
}

/** An appliance speaks for itself only, and not under a name that stands for the origin. */
export function speaksForItself(sender: Sender, applianceId: string, reply: JsonReply): boolean {
  if (RESERVED_IDS.has(applianceId)) {
    sendProblem(reply, 403, 'RESERVED_ID', `'${applianceId}' means the origin and cannot be an appliance's id`);
    return false;
  }
  if (sender === undefined || sender.id === applianceId) return true;
  sendProblem(reply, 403, 'NOT_YOURS', `${sender.id} may not speak for ${applianceId}`);
  return false;
}
