import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { DecisionRecords } from '../accounting/decision-records.ts';
import type { RecentSession } from '../accounting/session-ledger.ts';
import { steerAt } from '../answer/steer.ts';
import type { SteeringState } from '../answer/steering-state.ts';
import type { FleetMember, FleetView } from '../fleet/fleet-registry.ts';
import { type Scenario, whatIf } from '../what-if/what-if.ts';
import { queryOf } from './public-api.ts';

export interface ForecastApi {
  readonly records: Pick<DecisionRecords, 'accounts' | 'sessions'>;
  readonly ttlSec: number;
  readonly clock: { monotonicMs(): number };
  state(): SteeringState;
}

const MAX_MINUTES = 1440;
/** So many viewers stand for all: enough for a percent, and seconds of work. */
const MAX_VIEWERS = 20_000;
/** Who did not ask again within so many answers' lives has left. */
const TTLS = 3;
/** A forecast leaves the players their turn after so long, or a little more: making a fleet that never was takes milliseconds. */
const SLICE_MS = 2;

/** Twice a thousand names; looking through a megabyte of them takes nearly a second. */
const SCENARIO_LIMIT_BYTES = 128 * 1024;
/** More names than an operator has at hand. */
const MAX_NAMES = 1000;
const names = z.array(z.string().min(1).max(64)).max(MAX_NAMES).default([]);
const shares = z
  .record(z.string().max(64), z.number().min(0).max(100))
  .refine((record) => Object.keys(record).length <= MAX_NAMES, `at most ${MAX_NAMES} names`)
  .default({});
const scenarioSchema = z.object({
  /** Sites, clusters and appliances that take nobody. */
  drain: names,
  /** Times the present traffic. */
  surge: z.number().min(0.1).max(1000).default(1),
  /** Share of its limits that a site, cluster or appliance keeps. */
  capacity: shares,
});

/** What operators ask of the past hours and of evenings to come, on the admin listener. */
export function addForecastRoutes(adminServer: JsonServer, api: ForecastApi): void {
  adminServer.get('/v1/misses', (request, reply) => {
    const minutes = Number(queryOf(request).get('minutes') ?? 60);
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES)
      return sendProblem(reply, 400, 'QUESTION', `ask /v1/misses?minutes=N with N from 1 to ${MAX_MINUTES}`);
    return { minutes, ...api.records.accounts.report(minutes) };
  });

  let isBusy = false;
  adminServer.post('/v1/what-if', { bodyLimit: SCENARIO_LIMIT_BYTES }, async (request, reply) => {
    const asked = parseContract('scenario', scenarioSchema, request.body);
    const { fleet } = api.state();
    const known = new Set(fleet.members.flatMap(namesOf));
    const unknown = [...asked.drain, ...Object.keys(asked.capacity)].filter((name) => !known.has(name));
    if (unknown.length > 0)
      return sendProblem(reply, 400, 'QUESTION', `no site, cluster or appliance of this name: ${unknown.join(', ')}`);
    if (isBusy) return sendProblem(reply, 503, 'BUSY', 'another forecast is being made: ask again in a few seconds');
    isBusy = true;
    try {
      return await forecast(asked, api);
    } finally {
      isBusy = false;
    }
  });
}

async function forecast(asked: z.infer<typeof scenarioSchema>, api: ForecastApi): Promise<object> {
  const state = api.state();
  const viewers = api.records.sessions.recent(TTLS * api.ttlSec * 1000, MAX_VIEWERS);
  const first = ({ sessionId, titleId, client }: RecentSession, fleet: FleetView): string | undefined => {
    const decision = steerAt({ sessionId, titleId }, client, { ...state, fleet });
    return typeof decision === 'string' ? undefined : decision.appliances[0]?.id;
  };
  const run = whatIf(viewers, state.fleet, scenarioOf(asked), first);
  let sliceEndsMs = api.clock.monotonicMs() + SLICE_MS;
  for (let step = run.next(); ; step = run.next()) {
    if (step.done === true) return { scenario: asked, ...step.value };
    if (api.clock.monotonicMs() < sliceEndsMs) continue;
    await nextTurn();
    sliceEndsMs = api.clock.monotonicMs() + SLICE_MS;
  }
}

function scenarioOf({ drain, surge, capacity }: z.infer<typeof scenarioSchema>): Scenario {
  const drained = new Set(drain);
  // A map: an object has a `constructor` whether or not the operator names one.
  const shareOf = new Map(Object.entries(capacity));
  return {
    withheld: (member) => (namesOf(member).some((name) => drained.has(name)) ? 'drained, if it were so' : undefined),
    surge,
    // The nearest word counts: of the appliance, then its cluster, then its site.
    capacityOf: (member) =>
      namesOf(member)
        .map((name) => shareOf.get(name))
        .find((share) => share !== undefined) ?? 1,
  };
}

const namesOf = ({ id, clusterId, siteId }: FleetMember): string[] => [id, clusterId, siteId];
