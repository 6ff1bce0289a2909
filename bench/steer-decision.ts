import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { encodeHoldings } from '../src/contracts/holdings.ts';
import { steer } from '../steering/answer/steer.ts';
import type { SteeringState } from '../steering/answer/steering-state.ts';
import { Catalogue } from '../steering/catalogue/catalogue.ts';
import { FleetRegistry } from '../steering/fleet/fleet-registry.ts';
import { HeldTitles } from '../steering/fleet/held-titles.ts';
import { NO_SHARES } from '../steering/flow/site-shares.ts';
import { NO_QUALITY } from '../steering/quality/quality-view.ts';
import { PrefixTable } from '../steering/routing/prefix-table.ts';
import { RouteTable } from '../steering/routing/route-table.ts';
import { makeSiteTable, type Site } from '../steering/sites/site-table.ts';
import {
  heartbeatOf,
  heldTitles,
  renditionIdsOf,
  type SteeringSize,
  siteCountOf,
  titleAt,
  titleCountOf,
  titleIdAt,
} from './steer/fill-state.ts';

/**
 * What a decision costs by itself, without HTTP: from an address and a title to the ranked places, and the names of
 * them as a player gets them.
 */
export interface DecisionCost {
  /** By CPU time of the deciding thread, since others may share the machine. */
  readonly decisionsPerSec: number;
  readonly meanMicros: number;
  /** Of batches of ten decisions, per decision, by the clock: the CPU's own is too coarse for one batch. */
  readonly p50Micros: number;
  readonly p99Micros: number;
}

const BATCH = 10;
const WARM_UP = 20_000;

function measureDecisions(state: SteeringState, size: SteeringSize, decisions = 100_000): DecisionCost {
  const ask = (at: number): number => {
    const titleId = titleIdAt(Math.floor(titleCountOf(size) ** ((at * 0.618033988749895) % 1)));
    const address = addressAt((at * 7919) % size.prefixes);
    const decision = steer({ titleId, sessionId: `s${(at * 31) % 400_000}`, clientAddress: address }, state);
    return typeof decision === 'string' ? 0 : decision.appliances.map(({ id }) => id).join(',').length;
  };
  let answered = 0;
  for (let at = 0; at < WARM_UP; at += 1) answered += ask(at);
  const micros: number[] = [];
  const beganMicros = cpuMicros();
  for (let batch = 0; batch * BATCH < decisions; batch += 1) {
    const startMs = performance.now();
    for (let at = 0; at < BATCH; at += 1) answered += ask(WARM_UP + batch * BATCH + at);
    micros.push(((performance.now() - startMs) * 1000) / BATCH);
  }
  const meanMicros = (cpuMicros() - beganMicros) / (micros.length * BATCH);
  if (answered === 0) throw new Error('nothing was decided');
  micros.sort((a, b) => a - b);
  const at = (share: number): number => micros[Math.floor(micros.length * share)] ?? 0;
  return { decisionsPerSec: 1e6 / meanMicros, meanMicros, p50Micros: at(0.5), p99Micros: at(0.99) };
}

function cpuMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/**
 * A world of this size: sites of ten in five ISPs, a tenth of them at peerings, a list of costs for each /8; every
 * appliance loaded between a fifth and four fifths; the titles held as in `fill-state.ts`.
 */
function buildDecisionWorld(size: SteeringSize): SteeringState {
  const held = new HeldTitles();
  const titles = Array.from({ length: titleCountOf(size) }, (_, index) => titleAt(index));
  held.setCatalogue(titles);
  const clock = { nowMs: () => Date.now(), monotonicMs: () => 1000 };
  const registry = new FleetRegistry({
    clock: clock as never,
    leaseMs: 60_000,
    preserveMs: 0,
    slots: held.slots,
  });
  for (let index = 0; index < size.appliances; index += 1) {
    const heartbeat = heartbeatOf(index, size, 1);
    const { applianceId } = heartbeat;
    registry.accept(heartbeat);
    const renditions = heldTitles(index, size).flatMap((title) => renditionIdsOf(titleIdAt(title)));
    held.setList({ version: 1, applianceId, planVersion: 1, renditions });
    held.setHoldings(
      applianceId,
      encodeHoldings(
        1,
        renditions.map(() => 'whole'),
      ),
    );
  }
  return {
    routes: routesOf(size),
    fleet: registry.view(),
    catalogue: new Catalogue({ version: 1, catalogueVersion: 1, titles }, 0),
    heldTitles: held,
    sites: makeSiteTable(
      'bench',
      Array.from({ length: siteCountOf(size) }, (_, index) => siteAt(index)),
    ),
    shares: NO_SHARES,
    quality: NO_QUALITY,
  };
}

const ISPS = 5;

const siteAt = (index: number): Site => ({
  id: `site-${index}`,
  kind: index % 10 === 0 ? 'peering' : 'embedded',
  network: index % 10 === 0 ? undefined : `isp-${index % ISPS}`,
  failureDomain: `site-${index}`,
  location: undefined,
  egressCapBitsPerSec: undefined,
  timeZone: undefined,
  maintenance: [],
});

function routesOf(size: SteeringSize): ReturnType<RouteTable['current']> {
  const sites = siteCountOf(size);
  const table = new RouteTable();
  table.setFileTable(
    PrefixTable.of(
      Array.from({ length: size.prefixes }, (_, at) => ({
        prefix: { address: { words: [firstOf(at)] }, length: 24 },
        siteId: `site-${(at * 7919) % sites}`,
      })),
    ),
  );
  return table.current();
}

/** Prefixes of 256 addresses one behind the other from 1.0.0.0 on. */
const firstOf = (at: number): number => 2 ** 24 + at * 256;

function addressAt(at: number): string {
  const word = firstOf(at) + 1;
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.');
}

/** In a process of its own: what else a bench keeps in memory is walked over by the collector at every decision's cost. */
export function decideInChild(size: SteeringSize): DecisionCost {
  const child = fileURLToPath(import.meta.url);
  return JSON.parse(
    execFileSync(process.execPath, [child, JSON.stringify(size)], { encoding: 'utf8' }),
  ) as DecisionCost;
}

if (import.meta.main) {
  const given = process.argv[2];
  const size: SteeringSize =
    given === undefined
      ? { prefixes: 1_000_000, appliances: 2000, files: 100_000 }
      : (JSON.parse(given) as SteeringSize);
  const state = buildDecisionWorld(size);
  const rounds = Array.from({ length: 3 }, () => measureDecisions(state, size));
  console.log(JSON.stringify(rounds.sort((a, b) => a.meanMicros - b.meanMicros)[1]));
}
