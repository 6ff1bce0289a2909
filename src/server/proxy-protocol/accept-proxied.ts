import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../../telemetry/logger.ts';
import { ThrottledLog } from '../../telemetry/throttled-log.ts';
import { parseProxyHeader } from './parse-proxy-header.ts';

export interface AcceptProxiedOptions {
  /** Whether a connection from this address begins with a header. All others are clients, and have none. */
  readonly isTrusted: (address: string) => boolean;
  /** How long a header may take. */
  readonly deadlineMs: number;
  readonly logger: Logger;
}

const LOG_INTERVAL_MS = 1000;

/**
 * Reads a PROXY header in front of each connection that a trusted balancer makes, before HTTP or TLS see a byte of it,
 * and gives the connection the address of the client that it names. From then on nobody behind can take the balancer
 * for the client: `remoteAddress` is the client's for limits, logs and for what loopback alone may do.
 *
 * Whether there is a header is settled by who connects and never by how the bytes look: a client that could choose
 * would write itself any address. A trusted balancer that sends something else, or nothing in time, is cut.
 *
 * The server's own connection listener is taken off and called when the header is read. What came behind it in the same
 * packet goes back into the socket, where both HTTP's parser and TLS take what was read before them.
 */
export function acceptProxied(server: Server, options: AcceptProxiedOptions): void {
  const serve = server.listeners('connection') as Array<(socket: Socket) => void>;
  server.removeAllListeners('connection');
  const waiting = new Set<Socket>();
  const clients = new Map<string, string>();
  const log = new ThrottledLog(options.logger, LOG_INTERVAL_MS);

  const hand = (socket: Socket): void => {
    for (const listener of serve) listener.call(server, socket);
  };
  server.on('connection', (socket: Socket) => {
    const balancer = socket.remoteAddress ?? '';
    if (!options.isTrusted(balancer)) return hand(socket);
    waiting.add(socket);
    readHeader(socket, options.deadlineMs, (outcome) => {
      waiting.delete(socket);
      if (outcome.kind === 'gone') return;
      if (outcome.kind === 'wrong') {
        log.warn({ balancer, because: outcome.because }, 'closed a connection of a proxy without a right PROXY header');
        socket.destroy();
        return;
      }
      if (outcome.client !== undefined) rememberClient(socket, outcome.client, clients);
      hand(socket);
    });
  });
  // TLS makes a socket of its own around the one that was accepted; both ends of the two are the same.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const client = clients.get(endsOf(socket));
    if (client !== undefined) nameClient(socket, client);
  });
  // What still waits for its header would hold up a stop: HTTP does not know of it yet.
  const close = server.close.bind(server);
  server.close = (done) => {
    for (const socket of waiting) socket.destroy();
    return close(done);
  };
}

type Outcome =
  | { readonly kind: 'client'; readonly client: string | undefined }
  | { readonly kind: 'wrong'; readonly because: string }
  | { readonly kind: 'gone' };

function readHeader(socket: Socket, deadlineMs: number, done: (outcome: Outcome) => void): void {
  let bytes = Buffer.alloc(0);
  const finish = (outcome: Outcome): void => {
    clearTimeout(deadline);
    socket.off('readable', read).off('close', leave).off('error', leave);
    done(outcome);
  };
  const leave = (): void => finish({ kind: 'gone' });
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      bytes = Buffer.concat([bytes, chunk]);
      const parsed = parseProxyHeader(bytes);
      if (parsed.kind === 'more') continue;
      if (parsed.kind === 'wrong') return finish(parsed);
      if (bytes.length > parsed.bytes) socket.unshift(bytes.subarray(parsed.bytes));
      return finish({ kind: 'client', client: parsed.client });
    }
  };
  const deadline = setTimeout(() => finish({ kind: 'wrong', because: 'it did not come in time' }), deadlineMs).unref();
  socket.on('readable', read).on('close', leave).on('error', leave);
}

function rememberClient(socket: Socket, client: string, clients: Map<string, string>): void {
  const ends = endsOf(socket);
  clients.set(ends, client);
  socket.once('close', () => clients.delete(ends));
  nameClient(socket, client);
}

function nameClient(socket: Socket, client: string): void {
  Object.defineProperty(socket, 'remoteAddress', { value: client, configurable: true });
}

/** Names a connection among those that are open, by its own two ends. */
const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
