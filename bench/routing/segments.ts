import { OperationalError } from '../../src/errors/operational-error.ts';
import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { PlacedSessions } from '../../steering/fleet/admission/placed-sessions.ts';
import { createPlayerQuality, type PlayerQuality } from '../../steering/quality/player-quality.ts';
import { qualityParameters } from '../../steering/quality/quality-parameters.ts';
import type { Appliance, Candidate } from '../../steering/ranking/candidate.ts';
import { DEFAULT_POLICY } from '../../steering/ranking/policy-facts.ts';
import { rankAppliances } from '../../steering/ranking/rank-appliances.ts';
import { FakeWorld } from '../../test/support/fake-world.ts';

/**
 * Ten appliances in one site, one of them not what it says it is, and viewers who fetch a segment every four seconds.
 *
 * The appliances share their speed among the segments in hand (processor sharing, a viewer's own line at most), in
 * steps of 50 ms. Who goes where is decided by the code that decides it in the service: the ranking, what is placed and
 * not yet measured, and the verdicts from what players report. A heartbeat every two seconds tells what an appliance
 * sent and how many requests it has in hand; the slow one claims the capacity of the others. Viewers ask at their start
 * and every 30 s, and move when the answer says so. The others to compare with see the same: weighted round robin by
 * the claimed capacities, and the least loaded by the last heartbeat.
 */
export type Chooser = 'ours' | 'weighted round robin' | 'least loaded';

export interface SegmentScenario {
  readonly name: string;
  /** Share of its claimed speed that the first appliance has. */
  readonly slowShare: number;
  readonly seconds: number;
  /** What is measured begins after so many seconds. */
  readonly fromSecond: number;
  /** Viewers who start in each second. */
  readonly startsPerSec: (second: number) => number;
  /** How long one stays. */
  readonly staySec: number;
}

export interface SegmentResult {
  readonly scenario: string;
  readonly chooser: Chooser;
  readonly segments: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of segments that took longer than they play. */
  readonly lateShare: number;
  /** The most that one appliance had to send at once, over its hard limit, by the viewers that it had. */
  readonly worstFill: number;
  /** Times that a viewer was given another appliance than before, per viewer. */
  readonly movesPerViewer: number;
}

const APPLIANCES = 10;
const SPEED_BITS_PER_SEC = 1e9;
const SOFT_SHARE = 0.8;
const BITRATE = 5e6;
const SEGMENT_SEC = 4;
const LINE_BITS_PER_SEC = 40e6;
const STEP_MS = 50;
const HEARTBEAT_STEPS = 40;
/** How much of each of the last intervals of two seconds is in a window of five. */
const WINDOW_HEARTBEATS = [1, 1, 0.5];
const WINDOW_SEC = 5;
const TTL_SEC = 30;
const MAX_REQUESTS = 400;

interface Server {
  readonly id: string;
  readonly speed: number;
  busy: Viewer[];
  sentBits: number;
  /** In the last intervals between heartbeats, the newest first. */
  sentBefore: readonly number[];
  viewers: number;
  told: Appliance;
}

interface Viewer {
  readonly id: string;
  readonly address: string;
  readonly endsStep: number;
  server: Server;
  asksStep: number;
  leftBits: number;
  askedStep: number;
  lastBitsPerSec: number | undefined;
}

export async function runSegments(scenario: SegmentScenario, chooser: Chooser): Promise<SegmentResult> {
  const simulation = new SegmentSimulation(scenario, chooser);
  return simulation.run();
}

class SegmentSimulation {
  readonly #scenario: SegmentScenario;
  readonly #chooser: Chooser;
  readonly #world = new FakeWorld({ seed: 7 });
  readonly #quality: PlayerQuality;
  readonly #placed = new PlacedSessions({ silentAfterMs: 10_000 });
  readonly #servers: readonly Server[];
  readonly #timesMs: number[] = [];
  #viewers: Viewer[] = [];
  #turn = 0;
  #born = 0;
  #moves = 0;
  #worstFill = 0;

