import { type ContentSteering, parseContentSteering } from '../../src/contracts/steering-answer.ts';
import type { ApplianceModel } from './appliance-model.ts';
import { moveReason } from './move-reason.ts';
import type { Answer } from './steering-under-test.ts';
import { isOrigin, type ViewerModel } from './viewer-model.ts';

/** What is not allowed to happen, and what is counted beside it. */
export interface EveningRules {
  readonly ttlSec: number;
  readonly leaseMs: number;
  readonly publicUrl: string;
}

/** An appliance's changes are in its next heartbeat, and in the next view but one of the fleet. */
const HEARTBEAT_LAG_MS = 2600;
const MAX_TOLD = 12;
const MAX_BODY_BYTES = 4096;

/** Sums of one phase of the evening. */
export interface PhaseSums {
  readonly name: string;
  asks: number;
  /** Viewers that an answer sent elsewhere, by why that was right; `needless` where nothing says so. */
  readonly moves: Record<string, number>;
  /** Most of its hard limit that an appliance was driven to while others had room, and for how many seconds over it. */
  mostOverHard: number;
  secondsOver: number;
  /** Of the second that follows the worst. */
  worst: string;
}

/** Looks at every answer and every second of the evening, and keeps what was wrong. */
export class Judge {
  readonly violations: string[] = [];
  readonly phases: PhaseSums[] = [];
  readonly #rules: EveningRules;
  readonly #appliances: ReadonlyMap<string, ApplianceModel>;
  /** Since when an appliance may not be in an answer, and why. */
  readonly #forbidden = new Map<string, { readonly sinceMs: number; readonly why: string }>();
  readonly #overSeconds = new Map<string, number>();
  /** Appliances that came back lately: those whose sessions may return to them. */
  readonly returnedMs = new Map<string, number>();
  nowMs = 0;
  /** Nobody hears anybody: then silence forbids nothing. */
  isDeaf = false;

  constructor(rules: EveningRules, appliances: ReadonlyMap<string, ApplianceModel>) {
    this.#rules = rules;
    this.#appliances = appliances;
  }

  begin(name: string): void {
    this.phases.push({ name, asks: 0, moves: {}, mostOverHard: 0, secondsOver: 0, worst: '' });
  }

  get phase(): PhaseSums {
    const phase = this.phases.at(-1);
    if (phase === undefined) throw new Error('no phase has begun');
    return phase;
  }

  violate(what: string): void {
    if (this.violations.length < MAX_TOLD)
      this.violations.push(`${this.phase.name} at ${(this.nowMs / 1000).toFixed(2)} s: ${what}`);
  }

  demand(holds: boolean, what: () => string): void {
    if (!holds) this.violate(what());
  }

  /** From a lag on it may be in no answer. */
  forbid(id: string, why: string, lagMs = HEARTBEAT_LAG_MS): void {
    this.#forbidden.set(id, { sinceMs: this.nowMs + lagMs, why });
  }

  allow(id: string): void {
    this.#forbidden.delete(id);
    this.returnedMs.set(id, this.nowMs);
  }

  /** @returns the order of an answer of content steering, or undefined for one that is no answer */
  readAnswer(viewer: ViewerModel, { status, text }: Answer): ContentSteering | undefined {
    this.phase.asks += 1;
    const { id } = viewer.facts;
    if (status !== 200) {
      this.violate(`${id}: ${status} ${text}`);
      return undefined;
    }
    const body = parseContentSteering(JSON.parse(text));
    const order = body['PATHWAY-PRIORITY'];
    const ttl = this.#rules.ttlSec;
    const isStatic = body.TTL >= 120;
    this.demand(isStatic || (body.TTL >= 0.9 * ttl - 1 && body.TTL <= 1.1 * ttl + 1), () => `${id}: TTL ${body.TTL}`);
    this.demand(body['RELOAD-URI'].startsWith(`${this.#rules.publicUrl}/v1/steering/`), () => `${id}: ${text}`);
    this.demand(Buffer.byteLength(text) <= MAX_BODY_BYTES, () => `${id}: ${text.length} bytes`);
    this.demand(isOrigin(order.at(-1) ?? ''), () => `${id}: no fallback in ${order.join()}`);
    this.demand(new Set(order).size === order.length, () => `${id}: twice the same in ${order.join()}`);
    this.demand(
      order.some((each) => viewer.declared.includes(each)),
      () => `${id}: nothing of its manifest in ${order.join()}`,
    );
    this.judgePlaces(viewer.facts.id, viewer.facts.neighbourhood.isp, order);
    return body;
  }

