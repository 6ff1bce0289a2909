import type { JsonServer } from '../../src/server/json-server.ts';
import type { SiteFlow } from '../flow/site-flow.ts';

/** `GET /v1/flow` for operators: the last round of the shares of sites, with what each site is planned to give. */
export function addFlowRoute(adminServer: JsonServer, flow: Pick<SiteFlow, 'report'>): void {
  adminServer.get('/v1/flow', () => flow.report());
}
