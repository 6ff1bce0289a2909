import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Edge } from '../edge/edge.ts';
import { checkPolicy } from '../policy/check-policy.ts';
import type { CohortReport } from '../policy/policy-keeper.ts';
import { formatPrefix } from '../routing/ip-address.ts';

const rollBackSchema = z.object({ cohort: z.string().min(1).max(64), because: z.string().max(200).default('by hand') });

/** For operators: `GET /v1/edge`, `GET /v1/policy`, and `POST /v1/policy/roll-back` for one cohort, which is for good. */
export function addPolicyRoutes(adminServer: JsonServer, edge: Edge): void {
  adminServer.get('/v1/edge', () => edge.report());

  adminServer.get('/v1/policy', () => {
    const { policy } = edge.policy;
    return {
      version: policy.version,
      changes: edge.policy.changes,
      everybody: policy.everybody,
      devices: policy.devices.map((rule) => ({ ...rule, query: Object.fromEntries(rule.query) })),
      cohorts: edge.policy.reports().map(describe),
      warnings: checkPolicy(policy),
    };
  });

  adminServer.post('/v1/policy/roll-back', (request, reply) => {
    const { cohort, because } = parseContract('roll-back', rollBackSchema, request.body);
    if (!edge.policy.rollBack(cohort, because))
      return sendProblem(reply, 404, 'UNKNOWN_COHORT', `the policy in use has no cohort '${cohort}'`);
    return edge.policy
      .reports()
      .filter((report) => report.cohort.name === cohort)
      .map(describe);
  });
}

const describe = ({ cohort: { prefixes, ...cohort }, rollBack, outcomes }: CohortReport) => ({
  ...cohort,
  prefixes: prefixes.map(formatPrefix),
  rolledBack: rollBack,
  outcomes,
});
