import type { Health } from '../lifecycle/health.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type JsonRequest, type JsonServer, sendProblem } from './json-server.ts';

/**
 * What every admin listener has: `/healthz` (the process turns), `/readyz` (it can do its work; 503 with reasons when
 * not) and `/metrics`.
 *
 * There is no password here, because who reaches the listener is an operator. A web page that an operator's browser has
 * open reaches it too, and can post without a body wherever it likes, so what a browser sends for another site's page
 * is refused.
 */
export function addAdminRoutes(adminServer: JsonServer, health: Health, metrics: Metrics): void {
  adminServer.addHook('onRequest', (request, reply, done) => {
    if (isOfAnotherSite(request)) sendProblem(reply, 403, 'CROSS_SITE', 'a page of another site may not ask here');
    else done();
  });
  adminServer.get('/healthz', () => ({ status: 'ok' }));
  adminServer.get('/readyz', (_request, reply) => {
    reply.code(health.ready ? 200 : 503);
    return { status: health.ready ? 'ready' : 'not ready', reasons: health.reasons() };
  });
  adminServer.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType);
    return metrics.expose();
  });
}

/** Browsers say whose page a request is of (Fetch Metadata) and, where it may change something, its origin. */
function isOfAnotherSite({ headers }: JsonRequest): boolean {
  const { origin, host = '', 'sec-fetch-site': site } = headers;
  if (site === 'cross-site' || site === 'same-site') return true;
  // The scheme may be that of a proxy in front.
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);
}