  constructor(scenario: SegmentScenario, chooser: Chooser) {
    this.#scenario = scenario;
    this.#chooser = chooser;
    const defaults = Object.fromEntries(Object.entries(qualityParameters).map(([name, row]) => [name, row.default]));
    this.#quality = createPlayerQuality(
      { ...(defaults as { [K in keyof typeof qualityParameters]: number }), ttlSec: TTL_SEC },
      { world: this.#world, logger: silentLogger },
    );
    this.#servers = Array.from({ length: APPLIANCES }, (_, at): Server => {
      const id = `app-${at}`;
      const speed = SPEED_BITS_PER_SEC * (at === 0 ? scenario.slowShare : 1);
      return { id, speed, busy: [], sentBits: 0, sentBefore: [], viewers: 0, told: applianceAt(id, 0, 0) };
    });
  }

  async run(): Promise<SegmentResult> {
    await this.#quality.start();
    const steps = (this.#scenario.seconds * 1000) / STEP_MS;
    for (let step = 0; step < steps; step += 1) {
      await this.#world.clock.advance(STEP_MS);
      if (step % HEARTBEAT_STEPS === 0) this.#beat();
      this.#admit(step);
      this.#ask(step);
      this.#send(step);
    }
    await this.#quality.stop(0);
    const sorted = this.#timesMs.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
    return {
      scenario: this.#scenario.name,
      chooser: this.#chooser,
      segments: sorted.length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      lateShare: sorted.filter((timeMs) => timeMs > SEGMENT_SEC * 1000).length / sorted.length,
      worstFill: this.#worstFill,
      movesPerViewer: this.#moves / this.#born,
    };
  }

  #beat(): void {
    for (const [slot, server] of this.#servers.entries()) {
      // Appliances tell the mean of about five seconds.
      server.sentBefore = [server.sentBits, ...server.sentBefore].slice(0, WINDOW_HEARTBEATS.length);
      const sent = server.sentBefore.reduce((sum, bits, at) => sum + bits * (WINDOW_HEARTBEATS[at] ?? 0), 0);
      server.told = applianceAt(server.id, sent / WINDOW_SEC, server.busy.length);
      server.sentBits = 0;
      this.#placed.measured(slot, this.#world.clock.monotonicMs());
    }
  }

  #admit(step: number): void {
    const { startsPerSec, staySec } = this.#scenario;
    const wanted = startsPerSec((step * STEP_MS) / 1000) * (STEP_MS / 1000);
    const count = Math.floor(wanted) + (this.#world.random.next() < wanted % 1 ? 1 : 0);
    for (let at = 0; at < count; at += 1) {
      const number = this.#born;
      this.#born += 1;
      const [first] = this.#servers;
      if (first === undefined) throw new OperationalError('CONFIG_INVALID', 'no appliances');
      const stays = staySec * (0.5 + this.#world.random.next());
      const viewer: Viewer = {
        id: `viewer-${number}`,
        address: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
        endsStep: step + (stays * 1000) / STEP_MS,
        server: first,
        asksStep: step,
        leftBits: 0,
        askedStep: step,
        lastBitsPerSec: undefined,
      };
      viewer.server = this.#choose(viewer);
      viewer.server.viewers += 1;
      this.#begin(viewer, step);
      viewer.asksStep = this.#nextAsk(step);
      this.#viewers.push(viewer);
    }
    for (const { viewers } of this.#servers)
      this.#worstFill = Math.max(this.#worstFill, (viewers * BITRATE) / SPEED_BITS_PER_SEC);
  }

  #ask(step: number): void {
    const staying: Viewer[] = [];
    for (const viewer of this.#viewers) {
      if (step >= viewer.endsStep && viewer.leftBits <= 0) {
        viewer.server.viewers -= 1;
        continue;
      }
      staying.push(viewer);
      if (step >= viewer.asksStep) this.#steer(viewer, step);
      // The next segment when the last one is there and has been played down to its turn.
      if (viewer.leftBits <= 0 && step - viewer.askedStep >= (SEGMENT_SEC * 1000) / STEP_MS) this.#begin(viewer, step);
    }
    this.#viewers = staying;
  }

  #steer(viewer: Viewer, step: number): void {
    viewer.asksStep = this.#nextAsk(step);
    // A player reports the pathway that it uses and how fast that is.
    const { server, lastBitsPerSec } = viewer;
    const rates = new Map(lastBitsPerSec === undefined ? [] : [[server.id, lastBitsPerSec]]);
    const place = { group: viewer.address.split('.').slice(0, 3).join('.'), siteId: 'site' };
    this.#quality.intake.takePathways([server.id], rates, { address: viewer.address, sessionId: viewer.id, place });
    // A balancer with weights has chosen once for all.
    const next = this.#chooser === 'weighted round robin' ? server : this.#choose(viewer);
    if (next === server) return;
    this.#moves += 1;
    server.viewers -= 1;
    next.viewers += 1;
    viewer.server = next;
  }

  readonly #nextAsk = (step: number): number =>
    step + (TTL_SEC * 1000 * (0.9 + 0.2 * this.#world.random.next())) / STEP_MS;

  #begin(viewer: Viewer, step: number): void {
    viewer.leftBits = BITRATE * SEGMENT_SEC;
    viewer.askedStep = step;
    viewer.server.busy.push(viewer);
  }

  /** One step of processor sharing. */
  #send(step: number): void {
    for (const server of this.#servers) {
      const each = Math.min(LINE_BITS_PER_SEC, server.speed / Math.max(1, server.busy.length)) * (STEP_MS / 1000);
      const still: Viewer[] = [];
      for (const viewer of server.busy) {
        server.sentBits += Math.min(each, viewer.leftBits);
        viewer.leftBits -= each;
        if (viewer.leftBits > 0) still.push(viewer);
        else this.#finish(viewer, step);
      }
      server.busy = still;
    }
  }

  #finish(viewer: Viewer, step: number): void {
    const tookMs = (step + 1 - viewer.askedStep) * STEP_MS;
    viewer.lastBitsPerSec = (BITRATE * SEGMENT_SEC * 1000) / tookMs;
    if ((step * STEP_MS) / 1000 >= this.#scenario.fromSecond) this.#timesMs.push(tookMs);
  }

  #choose(viewer: Viewer): Server {
    if (this.#chooser === 'ours') return this.#rank(viewer);
    if (this.#chooser === 'least loaded')
      return this.#servers.reduce((least, server) =>
        server.told.egressBitsPerSec < least.told.egressBitsPerSec ? server : least,
      );
    this.#turn += 1;
    return this.#servers[this.#turn % APPLIANCES] ?? viewer.server;
  }

  #rank(viewer: Viewer): Server {
    const view = this.#quality.view();
    const group = viewer.address.split('.').slice(0, 3).join('.');
    const candidates = this.#servers.map(
      ({ id, told }, slot): Candidate => ({
        member: told,
        held: { kind: 'known', share: 1 },
        pendingBitsPerSec: this.#placed.pendingBitsPerSec[slot] ?? 0,
        site: { kind: 'embedded', network: undefined, failureDomain: 'site' },
        quality: view.of(id, group, 'site'),
        siteCost: undefined,
      }),
    );
    const { ranked } = rankAppliances(candidates, {
      sessionId: viewer.id,
      titleId: 'bars',
      unit: unitHash(viewer.id),
      siteId: 'site',
      otherSites: [],
      refusingSites: [],
      network: undefined,
      preferredSiteId: undefined,
      nominalBitsPerSec: BITRATE,
      playing: viewer.lastBitsPerSec === undefined ? [] : [viewer.server.id],
      policy: DEFAULT_POLICY,
    });
    const id = ranked[0]?.candidate.member.id;
    const slot = this.#servers.findIndex((server) => server.id === id);
    const server = this.#servers[slot];
    // Nobody has room: a viewer would go to the origin, and is left where it is.
    if (server === undefined) return viewer.server;
    // Who plays there already is in its load; who comes from elsewhere is not.
    const bitsPerSec = viewer.lastBitsPerSec !== undefined && server === viewer.server ? 0 : BITRATE;
    this.#placed.place(viewer.id, slot, bitsPerSec, this.#world.clock.monotonicMs());
    this.#quality.intake.putFirst(viewer.id, server.id);
    return server;
  }
}

function applianceAt(id: string, egressBitsPerSec: number, activeRequests: number): Appliance {
  return {
    id,
    siteId: 'site',
    baseUrl: `http://${id}.example`,
    softwareVersion: '0.1.0',
    lease: { kind: 'current' },
    state: 'serving',
    withheld: undefined,
    healthy: true,
    healthReasons: [],
    egressBitsPerSec,
    activeRequests,
    softEgressBitsPerSec: SPEED_BITS_PER_SEC * SOFT_SHARE,
    hardEgressBitsPerSec: SPEED_BITS_PER_SEC,
    maxActiveRequests: MAX_REQUESTS,
    atHardLimit: egressBitsPerSec >= SPEED_BITS_PER_SEC,
    capacityShare: 1,
  };
}
