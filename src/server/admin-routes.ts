import { type Parameter, textListParameter } from '../config/parameter.ts';
import type { Health } from '../lifecycle/health.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { isOperatorHost } from './admin-host.ts';
import { type JsonRequest, type JsonServer, sendProblem } from './json-server.ts';

/**
 * What every admin listener has: `/healthz` (the process turns), `/readyz` (it can do its work; 503 with reasons when
 * not) and `/metrics`.
 *
 * There is no password here, because who reaches the listener is an operator. A web page that an operator's browser has
 * open reaches it too, and can post without a body wherever it likes, so what a browser sends for another site's page
 * is refused, and what comes by a name that a stranger's name server may have made up (admin-host.ts). Answers carry no
 * CORS fields, so no other page can read one.
 * @param hosts names of this listener, beside addresses and names that only we can have
 */
export function addAdminRoutes(
  adminServer: JsonServer,
  health: Health,
  metrics: Metrics,
  hosts: readonly string[] = [],
): void {
  adminServer.addHook('onRequest', (request, reply, done) => {
    if (!isOperatorHost(request.headers.host, hosts))
      sendProblem(reply, 421, 'HOST_UNKNOWN', 'this listener goes by its address, or by a name of adminHosts');
    else if (isOfAnotherSite(request)) sendProblem(reply, 403, 'CROSS_SITE', 'a page of another site may not ask here');
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

/** The knob of all three services for `hosts`. */
export const adminHostsParameter = (): Parameter<readonly string[]> =>
  textListParameter(
    'NAME',
    'Names by which operators reach adminListen, where it is not its address, localhost, a name without dots or one below .internal.',
  );

/** Browsers say whose page a request is of (Fetch Metadata) and, where it may change something, its origin. */
function isOfAnotherSite({ headers }: JsonRequest): boolean {
  const { origin, host = '', 'sec-fetch-site': site } = headers;
  if (site === 'cross-site' || site === 'same-site') return true;
  // The scheme may be that of a proxy in front.
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);
}
