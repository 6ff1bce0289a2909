import { type Heartbeat, type HeartbeatAnswer, parseHeartbeat } from '../../src/contracts/heartbeat.ts';
import { parseRouteReport, type RouteReport } from '../../src/contracts/route-report.ts';
import { type JsonReply, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Sender, SignatureGuard } from '../../src/server/signature-guard.ts';
import type { SteeringMetrics } from '../metrics.ts';
import { RESERVED_IDS } from '../ranking/candidate.ts';
import type { UrlTokens } from '../tokens/url-tokens.ts';

export interface FleetApi {
  readonly guard: SignatureGuard;
  readonly metrics: SteeringMetrics;
  readonly leaseMs: number;
  readonly maxReportedRoutes: number;
  /** false when the fleet is full. */
  readonly takeHeartbeat: (heartbeat: Heartbeat) => boolean;
  readonly takeRouteReport: (report: RouteReport) => void;
  /** undefined where URLs are not signed. */
  readonly tokens: UrlTokens | undefined;
  readonly nowMs: () => number;
}

/** A million routes of 60 characters. */
const ROUTES_LIMIT_BYTES = 64 * 2 ** 20;

/** `POST /v1/heartbeat` and `POST /v1/routes`: what appliances tell, signed by them. */
export function addFleetRoutes(server: JsonServer, api: FleetApi): void {
  server.post('/v1/heartbeat', { onRequest: api.guard.beforeBody }, (request, reply) => {
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

  server.post('/v1/routes', { bodyLimit: ROUTES_LIMIT_BYTES, onRequest: api.guard.beforeBody }, (request, reply) => {
    const sender = api.guard(request, reply, ['appliance']);
    if (sender === 'refused') return reply;
    const report = parseRouteReport(request.body);
    if (!speaksForItself(sender, report.applianceId, reply)) return reply;
    if (report.routes.length > api.maxReportedRoutes) {
      api.metrics.routeReports.inc({ outcome: 'too-many' });
      return sendProblem(
        reply,
        413,
        'TOO_MANY_ROUTES',
        `${report.routes.length} prefixes, and at most ${api.maxReportedRoutes} are taken (maxReportedRoutes): the report before stays`,
      );
    }
    api.takeRouteReport(report);
    return reply.code(204).send();
  });
}

/** An appliance speaks for itself only, and not under a name that stands for the origin. */
function speaksForItself(sender: Sender, applianceId: string, reply: JsonReply): boolean {
  if (RESERVED_IDS.has(applianceId)) {
    sendProblem(reply, 403, 'RESERVED_ID', `'${applianceId}' means the origin and cannot be an appliance's id`);
    return false;
  }
  if (sender === undefined || sender.id === applianceId) return true;
  sendProblem(reply, 403, 'NOT_YOURS', `${sender.id} may not speak for ${applianceId}`);
  return false;
}
