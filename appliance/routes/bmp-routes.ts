import { BlockList, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { HostPort } from '../../src/config/parameter.ts';
import type { RouteReport } from '../../src/contracts/route-report.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { BmpTable } from '../../src/routes/bmp-table.ts';
import { BMP_HEADER_BYTES, bmpLength, readBmp } from '../../src/routes/read-bmp.ts';
import { formatHostPort, listenFailure } from '../../src/server/json-server.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { ThrottledLog } from '../../src/telemetry/throttled-log.ts';
import type { Clock } from '../../src/world/world.ts';
import { bestPaths } from './best-paths.ts';
import type { RouteSource } from './route-source.ts';

export interface BmpRoutesOptions {
  readonly listen: HostPort;
  /** CIDR of the routers that may tell; others are hung up on. */
  readonly routers: readonly string[];
  /** How long the routes of a lost peer or router count. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const MAX_ROUTERS = 16;
const LIMITS = { maxPeers: 256, maxRoutes: 1_000_000 };
/** A table that changes all the time is taken as it is after so many looks. */
const MAX_UNSETTLED_LOOKS = 4;
/** Routers send statistics every minute or so; one that says nothing for so long is gone without having said it. */
const SILENCE_MS = 3_600_000;
const KEEP_ALIVE_MS = 30_000;
const LOG_EVERY_MS = 10_000;

interface Router {
  readonly table: BmpTable;
  socket: Socket | undefined;
}

/**
 * What the ISP announces, told by its own router over BMP: the appliance is the station that the router dials, no
 * routing daemon stands beside it. Only configured routers are heard. A flood is bounded by the socket (nothing is read
 * while a message is taken) and by limits of routes, peers and routers; above them the router is hung up on, and what
 * it told counts for the grace time like that of any router that is lost.
 */
export class BmpRoutes implements RouteSource, Service {
  readonly name: string;
  readonly #options: BmpRoutesOptions;
  readonly #allowed: BlockList;
  readonly #server: Server;
  readonly #routers = new Map<string, Router>();
  readonly #refusals: ThrottledLog;
  #seen = 0;
  #taken = 0;
  #unsettledLooks = 0;

  /** @throws OperationalError CONFIG_INVALID */
  constructor(options: BmpRoutesOptions) {
    this.#options = options;
    this.name = `routers that speak BMP to ${formatHostPort(options.listen)}`;
    this.#allowed = blockListOf(options.routers);
    this.#refusals = new ThrottledLog(options.logger, LOG_EVERY_MS, () => options.clock.monotonicMs());
    this.#server = createServer({ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) =>
      this.#accept(socket),
    );
    this.#server.maxConnections = MAX_ROUTERS * 2;
  }

  /** @throws OperationalError as `listenFailure` says */
  start(): Promise<void> {
    const { listen } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenFailure(listen, error)));
      this.#server.listen({ host: listen.host, port: listen.port }, () => resolve());
    });
  }

  stop(): Promise<void> {
    for (const { socket } of this.#routers.values()) socket?.destroy();
    this.#routers.clear();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** Where it listens, once it does. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  look(): Promise<RouteReport['routes'] | undefined> {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { table } of this.#routers.values()) table.expire(nowMs);
    const changes = this.#changes();
    const isSettled = changes === this.#seen;
    this.#seen = changes;
    if (changes === this.#taken) return Promise.resolve(undefined);
    this.#unsettledLooks = isSettled ? 0 : this.#unsettledLooks + 1;
    // A router that comes up tells its table in pieces: half of it would send half of the viewers elsewhere.
    if (!isSettled && this.#unsettledLooks < MAX_UNSETTLED_LOOKS) return Promise.resolve(undefined);
    this.#unsettledLooks = 0;
    this.#taken = changes;
    return Promise.resolve(bestPaths(this.#routes()));
  }

  *#routes(): ReturnType<BmpTable['routes']> {
    for (const { table } of this.#routers.values()) yield* table.routes();
  }

  #changes(): number {
    let changes = 0;
    for (const { table } of this.#routers.values()) changes += table.changes;
    return changes;
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined);
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const refusal = this.#refusal(address);
    if (refusal !== undefined) {
      this.#refusals.warn({ router: address, refusal }, 'hung up on somebody who speaks BMP');
      socket.destroy();
      return;
    }
    const { graceMs, logger } = this.#options;
    const router = this.#routers.get(address) ?? { table: new BmpTable({ ...LIMITS, graceMs }), socket: undefined };
    this.#routers.set(address, router);
    // A router that dials again has lost the connection before, whether we know it or not.
    router.socket?.destroy();
    router.table.lose(this.#options.clock.monotonicMs());
    router.socket = socket;
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    logger.info({ router: address }, 'a router tells its routes over BMP');
    const ended = (because: string): void => this.#ended(address, router, socket, because);
    this.#hear(socket, address, router.table).then(ended, () => ended('the connection broke'));
  }

  #refusal(address: string): string | undefined {
    if (!this.#allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return 'not among --bmp-routers';
    if (!this.#routers.has(address) && this.#routers.size >= MAX_ROUTERS) return `more than ${MAX_ROUTERS} routers`;
    return undefined;
  }

  /** Takes messages until the stream ends or makes no sense. @returns why it ended */
  async #hear(socket: Socket, address: string, table: BmpTable): Promise<string> {
    const { clock } = this.#options;
    let rest: Buffer = Buffer.alloc(0);
    for await (const piece of socket) {
      rest = rest.length === 0 ? (piece as Buffer) : Buffer.concat([rest, piece as Buffer]);
      let at = 0;
      while (rest.length - at >= BMP_HEADER_BYTES) {
        const length = bmpLength(rest.subarray(at, at + BMP_HEADER_BYTES));
        if (typeof length !== 'number') return length.problem;
        if (rest.length - at < length) break;
        const message = readBmp(rest.subarray(at, at + length), (peer, family) => table.hasPathIds(peer, family));
        at += length;
        if (message.kind === 'broken')
          this.#refusals.warn({ router: address, problem: message.problem }, 'a BMP message is broken and left out');
        const excess = table.apply(message, clock.monotonicMs());
        if (excess !== undefined) return excess;
        if (message.kind === 'termination') return 'the router said so';
      }
      rest = rest.subarray(at);
    }
    return rest.length === 0 ? 'the router hung up' : 'the router hung up within a message';
  }

  #ended(address: string, router: Router, socket: Socket, because: string): void {
    socket.destroy();
    if (this.#routers.get(address)?.socket !== socket) return;
    const { clock, graceMs, logger } = this.#options;
    router.socket = undefined;
    router.table.lose(clock.monotonicMs());
    logger.warn({ router: address, because, graceMs }, 'BMP ended: the routes count for the grace time');
  }
}

function blockListOf(routers: readonly string[]): BlockList {
  const list = new BlockList();
  for (const router of routers) {
    const [address = '', length] = router.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    try {
      list.addSubnet(address, length === undefined ? (family === 'ipv6' ? 128 : 32) : Number(length), family);
    } catch (error) {
      throw new OperationalError('CONFIG_INVALID', `--bmp-routers '${router}' is no address and no CIDR`, {
        cause: error,
      });
    }
  }
  return list;
}
