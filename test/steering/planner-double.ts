import { createHash } from 'node:crypto';
import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import {
  createJsonServer,
  formatHostPort,
  type JsonServer,
  listen,
  sendProblem,
} from '../../src/server/json-server.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { renditionIds, snapshot } from './samples.ts';

/** The planner's two endpoints that steering reads, with what the test puts into them. */
export class PlannerDouble {
  readonly #server: JsonServer;
  readonly #lists = new Map<string, readonly string[]>();
  #titles: CatalogueTitle[] = [];
  #version = 0;
  #url = '';
  /** Requests seen, as `catalogue`, `catalogue 304`, `list a 1`. */
  readonly seen: string[] = [];

  constructor() {
    this.#server = createJsonServer({ logger: silentLogger, bodyLimitBytes: 1024 });
    this.#server.get('/v1/catalogue', (request, reply) => {
      const body = JSON.stringify(snapshot(this.#titles, this.#version));
      const etag = `"${createHash('sha256').update(body).digest('hex')}"`;
      const fresh = request.headers['if-none-match'] === etag;
      this.seen.push(fresh ? 'catalogue 304' : 'catalogue');
      return fresh ? reply.code(304).send() : reply.header('etag', etag).type('application/json').send(body);
    });
    this.#server.get<{ Params: { id: string }; Querystring: { version: string } }>(
      '/v1/plan/:id/renditions',
      (request, reply) => {
        const { id } = request.params;
        const { version } = request.query;
        this.seen.push(`list ${id} ${version}`);
        const renditions = this.#lists.get(`${id} ${version}`);
        if (renditions === undefined) return sendProblem(reply, 404, 'NO_PLAN', 'no such plan');
        return { version: 1, applianceId: id, planVersion: Number(version), renditions };
      },
    );
  }

  async start(): Promise<this> {
    this.#url = `http://${formatHostPort(await listen(this.#server, { host: '127.0.0.1', port: 0 }))}`;
    return this;
  }

  stop(): Promise<void> {
    return this.#server.close();
  }

  get url(): string {
    return this.#url;
  }

  setTitles(...titles: CatalogueTitle[]): void {
    this.#titles = titles;
    this.#version += 1;
  }

  /** A plan of the appliance that lists the renditions of these titles, in order. */
  setPlan(applianceId: string, planVersion: number, ...titles: CatalogueTitle[]): void {
    this.#lists.set(`${applianceId} ${planVersion}`, titles.flatMap(renditionIds));
  }
}
