import type { Health } from '../lifecycle/health.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { JsonServer } from './json-server.ts';

/**
 * What every admin listener has: `/healthz` (the process turns), `/readyz` (it can do its work; 503 with reasons when
 * not) and `/metrics`.
 */
export function addAdminRoutes(adminServer: JsonServer, health: Health, metrics: Metrics): void {
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
