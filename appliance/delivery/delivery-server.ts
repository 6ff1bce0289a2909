import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { HostPort } from '../../src/config/parameter.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { formatHostPort, listenFailure, readTls } from '../../src/server/json-server.ts';
import type { ApplianceConfig } from '../config.ts';
import { HandOver, type Mover } from '../fast-path/hand-over.ts';
import { checkInherited, LISTEN_BACKLOG } from '../fast-path/listening.ts';
import type { MovedConnection } from '../fast-path/messages.ts';
import type { RefusalReason } from './check-head.ts';
import { ConnectionCounts } from './connection-counts.ts';

const MAX_HEAD_BYTES = 16_384;
/** How often Node looks for connections over their time limits. */
const CHECK_INTERVAL_MS = 1000;
/** A client that has closed its side and waits for so long is asked whether it is still there. */
const ASK_IF_THERE_MS = 500;

export interface DeliveryServerOptions {
  readonly config: ApplianceConfig;
  /** Answers one request; must not reject. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Told of what never became a request. */
  readonly onRefused: (reason: RefusalReason) => void;
  /** Where wire threads accept and give away what they do not answer. */
  readonly mover?: Mover | undefined;
  /** A socket that listens already; see listening.ts. */
  readonly inheritedFd?: number | undefined;
}

/** Of a connection: how many of its requests are in hand, and the answer to the last of them; undefined when none is. */
interface InHand {
  count: number;
  last: ServerResponse | undefined;
}

/**
 * The listener that viewers and peers ask, HTTP or HTTPS, with a limit on everything a client can make it wait for.
 * Node's parser is left in its strict mode, and what it refuses ends the connection. What it would do by itself and is
 * ours to decide comes to `handle`: Host, Expect, and requests for a tunnel.
 *
 * A client may close its side behind its request and still wants the answer (RFC 9112 section 9.6 has a server do the
 * same). Node drops such a request unless it is told not to (`httpAllowHalfOpen`). But a client that has left looks alike:
 * both are a FIN, and a miss would be fetched for nobody. So who waits longer than a moment is sent 100 (Continue), which
 * a client discards that did not ask for it (RFC 9110 section 15.2.1), and to which the kernel of one that has left says
 * that nobody is there. Behind a head nothing can be asked: there whoever has closed its side is taken to have left when
 * no byte of the body was to be had for as long. Limits: HTTP/1.0 knows no such answers, and is waited for until its own;
 * where TLS ends here, not in threads of its own, Node closes with the client.
 */
export class DeliveryServer implements Service {
  readonly #config: ApplianceConfig;
  readonly #server: Server;
  readonly #isTls: boolean;
  readonly #onRefused: (reason: RefusalReason) => void;
  readonly #connections: ConnectionCounts;
  readonly #handOver: HandOver | undefined;
  readonly #inheritedFd: number | undefined;
  readonly #answering = new WeakMap<Socket, InHand>();
  /** Connections that end when nothing is in hand on them any more. */
  readonly #doomed = new WeakSet<Socket>();
  #address: HostPort;
  #isAcceptedElsewhere = false;

