import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { HostPort } from '../../src/config/parameter.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { formatHostPort, listenFailure, readTls } from '../../src/server/json-server.ts';
import type { ApplianceConfig } from '../config.ts';

const MAX_HEAD_BYTES = 16_384;
/** How often Node looks for connections over their time limits. */
const CHECK_INTERVAL_MS = 1000;

/** The listener that viewers and peers ask, HTTP or HTTPS, with a limit on everything a client can make it wait for. */
export class DeliveryServer implements Service {
  readonly #config: ApplianceConfig;
  readonly #server: Server;
  readonly #isTls: boolean;
  #address: HostPort;

  /** @param handle answers one request; must not reject */
  constructor(config: ApplianceConfig, handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
    this.#config = config;
    this.#address = config.listen;
    this.#isTls = config.tlsCert !== '' || config.tlsKey !== '';
    const options = {
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: config.headTimeoutMs,
      requestTimeout: config.headTimeoutMs,
      keepAliveTimeout: config.idleTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      noDelay: true,
    };
    this.#server = this.#isTls
      ? createHttpsServer({
          ...options,
          ...readTls(config.tlsCert, config.tlsKey),
          handshakeTimeout: config.headTimeoutMs,
        })
      : createHttpServer(options);
    this.#server.maxConnections = config.maxConnections;
    this.#server.on('request', (request, response) => void handle(request, response));
    this.#server.on('clientError', refuseNonsense);
  }

  /** @throws OperationalError CONFIG_INVALID, ADDRESS_UNAVAILABLE when the address cannot be had. */
  async start(): Promise<void> {
    const { host, port } = this.#config.listen;
    try {
      await this.#listen(host, port);
    } catch (error) {
      const hasNoIpv6 = host === '::' && error instanceof Error && 'code' in error && error.code === 'EAFNOSUPPORT';
      if (hasNoIpv6) return this.#listen('0.0.0.0', port);
      throw listenFailure({ host, port }, error);
    }
  }

  /** Takes no new connections, ends idle ones, and cuts what still runs at the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => this.#server.closeAllConnections(), deadlineMs);
    await closed;
    clearTimeout(cut);
  }

  /** `http://127.0.0.1:8080`: where it listens, known after start. */
  get url(): string {
    return `${this.#isTls ? 'https' : 'http'}://${formatHostPort(this.#address)}`;
  }

  connectionCount(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  }

  async #listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const bound = this.#server.address() as AddressInfo;
    this.#address = { host: bound.address, port: bound.port };
  }
}

/** What is no HTTP gets an answer if it can still be given, and its connection ends (RFC 9112 sections 2.2, 3). */
function refuseNonsense(error: Error, socket: Socket): void {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  // Not `end`: a client that never closes its side would keep the connection for good.
  socket.destroySoon();
}
