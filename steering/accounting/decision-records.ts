import { join } from 'node:path';
import type { ConfigOf } from '../../src/config/parameter.ts';
import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import { ThrottledLog } from '../../src/telemetry/throttled-log.ts';
import type { World } from '../../src/world/world.ts';
import type { Decision } from '../answer/decision.ts';
import type { ClientPlace } from '../answer/locate-client.ts';
import { dataVersions, type SteeringState } from '../answer/steering-state.ts';
import { DecisionLog } from '../decision-log/decision-log.ts';
import type { AnswerShape, LoggedDecision } from '../decision-log/logged-decision.ts';
import { nominalBitsPerSec } from '../fleet/admission/nominal-bitrate.ts';
import { ORIGIN_ID, ORIGIN_RETRY_ID } from '../ranking/candidate.ts';
import { ByteAccounts } from './byte-accounts.ts';
import { type ByteClass, byteClassOf } from './byte-class.ts';
import type { recordParameters } from './record-parameters.ts';
import { SessionLedger } from './session-ledger.ts';

/** A decision as it leaves. */
export interface MadeDecision {
  readonly id: string;
  readonly shape: AnswerShape;
  readonly titleId: string;
  readonly sessionId: string;
  readonly decision: Decision;
  readonly state: SteeringState;
  /** The best place that the player can use; undefined: the origin. */
  readonly first: { readonly id: string; readonly siteId: string } | undefined;
  /** Pathways that the player says it used since its last answer. */
  readonly playing: readonly string[];
}

/**
 * Above it so large a share of the sessions is followed, and stands for all: following each of ten thousand a second
 * cost a tenth of their answers, and what is remembered of hundreds of thousands is what the collector stops for.
 */
const MOST_PER_SEC = 500;
/** Answers of one turn of the event loop are hundreds. */
const MAX_WAITING = 10_000;
const FAULT_LOG_MS = 10_000;

/**
 * What stays of decisions when they are made: the log, which session was sent where, and what the bytes came to that
 * did not come from the nearest site.
 */
export class DecisionRecords implements Service {
  readonly accounts: ByteAccounts;
  readonly sessions: SessionLedger;
  readonly #world: World;
  readonly #log: DecisionLog | undefined;
  readonly #faults: ThrottledLog;
  readonly #countBytes: (byteClass: string, bytes: number) => void;
  readonly #countLost: () => void;
  #waiting: MadeDecision[] = [];
  #seen = 0;
  #share = 1;
  #secondEndsMs = 0;

  constructor(options: {
    readonly config: ConfigOf<typeof recordParameters> & { readonly state: string };
    readonly world: World;
    readonly logger: Logger;
    readonly metrics: Metrics;
  }) {
    const { config, world, logger, metrics } = options;
    this.#world = world;
    this.accounts = new ByteAccounts(world.clock);
    this.sessions = new SessionLedger(world.clock);
    const bytes = metrics.counter(
      'viewed_bytes_total',
      'Estimated bytes that viewers played, by where from: `nearest`, or why not from there. `oca steering misses` says what to do about each.',
      ['class'],
    );
    const lost = metrics.counter(
      'unrecorded_decisions_total',
      'Decisions that left no record, because too many waited for it or by a fault that the log tells: misses and what-if lack them.',
    );
    this.#countLost = () => lost.inc();
    this.#faults = new ThrottledLog(logger, FAULT_LOG_MS, () => world.clock.monotonicMs());
    this.#countBytes = (byteClass, count) => bytes.inc({ class: byteClass }, count);
    if (config.decisionLogBytes === 0) return;
    const logged = metrics.counter(
      'logged_decisions_total',
      'Decisions written to the decision log, and those lost because the disk took nothing.',
      ['outcome'],
    );
    this.#log = new DecisionLog({
      folder: join(config.state, 'decisions'),
      world,
      logger,
      maxBytes: config.decisionLogBytes,
      maxPerSec: config.decisionLogPerSec,
      onOutcome: (outcome, count) => logged.inc({ outcome }, count),
    });
  }

  async start(): Promise<void> {
    await this.#log?.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#log?.stop(deadlineMs);
  }

  /** The player's answer does not wait for its records, and a fault in them is not its fault. */
  note(made: MadeDecision): void {
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs >= this.#secondEndsMs) {
      this.#share = Math.min(1, MOST_PER_SEC / Math.max(1, this.#seen));
      this.#seen = 0;
      this.#secondEndsMs = nowMs + 1000;
    }
    this.#seen += 1;
    // By the session, so that one that is followed is followed to its end.
    if (this.#share < 1 && unitHash(made.sessionId) >= this.#share) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#countLost();
      return;
    }
    this.#waiting.push(made);
    if (this.#waiting.length === 1) setImmediate(() => this.#recordWaiting());
  }

  #recordWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const made of waiting) {
      try {
        this.#record(made);
      } catch (error) {
        this.#countLost();
        this.#faults.warn({ error }, 'a decision left no record');
      }
    }
  }

  #record(made: MadeDecision): void {
    const { sessionId, titleId, decision, state, first, playing } = made;
    const { byId, serving } = state.fleet;
    // Where nothing but the origin was left it has a second name.
    const used = playing.map((id) => (id === ORIGIN_RETRY_ID ? ORIGIN_ID : id));
    for (const span of this.sessions.close(sessionId, used, {
      isNearest: (id, near) => near !== undefined && byId.get(id)?.siteId === near,
      serves: (id) => id === ORIGIN_ID || serving.has(id),
    })) {
      const bytes = span.bytes / this.#share;
      this.accounts.add({ ...span, bytes });
      this.#countBytes(span.byteClass, bytes);
    }
    const nearestSiteId = nearestSiteOf(decision.client);
    this.sessions.open(sessionId, {
      titleId,
      client: decision.client,
      firstId: first?.id ?? ORIGIN_ID,
      firstClass: classOf(made, nearestSiteId),
      bitsPerSec: nominalBitsPerSec(decision.title),
      nearestSiteId,
    });
    this.#note(made);
  }

  #note({ id, shape, titleId, sessionId, decision, state }: MadeDecision): void {
    const { basis, client, appliances } = decision;
    // A static answer ranked nothing: there is nothing to make again.
    if (basis === undefined) return;
    const make = (): LoggedDecision => ({
      id,
      atMs: this.#world.clock.nowMs(),
      shape,
      titleId,
      sessionId,
      client: {
        prefix: client.prefix,
        siteId: client.siteId,
        evidence: client.evidence,
        group: client.group,
        network: client.network,
      },
      versions: dataVersions(state),
      ...basis,
      ranked: appliances.map((appliance) => appliance.id),
    });
    this.#log?.note(sessionId, make, this.#share);
  }
}

function classOf({ decision, state, titleId, first }: MadeDecision, nearestSiteId: string | undefined): ByteClass {
  const isBestNearest = nearestSiteId !== undefined && decision.appliances[0]?.siteId === nearestSiteId;
  if (isBestNearest && first?.siteId !== nearestSiteId) return 'client-choice';
  return byteClassOf(decision.basis, first?.siteId, nearestSiteId, (applianceId) =>
    state.heldTitles.isPlanned(applianceId, titleId),
  );
}

/** The client's own site, or what costs the ISP least; undefined where nobody knows. */
function nearestSiteOf({ siteId, siteCosts }: ClientPlace): string | undefined {
  if (siteId !== undefined || siteCosts.size === 0) return siteId;
  return [...siteCosts].reduce((least, cost) => (cost[1] < least[1] ? cost : least))[0];
}
