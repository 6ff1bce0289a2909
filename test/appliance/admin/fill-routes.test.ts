import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addFillRoutes, type FillActions } from '../../../appliance/admin/fill-routes.ts';
import { createJsonServer, type JsonServer } from '../../../src/server/json-server.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

describe('planned fill on the admin listener', () => {
  let server: JsonServer;
  let orders: (string | number)[];
  let hasRate: boolean;
  let fill: FillActions | undefined;

  beforeEach(() => {
    orders = [];
    hasRate = true;
    fill = {
      hours: {
        pause: (forMs) => void orders.push('pause', forMs),
        resume: () => void orders.push('resume'),
        fillNow: (forMs) => {
          orders.push('now', forMs);
          return hasRate;
        },
      },
      status: () => ({ state: 'waiting' }) as ReturnType<FillActions['status']>,
    };
    server = createJsonServer({ logger: silentLogger, bodyLimitBytes: 1000 });
    addFillRoutes(server, () => fill, silentLogger);
  });
  afterEach(() => server.close());

  const post = async (verb: string, body: object = {}): Promise<number> =>
    (await server.inject({ method: 'POST', url: `/v1/fill/${verb}`, payload: body })).statusCode;

  it('tells how far it is, and takes orders', async () => {
    expect((await server.inject('/v1/fill')).json()).toEqual({ state: 'waiting' });
    expect(await post('pause', { forMs: 3_600_000 })).toBe(200);
    expect(await post('now', { forMs: 60_000 })).toBe(200);
    expect(await post('resume')).toBe(200);
    expect(orders).toEqual(['pause', 3_600_000, 'now', 60_000, 'resume']);
  });

  it.each([{}, { forMs: 0 }, { forMs: 59_999 }, { forMs: 8 * 86_400_000 }, { forMs: '1h' }])(
    'refuses an order that never ends or is none: %j',
    async (body) => {
      expect([await post('pause', body), await post('now', body)]).toEqual([400, 400]);
      expect(orders).toEqual([]);
    },
  );

  it('says when there is no rate to fill by, and when there is no planner', async () => {
    hasRate = false;
    expect(await post('now', { forMs: 60_000 })).toBe(409);
    fill = undefined;
    expect((await server.inject('/v1/fill')).statusCode).toBe(404);
    expect(await post('pause', { forMs: 60_000 })).toBe(404);
  });
});
