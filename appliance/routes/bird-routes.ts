import type { RouteReport } from '../../src/contracts/route-report.ts';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import { askBird } from '../../src/routes/bird-control.ts';
import { BirdRouteReader, type BirdSession, parseBirdSession } from '../../src/routes/parse-bird.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Clock } from '../../src/world/world.ts';
import { bestPaths } from './best-paths.ts';
import type { RouteSource } from './route-source.ts';

export interface BirdRoutesOptions {
  /** BIRD's control socket, for example `/run/bird/bird.ctl`. */
  readonly socketFile: string;
  /** The BGP protocol in which the ISP announces to this appliance. */
  readonly protocol: string;
  /** How long the routes of a lost session count. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A table that changes all the time is taken as it is after so many looks. */
const MAX_UNSETTLED_LOOKS = 4;

/**
 * What the ISP announces over BGP, watched in BIRD.
 *
 * BIRD has no call that waits for changes, and reading a table every two seconds would cost the router more than BGP
 * does. Its counters of updates are cheap, so they are what is looked at; the table is read when they have moved and
 * stand still again, because a session that has just come up announces its table in pieces, and half of it would send
 * half of the viewers elsewhere.
 *
 * A session that is lost, or a BIRD that is gone, says nothing about viewers: they are where they were. The routes count
 * for a grace time, in which it mostly returns; then they are withdrawn, since nobody vouches for them.
 */
export class BirdRoutes implements RouteSource {
  readonly name: string;
  readonly #options: BirdRoutesOptions;
  #seen = '';
  #taken = '';
  #unsettledLooks = 0;
  #hasRoutes = false;
  #lostAtMs: number | undefined;

  constructor(options: BirdRoutesOptions) {
    this.name = `BIRD's protocol ${options.protocol} at ${options.socketFile}`;
    this.#options = options;
  }

  async look(): Promise<RouteReport['routes'] | undefined> {
    let session: BirdSession;
    try {
      session = await this.#session();
    } catch (error) {
      if (!isOperational(error, 'ROUTER_UNREACHABLE')) throw error;
      const withdrawn = this.#withoutSession(error.detail);
      if (withdrawn !== undefined) return withdrawn;
      throw error;
    }
    if (!session.isEstablished) return this.#withoutSession(session.says);
    if (this.#lostAtMs !== undefined) this.#options.logger.info({}, 'the session with the ISP is back');
    this.#lostAtMs = undefined;
    return this.#readIfChanged(session.fingerprint);
  }

  async #readIfChanged(now: string): Promise<RouteReport['routes'] | undefined> {
    const isSettled = now === this.#seen;
    this.#seen = now;
    if (now === this.#taken) return undefined;
    this.#unsettledLooks = isSettled ? 0 : this.#unsettledLooks + 1;
    if (!isSettled && this.#unsettledLooks < MAX_UNSETTLED_LOOKS) return undefined;
    this.#unsettledLooks = 0;
    const reader = new BirdRouteReader();
    await this.#ask(`show route all protocol ${this.#options.protocol}`, (line) => reader.line(line));
    reader.end();
    this.#taken = now;
    this.#hasRoutes = true;
    return bestPaths(reader.routes);
  }

  async #session(): Promise<BirdSession> {
    const { protocol } = this.#options;
    const lines: string[] = [];
    await this.#ask(`show protocols all ${protocol}`, (line) => lines.push(line));
    const session = parseBirdSession(lines, protocol);
    if (session !== undefined) return session;
    throw new OperationalError('ROUTER_UNREACHABLE', `${this.name}: BIRD says nothing of it`);
  }

  /** Nothing, once, when the grace time is over. */
  #withoutSession(says: string): RouteReport['routes'] | undefined {
    const { clock, graceMs, logger } = this.#options;
    if (!this.#hasRoutes) return undefined;
    const nowMs = clock.monotonicMs();
    if (this.#lostAtMs === undefined) {
      this.#lostAtMs = nowMs;
      logger.warn({ says, graceMs }, 'the session with the ISP is lost: its routes count for the grace time');
    }
    if (nowMs - this.#lostAtMs < graceMs) return undefined;
    logger.error({ says }, 'the session with the ISP did not return: its routes are withdrawn');
    this.#hasRoutes = false;
    this.#taken = '';
    return [];
  }

  #ask(command: string, onLine: (text: string) => void): Promise<void> {
    const { socketFile, clock } = this.#options;
    return askBird(socketFile, command, clock, onLine);
  }
}
