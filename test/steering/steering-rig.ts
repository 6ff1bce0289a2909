import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load-config.ts';
import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import { loadOrCreateIdentity } from '../../src/signing/identity.ts';
import { signRequest } from '../../src/signing/request-signature.ts';
import { type Logger, silentLogger } from '../../src/telemetry/logger.ts';
import { STEERING_PARAMETERS } from '../../steering/config.ts';
import { SteeringService } from '../../steering/steering.ts';
import { FakeWorld } from '../support/fake-world.ts';

/** A real steering on real sockets, in a world whose time the test moves. */
export class SteeringRig {
  readonly folder: string;
  readonly world: FakeWorld;
  #flags: Readonly<Record<string, unknown>>;
  readonly #logger: Logger;
  #service: SteeringService;

  constructor(flags: Readonly<Record<string, unknown>> = {}, logger: Logger = silentLogger) {
    this.folder = mkdtempSync(join(tmpdir(), 'oca-steering-'));
    this.world = new FakeWorld();
    this.#flags = flags;
    this.#logger = logger;
    this.#service = this.#make();
  }

  /** Other parameters, before it is started: those that need the folder. */
  set(flags: Readonly<Record<string, unknown>>): void {
    this.#flags = { ...this.#flags, ...flags };
    this.#service = this.#make();
  }

  async start(): Promise<this> {
    await this.#service.start();
    return this;
  }

  /** Stops it and starts another one on the same state. */
  async restart(): Promise<void> {
    await this.#service.stop(5000);
    this.#service = this.#make();
    await this.#service.start();
  }

  async stop(): Promise<void> {
    await this.#service.stop(5000);
    rmSync(this.folder, { recursive: true, force: true });
  }

  get url(): string {
    return this.#service.addresses()['listen'] ?? '';
  }

  get adminUrl(): string {
    return this.#service.addresses()['admin'] ?? '';
  }

  get service(): SteeringService {
    return this.#service;
  }

  get(target: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(this.url + target, { headers });
  }

  async json(target: string): Promise<unknown> {
    return (await this.get(target)).json();
  }

  async admin(target: string): Promise<unknown> {
    return (await fetch(this.adminUrl + target)).json();
  }

  post(target: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(this.url + target, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: text,
    });
  }

  async beat(heartbeat: Heartbeat): Promise<void> {
    const response = await this.post('/v1/heartbeat', heartbeat);
    if (!response.ok) throw new Error(`heartbeat: ${response.status} ${await response.text()}`);
  }

  /** A body signed as the service `id` that was enrolled with a token of the operator. */
  async postSigned(id: string, target: string, body: unknown): Promise<Response> {
    const identity = loadOrCreateIdentity(id, join(this.folder, `${id}.pem`));
    const bytes = Buffer.from(JSON.stringify(body));
    const headers = signRequest({ method: 'POST', target, body: bytes }, identity, this.world.clock.nowMs());
    return this.post(target, bytes.toString(), headers);
  }

  async enrol(id: string, role = 'appliance'): Promise<Response> {
    const minted = await fetch(`${this.adminUrl}/v1/enrolment-tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id, role }),
    });
    const { token } = (await minted.json()) as { token: string };
    const { publicKey } = loadOrCreateIdentity(id, join(this.folder, `${id}.pem`));
    return this.post('/v1/enrol', { version: 1, id, role, publicKey, token });
  }

  #make(): SteeringService {
    const flags = {
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      state: join(this.folder, 'state'),
      allowUnsignedLoopback: true,
      ...this.#flags,
    };
    const config = loadConfig(STEERING_PARAMETERS, { flags, environment: {} });
    return new SteeringService(
      { ...config, logLevel: 'silent', stopDeadlineMs: 5000 },
      { logger: this.#logger, world: this.world },
    );
  }
}
