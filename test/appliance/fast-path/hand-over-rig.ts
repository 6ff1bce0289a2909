import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { applianceParameters } from '../../../appliance/config.ts';
import { DeliveryServer } from '../../../appliance/delivery/delivery-server.ts';
import type { Mover } from '../../../appliance/fast-path/hand-over.ts';
import type { MovedConnection } from '../../../appliance/fast-path/messages.ts';
import type { Libc } from '../../../appliance/kernel/libc.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { until } from '../../support/until.ts';
import { openSockets } from './open-sockets.ts';

const HEAD_TIMEOUT_MS = 200;

/** Stands where a wire thread would: accepts and reads by system calls, gives connections away and takes them back. */
export class HandOverRig implements AsyncDisposable {
  readonly libc: Libc;
  readonly server: DeliveryServer;
  readonly given: MovedConnection[] = [];
  readonly gone: MovedConnection[] = [];
  readonly requests: string[] = [];
  /** As the reference engine has them. */
  readonly sockets = new Set<Socket>();
  readonly #listener: number;
  readonly #port: number;
  readonly #clients: Client[] = [];
  #before = new Map<string, number>();

  constructor(
    libc: Libc,
    handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
    mover?: Partial<Mover>,
  ) {
    this.libc = libc;
    this.#listener = libc.socket('IPv4');
    libc.bind(this.#listener, { address: '127.0.0.1', port: 0 });
    libc.listen(this.#listener, 16);
    this.#port = libc.localAddress(this.#listener).port;
    this.server = new DeliveryServer({
      config: loadConfig(applianceParameters, {
        flags: { headTimeoutMs: HEAD_TIMEOUT_MS, idleTimeoutMs: 300, maxConnectionsPerAddress: 1 },
        environment: {},
      }),
      handle: (request, response) => {
        this.sockets.add(request.socket);
        this.requests.push(`${request.method} ${request.url} ${request.socket.remoteAddress}`);
        return handle(request, response);
      },
      onRefused: () => undefined,
      mover: {
        libc,
        giveBack: (connection) => this.given.push(connection),
        gone: (connection) => this.gone.push(connection),
        ...mover,
      },
    });
  }

  async start(): Promise<this> {
    this.#before = openSockets();
    await this.server.start({ host: '127.0.0.1', port: this.#port });
    return this;
  }

  /** A client whose connection was accepted, with what it has said so far read from it. */
  async client(says: string): Promise<{ client: Client; connection: MovedConnection; bytes: Uint8Array }> {
    const client = await Client.connect(this.#port);
    this.#clients.push(client);
    const fd = this.libc.accept(this.#listener);
    const { address, port } = this.libc.acceptedAddress();
    client.say(says);
    const connection = { fd, remoteAddress: address, remotePort: port, countedAt: 7 };
    return { client, connection, bytes: await this.read(fd, says.length) };
  }

  async read(fd: number, count: number): Promise<Uint8Array> {
    const memory = this.libc.memory(4096);
    let at = 0;
    await until(() => {
      const got = this.libc.recv(fd, memory.address + at, 4096 - at, 0);
      if (got > 0) at += got;
      return at >= count;
    });
    return memory.bytes.slice(0, at);
  }

  /** Every descriptor of a connection is closed but those that were given back. */
  async expectNoLeak(): Promise<void> {
    for (const client of this.#clients) client.socket.destroy();
    for (const { fd } of this.given) this.libc.close(fd);
    await until(() => openSockets().size <= this.#before.size);
    expect(openSockets()).toEqual(this.#before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop(0);
    await this.expectNoLeak();
    this.libc.close(this.#listener);
  }
}

class Client {
  readonly socket: Socket;
  heard = '';
  hasEnded = false;
  failure: NodeJS.ErrnoException | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.heard += text));
    socket.on('end', () => (this.hasEnded = true));
    socket.on('error', (error) => (this.failure = error));
  }

  static async connect(port: number): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await new Promise((resolve) => socket.once('connect', resolve));
    return new Client(socket);
  }

  say(text: string): void {
    if (text !== '') this.socket.write(text);
  }

  answers(): number {
    return this.heard.split('HTTP/1.1 ').length - 1;
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}
