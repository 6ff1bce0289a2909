import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { parseTarget } from '../../src/http/target-path.ts';
import type { Health } from '../../src/lifecycle/health.ts';
import { addAdminRoutes } from '../../src/server/admin-routes.ts';
import { createJsonServer, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { VolumeAdmin } from '../store/object-store.ts';
import { addFillRoutes, type FillActions } from './fill-routes.ts';
import { addPurgeRoute, type PurgeActions } from './purge-route.ts';
import { addVolumeRoutes } from './volume-routes.ts';

/** What the operator's listener asks of the appliance. */
export interface AdminActions extends PurgeActions {
  setDraining(draining: boolean): Promise<void>;
  state(): object;
  /** What is known of a key; undefined when nothing is held or planned under it. */
  explain(key: string): object | undefined;
}

export interface AdminApiOptions {
  readonly actions: AdminActions;
  readonly volumes: VolumeAdmin;
  /** Undefined without a planner. */
  readonly planning: () => FillActions | undefined;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly maxTargetChars: number;
  readonly hosts: readonly string[];
}

const MAX_BODY_BYTES = 65_536;
const explainSchema = z.object({ path: z.string().min(1) });

/** The operator's listener: health, metrics, drain, state, explain, volumes, purge. Never to be reached by viewers. */
export function createAdminApi(options: AdminApiOptions): JsonServer {
  const { actions, health, hosts, logger, maxTargetChars, metrics, planning, volumes } = options;
  const server = createJsonServer({ logger, bodyLimitBytes: MAX_BODY_BYTES });
  addAdminRoutes(server, health, metrics, hosts);
  server.get('/v1/state', () => actions.state());
  server.post('/v1/drain', async () => {
    await actions.setDraining(true);
    return actions.state();
  });
  server.post('/v1/undrain', async () => {
    await actions.setDraining(false);
    return actions.state();
  });
  server.get('/v1/explain', (request, reply) => {
    const { path } = parseContract('explain query', explainSchema, request.query);
    const target = parseTarget(path, { maxTargetChars });
    if (target.kind === 'refused') return sendProblem(reply, 400, 'REQUEST', `path: ${target.reason}`);
    const known = actions.explain(target.cacheKey);
    if (known === undefined) return sendProblem(reply, 404, 'NOT_FOUND', `nothing is held or planned of ${path}`);
    return known;
  });
  addVolumeRoutes(server, volumes, logger);
  addFillRoutes(server, planning, logger);
  addPurgeRoute(server, { actions, limits: { maxTargetChars }, logger });
  return server;
}