  /** Of any answer: who may be in it. */
  judgePlaces(viewerId: string, isp: string, ids: readonly string[]): void {
    for (const id of ids) {
      if (isOrigin(id)) continue;
      const appliance = this.#appliances.get(id);
      if (appliance === undefined) {
        this.violate(`${viewerId}: nobody is called ${id}`);
        continue;
      }
      const { network, id: siteId } = appliance.facts.site;
      this.demand(network === undefined || network === isp, () => `${viewerId} of ${isp} is sent to ${siteId}`);
      const forbidden = this.#forbidden.get(id);
      if (forbidden !== undefined && this.nowMs > forbidden.sinceMs && !this.isDeaf)
        this.violate(`${viewerId} is sent to ${id}, which ${forbidden.why}`);
    }
  }

  /** A viewer follows an answer. */
  noteMove(viewer: ViewerModel, from: string, to: string): void {
    if (from === to) return;
    const reason = moveReason(
      viewer,
      { from, to },
      {
        appliances: this.#appliances,
        returnedMs: this.returnedMs,
        nowMs: this.nowMs,
      },
    );
    this.phase.moves[reason] = (this.phase.moves[reason] ?? 0) + 1;
  }

  /** When the evening is over: nobody was driven over the limit, and few were moved for nothing. */
  judgePhases(): void {
    for (const { name, asks, moves, mostOverHard, worst } of this.phases) {
      const needless = (moves['needless'] ?? 0) + (moves['unknown'] ?? 0);
      this.demand(
        mostOverHard <= MOST_OVER_HARD,
        () => `${name}: ${mostOverHard.toFixed(2)} of its hard limit: ${worst}`,
      );
      this.demand(needless <= MOST_NEEDLESS * asks, () => `${name}: ${needless} of ${asks} moved for nothing`);
    }
  }

  /** A second has passed: who carries more than it can while others that its viewers may use have room? */
  judgeLoads(): void {
    const all = [...this.#appliances.values()];
    for (const appliance of all) {
      const { facts, loadBitsPerSec, isAlive } = appliance;
      const over = isAlive ? loadBitsPerSec / facts.hardBitsPerSec : 0;
      if (over <= 1 || !hasRoomBeside(appliance, all)) {
        this.#overSeconds.delete(appliance.id);
        continue;
      }
      const seconds = (this.#overSeconds.get(appliance.id) ?? 0) + 1;
      this.#overSeconds.set(appliance.id, seconds);
      const { phase } = this;
      phase.secondsOver = Math.max(phase.secondsOver, seconds);
      if (over <= phase.mostOverHard) continue;
      phase.mostOverHard = over;
      phase.worst = `${appliance.id} at ${(this.nowMs / 1000).toFixed(0)} s, ${appliance.viewers} viewers`;
    }
  }
}

/**
 * How far an appliance may go beyond its hard limit while others have room. A heartbeat tells of the last five seconds,
 * two seconds late; a session is taken to need 0.7 of its title's highest bitrate, and of a small box whose thirty viewers
 * all take more that is a fifth. Who plays already is not sent away at the limit, but leaves by degrees.
 */
const MOST_OVER_HARD = 1.25;
/** Of all answers of a phase: viewers moved for whom the world gives no reason. */
const MOST_NEEDLESS = 0.05;

/** A quarter of what those can give who may serve the same viewers. */
const ROOM_SHARE = 0.25;

function hasRoomBeside(appliance: ApplianceModel, all: readonly ApplianceModel[]): boolean {
  let [gives, takes] = [0, 0];
  for (const other of all) {
    const { site, hardBitsPerSec } = other.facts;
    const isOpen = site.network === undefined || site.network === appliance.facts.site.network;
    if (other === appliance || !other.isAlive || other.state !== 'serving' || other.isWithheld || !isOpen) continue;
    gives += hardBitsPerSec;
    takes += Math.min(other.loadBitsPerSec, hardBitsPerSec);
  }
  return gives - takes > ROOM_SHARE * gives;
}
