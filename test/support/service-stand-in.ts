import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DemandSample, parseDemandSample } from '../../src/contracts/demand-sample.ts';
import type { FileManifest } from '../../src/contracts/file-manifest.ts';
import type { FillPlan } from '../../src/contracts/fill-plan.ts';
import { type FillReport, parseFillReport } from '../../src/contracts/fill-report.ts';
import { type Heartbeat, parseHeartbeat } from '../../src/contracts/heartbeat.ts';
import { parseRouteReport, type RouteReport } from '../../src/contracts/route-report.ts';
import { addEnrolmentRoute } from '../../src/server/enrolment-routes.ts';
import {
  createJsonServer,
  type JsonReply,
  type JsonServer,
  listen,
  sendProblem,
} from '../../src/server/json-server.ts';
import { createSignatureGuard } from '../../src/server/signature-guard.ts';
import { TrustedKeys } from '../../src/server/trusted-keys.ts';
import { type Identity, loadOrCreateIdentity } from '../../src/signing/identity.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';

/**
 * Planner and steering in one small server, for tests of the appliance alone: real HTTP, real signatures, real
 * contracts, and a memory of what came in. What it answers is the test's to set.
 */
export class ServiceStandIn {
  readonly heartbeats: Heartbeat[] = [];
  readonly routeReports: RouteReport[] = [];
  readonly fillReports: FillReport[] = [];
  readonly demand: DemandSample[] = [];
  readonly manifests = new Map<string, unknown>();
  /** Requests by `METHOD path`, signed or not, refused or not. */
  readonly asked: string[] = [];
  plan: { etag: string; document: unknown } | undefined;
  /** Answers every call with this status instead, when set. */
  failWith: number | undefined;
  /** Does the work of a call and then cuts the connection, so that the answer is lost. */
  loseAnswers = false;
  readonly identity: Identity;
  readonly trusted: TrustedKeys;
  readonly #dir: string;
  readonly #allowUnsigned: boolean;
  readonly #world: World;
  #server: JsonServer;
  #port = 0;

  constructor(dir: string, world: World, allowUnsigned: boolean) {
    this.#dir = dir;
    this.#world = world;
    this.#allowUnsigned = allowUnsigned;
    this.identity = loadOrCreateIdentity('service', join(dir, 'identity.pem'));
    this.trusted = new TrustedKeys(join(dir, 'trust.sqlite'), world);
    this.#server = this.#build();
  }

  static async start(world: World, options: { allowUnsigned: boolean }): Promise<ServiceStandIn> {
    const dir = await mkdtemp(join(tmpdir(), 'oca-stand-in-'));
    const standIn = new ServiceStandIn(dir, world, options.allowUnsigned);
    await standIn.#listen();
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  mintToken(id: string): string {
    return this.trusted.mintToken(id, 'appliance');
  }

  setPlan(plan: FillPlan, etag = `"${plan.planVersion}-${plan.createdAtMs}"`): void {
    this.plan = { etag, document: plan };
  }

  addManifests(manifests: readonly FileManifest[]): void {
    for (const manifest of manifests) this.manifests.set(manifest.root, manifest);
  }

  /** Goes away: connections are refused until `comeBack`. */
  async goAway(): Promise<void> {
    await this.#server.close();
  }

  async comeBack(): Promise<void> {
    this.#server = this.#build();
    await this.#listen();
  }

  async stop(): Promise<void> {
    await this.#server.close();
    this.trusted.close();
    await rm(this.#dir, { recursive: true });
  }

  async #listen(): Promise<void> {
    this.#port = (await listen(this.#server, { host: '127.0.0.1', port: this.#port })).port;
  }

  #build(): JsonServer {
    const server = createJsonServer({ logger: silentLogger, bodyLimitBytes: 10_000_000 });
    const guard = createSignatureGuard({
      trusted: this.trusted,
      clock: this.#world.clock,
      logger: silentLogger,
      allowUnsignedLoopback: this.#allowUnsigned,
    });
    server.addHook('onRequest', (request, reply, done) => {
      this.asked.push(`${request.method} ${request.url}`);
      if (this.failWith === undefined) done();
      else sendProblem(reply, this.failWith, 'TEST', 'the test wants it so');
    });
    server.addHook('onSend', (_request, reply, payload, done) => {
      if (this.loseAnswers) reply.raw.destroy();
      else done(null, payload);
    });
    addEnrolmentRoute(server, this.trusted, this.identity, silentLogger);
    server.get<{ Params: { id: string } }>('/v1/plan/:id', (request, reply) => {
      if (guard(request, reply, ['appliance'], request.params.id) === 'refused') return reply;
      if (this.plan === undefined) return sendProblem(reply, 404, 'NO_PLAN', 'no plan yet');
      reply.header('etag', this.plan.etag);
      return request.headers['if-none-match'] === this.plan.etag ? reply.code(304).send() : this.plan.document;
    });
    server.get<{ Params: { root: string } }>('/v1/file-manifest/:root', (request, reply) => {
      if (guard(request, reply, ['appliance']) === 'refused') return reply;
      return this.manifests.get(request.params.root) ?? sendProblem(reply, 404, 'NOT_FOUND', 'no such manifest');
    });
    this.#take(server, guard, '/v1/heartbeat', parseHeartbeat, this.heartbeats, {
      version: 1,
      leaseMs: 15_000,
      tokenKeys: [],
    });
    this.#take(server, guard, '/v1/routes', parseRouteReport, this.routeReports);
    this.#take(server, guard, '/v1/fill-report', parseFillReport, this.fillReports);
    this.#take(server, guard, '/v1/demand', parseDemandSample, this.demand);
    return server;
  }

  #take<T extends { applianceId: string }>(
    server: JsonServer,
    guard: ReturnType<typeof createSignatureGuard>,
    path: string,
    parse: (body: unknown) => T,
    into: T[],
    answer?: object,
  ): void {
    server.post(path, (request, reply): JsonReply | object => {
      const body = parse(request.body);
      if (guard(request, reply, ['appliance'], body.applianceId) === 'refused') return reply;
      into.push(body);
      return answer ?? reply.code(204).send();
    });
  }
}
