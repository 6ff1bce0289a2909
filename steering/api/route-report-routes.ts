import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { SignatureGuard } from '../../src/server/signature-guard.ts';
import type { SteeringMetrics } from '../metrics.ts';
import { RESERVED_IDS } from '../ranking/candidate.ts';
import type { TakeOutcome } from '../routing/reports/report-messages.ts';

export interface RouteReportApi {
  readonly guard: SignatureGuard;
  readonly metrics: SteeringMetrics;
  readonly maxReportedRoutes: number;
  /** @throws OperationalError OVERLOADED */
  readonly takeRouteReport: (body: Uint8Array, senderId: string | undefined) => Promise<TakeOutcome>;
}

/** A million routes of 60 characters. */
const ROUTES_LIMIT_BYTES = 64 * 2 ** 20;

/**
 * `POST /v1/routes`: what the ISP announces to an appliance, signed by it. The body stays bytes here: a table of a
 * hundred thousand routes would hold up players while it is parsed, so that is done where the reports are.
 */
export function addRouteReportRoute(server: JsonServer, api: RouteReportApi): void {
  server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(/^application\/json(?:;|$)/, { parseAs: 'buffer' }, (request, body, parsed) => {
      request.rawBody = Buffer.isBuffer(body) ? body : Buffer.from(body);
      parsed(null, undefined);
    });
    addRoute(scope, api);
    done();
  });
}

function addRoute(server: JsonServer, api: RouteReportApi): void {
  const options = { bodyLimit: ROUTES_LIMIT_BYTES, onRequest: api.guard.beforeBody };
  server.post('/v1/routes', options, async (request, reply) => {
    const sender = api.guard(request, reply, ['appliance']);
    if (sender === 'refused') return reply;
    const outcome = await api.takeRouteReport(request.rawBody, sender?.id);
    api.metrics.routeReports.inc({ outcome: outcome.kind });
    switch (outcome.kind) {
      case 'malformed':
        return sendProblem(reply, 400, 'CONTRACT', outcome.says);
      case 'not-yours':
        return RESERVED_IDS.has(outcome.applianceId)
          ? sendProblem(reply, 403, 'RESERVED_ID', `'${outcome.applianceId}' means the origin: no appliance's id`)
          : sendProblem(reply, 403, 'NOT_YOURS', `${sender?.id ?? 'nobody'} may not speak for ${outcome.applianceId}`);
      case 'too-many':
        return sendProblem(
          reply,
          413,
          'TOO_MANY_ROUTES',
          `${outcome.routes} prefixes, and at most ${api.maxReportedRoutes} are taken (maxReportedRoutes): the report before stays`,
        );
      default:
        return reply.code(204).send();
    }
  });
}
