import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordedCall {
  readonly method: string;
  readonly target: string;
  readonly headers: string;
  readonly body: string;
}

/** Stands between a service and those who call it, hands everything on unchanged, and keeps what was said. */
export class RecordingProxy {
  readonly calls: RecordedCall[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async before(serviceUrl: string): Promise<RecordingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new RecordingProxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (incoming, outgoing) => void proxy.#pass(serviceUrl, incoming, outgoing));
    return proxy;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #pass(serviceUrl: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    // A service that was killed in the middle of a call: the other side is cut off too.
    incoming.on('error', () => outgoing.destroy());
    for await (const piece of incoming) pieces.push(piece as Buffer);
    const { method = '', url: target = '', rawHeaders } = incoming;
    const body = Buffer.concat(pieces);
    this.calls.push({ method, target, headers: rawHeaders.join('\n'), body: body.toString('utf8') });
    const onward = request(serviceUrl + target, { method, headers: incoming.headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    });
    onward.on('error', () => outgoing.destroy());
    onward.end(body);
  }
}
