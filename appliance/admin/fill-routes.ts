import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { type JsonReply, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { FillHours } from '../fill/pace/fill-hours.ts';
import type { FillStatus } from '../fill/pace/fill-status.ts';

export interface FillActions {
  readonly hours: Pick<FillHours, 'pause' | 'resume' | 'fillNow'>;
  status(): FillStatus;
}

const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 86_400_000;
const orderSchema = z.object({ forMs: z.number().int().min(MINUTE_MS).max(WEEK_MS) });

/**
 * Planned fill of a running appliance.
 *
 *     GET  /v1/fill            how far it is, when it will be done, who is banned
 *     POST /v1/fill/pause      {"forMs"}: fills nothing for so long; viewers' misses go on
 *     POST /v1/fill/now        {"forMs"}: opens a window here for so long, at the rate that the plan gives
 *     POST /v1/fill/resume     takes either back
 *
 * An order outlives a restart and ends by itself; the last one counts.
 */
export function addFillRoutes(server: JsonServer, planning: () => FillActions | undefined, logger: Logger): void {
  const withPlanner = (reply: JsonReply, answer: (fill: FillActions) => unknown): unknown => {
    const fill = planning();
    if (fill !== undefined) return answer(fill);
    return sendProblem(reply, 404, 'NOT_FOUND', 'this appliance has no planner: nothing is planned here');
  };
  server.get('/v1/fill', (_request, reply) => withPlanner(reply, (fill) => fill.status()));
  server.post('/v1/fill/pause', (request, reply) =>
    withPlanner(reply, (fill) => {
      const { forMs } = parseContract('pause of planned fill', orderSchema, request.body);
      fill.hours.pause(forMs);
      logger.info({ forMs }, 'planned fill: paused by the operator');
      return fill.status();
    }),
  );
  server.post('/v1/fill/now', (request, reply) =>
    withPlanner(reply, (fill) => {
      const { forMs } = parseContract('fill now', orderSchema, request.body);
      if (!fill.hours.fillNow(forMs)) {
        return sendProblem(reply, 409, 'CONFLICT', 'no plan gives this appliance a rate to fill by');
      }
      logger.info({ forMs }, 'planned fill: a window is opened by the operator');
      return fill.status();
    }),
  );
  server.post('/v1/fill/resume', (_request, reply) =>
    withPlanner(reply, (fill) => {
      fill.hours.resume();
      logger.info({}, "planned fill: the operator's order is taken back");
      return fill.status();
    }),
  );
}
