import type { Heartbeat, ServingState } from '../../src/contracts/heartbeat.ts';
import { encodeHoldings, type Holdings } from '../../src/contracts/holdings.ts';
import { heartbeat } from '../steering/samples.ts';
import type { ApplianceFacts } from './town.ts';

/** Over what the real appliance reports its load. */
const LOAD_WINDOW_SEC = 5;

/** An appliance as the world has it: what it gives, whether it is there, and what it says of itself. */
export class ApplianceModel {
  readonly facts: ApplianceFacts;
  /** It answers viewers; false: nobody is there, and nothing is said. */
  isAlive = true;
  state: ServingState = 'serving';
  /** Share of the speed that it should have. */
  speed = 1;
  /** Bits per second that its viewers take now, and how many they are. */
  loadBitsPerSec = 0;
  viewers = 0;
  /** An operator withholds it. */
  isWithheld = false;
  readonly #holdings: Holdings;
  readonly #window: number[] = [];
  #sequence = 0;
  #instance = 1;

  constructor(facts: ApplianceFacts) {
    this.facts = facts;
    this.#holdings = encodeHoldings(1, [...facts.levels]);
  }

  get id(): string {
    return this.facts.id;
  }

  /** What it can give to all viewers together. */
  get givesBitsPerSec(): number {
    return this.facts.hardBitsPerSec * this.speed;
  }

  /** A second has passed with this load. */
  noteSecond(loadBitsPerSec: number, viewers: number): void {
    this.loadBitsPerSec = loadBitsPerSec;
    this.viewers = viewers;
    this.#window.push(Math.min(loadBitsPerSec, this.givesBitsPerSec));
    if (this.#window.length > LOAD_WINDOW_SEC) this.#window.shift();
  }

  /** Gone without a word. */
  lose(): void {
    this.isAlive = false;
    this.#window.length = 0;
  }

  /** There again, as a new process with cold memory. */
  comeBack(): void {
    this.isAlive = true;
    this.state = 'serving';
    this.#instance += 1;
    this.#sequence = 0;
  }

  say(nowMs: number): Heartbeat {
    const { id, site, softBitsPerSec, hardBitsPerSec, maxRequests } = this.facts;
    this.#sequence += 1;
    const sum = this.#window.reduce((all, bits) => all + bits, 0);
    return heartbeat(id, {
      siteId: site.id,
      clusterId: site.id,
      instanceId: `instance-${this.#instance}-of-${id}`,
      sequence: this.#sequence,
      sentAtMs: nowMs,
      state: this.state,
      load: {
        egressBitsPerSec: this.#window.length === 0 ? 0 : sum / this.#window.length,
        activeRequests: this.viewers,
        cpuShare: 0,
      },
      capacity: {
        softEgressBitsPerSec: softBitsPerSec,
        hardEgressBitsPerSec: hardBitsPerSec,
        maxActiveRequests: maxRequests,
      },
      holdings: this.#holdings,
    });
  }
}