  constructor({ config, handle, onRefused, mover, inheritedFd }: DeliveryServerOptions) {
    this.#config = config;
    this.#onRefused = onRefused;
    this.#inheritedFd = inheritedFd;
    this.#connections = new ConnectionCounts(config.maxConnectionsPerAddress);
    this.#address = config.listen;
    this.#isTls = config.tlsCert !== '' || config.tlsKey !== '';
    const options = {
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: config.headTimeoutMs,
      // Bodies are timed by who reads them; a request that may not have one is ended with its answer.
      requestTimeout: 0,
      // Checked with the rest of the head, and there it is counted.
      requireHostHeader: false,
      keepAliveTimeout: config.idleTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      noDelay: true,
    };
    // TLS ends where connections are accepted.
    const hasTlsHere = this.#isTls && mover === undefined;
    this.#server = hasTlsHere
      ? createHttpsServer({
          ...options,
          ...readTls(config.tlsCert, config.tlsKey),
          handshakeTimeout: config.headTimeoutMs,
        })
      : createHttpServer(options);
    // In Node since its beginning, and in no list of its options.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.maxConnections = config.maxConnections;
    // None is left out silently: the size of the head bounds them, and checkHead counts them.
    this.#server.maxHeadersCount = 0;
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      this.#noteAnswer(request, response);
      void handle(request, response);
    };
    this.#server.on('request', answer);
    this.#server.on('checkContinue', answer);
    this.#server.on('checkExpectation', answer);
    this.#server.on('connect', (_request, socket: Socket) => this.#refuse(socket, 'method', '405 Method Not Allowed'));
    this.#server.on('clientError', (error, socket: Socket) => this.#refuseNonsense(error, socket));
    this.#server.on('drop', () => onRefused('connections'));
    this.#server.on('connection', (socket: Socket) => this.#admit(socket));
    if (mover !== undefined) this.#handOver = new HandOver(this.#server, mover);
  }

  /**
   * @param acceptedAt where others accept, and give connections by `takeOver`; else it listens at `--listen` itself
   * @throws OperationalError CONFIG_INVALID, ADDRESS_UNAVAILABLE when the address cannot be had.
   */
  async start(acceptedAt?: HostPort): Promise<void> {
    if (acceptedAt !== undefined) {
      // A server that listens nowhere does not look at its time limits. An abstract name (unix(7)) leaves no file behind.
      await this.#listen({ path: `\0oca-delivery-${randomUUID()}` });
      this.#isAcceptedElsewhere = true;
      this.#address = acceptedAt;
      return;
    }
    if (this.#inheritedFd === undefined) await this.#listenByOwn(this.#config.listen);
    else await this.#listenByInherited(this.#inheritedFd);
    const bound = this.#server.address() as AddressInfo;
    this.#address = { host: bound.address, port: bound.port };
  }

  /** Serves a connection that was accepted elsewhere, and gives it back when it can; see hand-over.ts. */
  takeOver(connection: MovedConnection, bytes: Uint8Array, isOneHead: boolean): void {
    if (this.#handOver === undefined) throw new Error('connections come from nowhere else');
    this.#handOver.take(connection, bytes, isOneHead);
  }

  /**
   * Takes no new connections, ends idle ones, and cuts what still runs at the deadline.
   * @param lastHasCome resolves when no more connections come by `takeOver`
   */
  async stop(deadlineMs: number, lastHasCome: Promise<void> = Promise.resolve()): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#handOver?.keepAll();
    this.#server.closeIdleConnections();
    let isLate = false;
    const cut = setTimeout(() => {
      isLate = true;
      this.#server.closeAllConnections();
    }, deadlineMs);
    await Promise.all([closed, lastHasCome]);
    if (isLate) this.#server.closeAllConnections();
    await this.#handOver?.ended();
    clearTimeout(cut);
  }

  /** `http://127.0.0.1:8080`: where it listens, known after start. */
  get url(): string {
    return `${this.#isTls ? 'https' : 'http'}://${formatHostPort(this.#address)}`;
  }

  /** Connections that are here: those of wire threads are theirs, unless they were given away. */
  connectionCount(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => {
        if (error === null) resolve(count + (this.#handOver?.size ?? 0));
        else reject(error);
      });
    });
  }

  async #listenByOwn({ host, port }: HostPort): Promise<void> {
    try {
      await this.#listen({ host, port });
    } catch (error) {
      const hasNoIpv6 = host === '::' && error instanceof Error && 'code' in error && error.code === 'EAFNOSUPPORT';
      if (!hasNoIpv6) throw listenFailure({ host, port }, error);
      await this.#listen({ host: '0.0.0.0', port });
    }
  }

  async #listenByInherited(fd: number): Promise<void> {
    const { listen } = this.#config;
    await this.#listen({ fd }).catch(() => checkInherited(undefined, listen));
    const bound = this.#server.address();
    const isIp = typeof bound === 'object' && bound !== null;
    await checkInherited(isIp ? { host: bound.address, port: bound.port } : undefined, listen);
  }

  #listen(where: HostPort | { readonly path: string } | { readonly fd: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // Beside the place: within it Node forgets it where that is a descriptor.
      this.#server.listen(where, LISTEN_BACKLOG, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  #admit(socket: Socket): void {
    // Where it was accepted it was counted.
    if (this.#handOver?.has(socket) === true) return;
    // Somebody on this machine who has found the listener that is none.
    if (this.#isAcceptedElsewhere) {
      socket.destroy();
      return;
    }
    const leave = this.#connections.enter(socket.remoteAddress ?? '');
    if (leave !== undefined) {
      socket.once('close', leave);
      return;
    }
    this.#onRefused('connections-of-address');
    socket.destroy();
  }

  #noteAnswer(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const inHand = this.#inHandOf(socket);
    inHand.count += 1;
    inHand.last = response;
    response.once('close', () => {
      inHand.count -= 1;
      if (inHand.count > 0) return;
      // An idle connection keeps nothing of what was answered.
      inHand.last = undefined;
      if (this.#doomed.has(socket)) socket.destroySoon();
      else this.#handOver?.answered(socket, request.complete);
    });
  }

  #inHandOf(socket: Socket): InHand {
    const known = this.#answering.get(socket);
    if (known !== undefined) return known;
    const inHand: InHand = { count: 0, last: undefined };
    this.#answering.set(socket, inHand);
    socket.once('end', () => this.#askSoon(socket, inHand));
    return inHand;
  }

  /** Whether a client that has closed its side is still there; see above. */
  #askSoon(socket: Socket, inHand: InHand, wasAsked = false): void {
    const { bytesWritten } = socket;
    setTimeout(() => {
      const { last } = inHand;
      if (last === undefined || socket.destroyed) return;
      const isStill = socket.bytesWritten === bytesWritten && socket.writableLength === 0;
      if (last.headersSent && isStill) {
        socket.destroy();
        return;
      }
      const asks = !wasAsked && !last.headersSent && last.req.httpVersion === '1.1';
      if (asks) last.writeContinue();
      this.#askSoon(socket, inHand, wasAsked || asks);
    }, ASK_IF_THERE_MS).unref();
  }

  /** What is no HTTP gets an answer if it can still be given, and its connection ends (RFC 9112 sections 2.2, 3). */
  #refuseNonsense(error: Error, socket: Socket): void {
    const code = 'code' in error ? error.code : undefined;
    if (code === 'ECONNRESET' || !socket.writable) socket.destroy();
    // Something follows a request that said it was the last: its answer ends the connection.
    else if (code === 'HPE_CLOSED_CONNECTION') this.#doomed.add(socket);
    else if (code === 'HPE_HEADER_OVERFLOW') {
      this.#refuse(socket, 'head-too-large', '431 Request Header Fields Too Large');
    } else if (code === 'ERR_HTTP_REQUEST_TIMEOUT') this.#refuse(socket, 'head-timeout', '408 Request Timeout');
    else this.#refuse(socket, 'malformed', '400 Bad Request');
  }

  #refuse(socket: Socket, reason: RefusalReason, status: string): void {
    if (this.#doomed.has(socket)) return;
    this.#doomed.add(socket);
    this.#onRefused(reason);
    // An answer is on its way: words in the middle of its body would be taken for content.
    if ((this.#answering.get(socket)?.count ?? 0) > 0) return;
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    // Not `end`: a client that never closes its side would keep the connection for good.
    socket.destroySoon();
  }
}
