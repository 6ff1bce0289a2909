import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an operator has in front of steering: it asks the first of its services that can be reached. */
export class FailingOverFront {
  /** Base URLs in the order to try. */
  services: readonly string[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<FailingOverFront> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const front = new FailingOverFront(server);
    server.on('request', (incoming, outgoing) => {
      const { method = '', url = '', headers } = incoming;
      const tryFrom = (place: number): void => {
        const service = front.services[place];
        if (service === undefined) {
          outgoing.writeHead(502).end();
          return;
        }
        const onward = request(service + url, { method, headers, agent: false }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, 'x-answered-by': service });
          answer.pipe(outgoing);
        });
        onward.on('error', () => tryFrom(place + 1));
        onward.end();
      };
      tryFrom(0);
    });
    return front;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
