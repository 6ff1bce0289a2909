import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load-config.ts';
import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { JsonServer } from '../../src/server/json-server.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { STEERING_PARAMETERS } from '../../steering/config.ts';
import { SteeringService } from '../../steering/steering.ts';
import { PlannerDouble } from '../steering/planner-double.ts';
import { FakeClock, seededRandom } from '../support/fake-world.ts';
import { WorkOutside } from './work-outside.ts';

const BEGINS_MS = Date.UTC(2030, 0, 7, 18, 30);
/** A folder in memory is quicker, and what is kept here is kept for seconds. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * The real service with all of its parts, in a world whose time and chance the simulation owns. Its listeners are there
 * and nobody connects: questions go to the routers directly, from whatever address the viewer has.
 */
export class SteeringUnderTest {
  readonly clock: FakeClock;
  readonly #world: World;
  readonly #outside = new WorkOutside();
  readonly #folder = mkdtempSync(join(FOLDER, 'oca-evening-'));
  readonly #planner = new PlannerDouble();
  readonly #flags: Readonly<Record<string, unknown>>;
  #service: SteeringService | undefined;
  #servers: JsonServer[] = [];
  readonly #drawNext: () => number;
  #draw = 0.5;

  constructor(seed: number, sites: object, flags: Readonly<Record<string, unknown>>) {
    this.clock = new FakeClock(BEGINS_MS, () => this.#outside.idle());
    const [ofAnswers, ofTasks] = [seededRandom(seed), seededRandom(seed)];
    // Tasks that wait for disks and sockets draw when the machine likes: so each question has one draw, and they share it.
    this.#drawNext = () => ofAnswers.next();
    const next = (): number => this.#draw;
    this.#world = { clock: this.clock, random: { ...ofTasks, next } };
    const sitesFile = join(this.#folder, 'sites.json');
    writeFileSync(sitesFile, JSON.stringify(sites));
    this.#flags = {
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      publicUrl: 'https://steering.example',
      state: join(this.#folder, 'state'),
      sites: sitesFile,
      allowUnsignedLoopback: true,
      decisionLogPerSec: 100,
      ...flags,
    };
  }

  /** @param plans the titles that each appliance's plan lists */
  async start(titles: readonly CatalogueTitle[], plans: ReadonlyMap<string, readonly CatalogueTitle[]>): Promise<void> {
    await this.#planner.start();
    this.#planner.setTitles(...titles);
    for (const [applianceId, planned] of plans) this.#planner.setPlan(applianceId, 1, ...planned);
    await this.#startService();
  }

  /** Stopped and started again on what it kept. */
  async restart(): Promise<void> {
    await this.#service?.stop(5000);
    await this.#startService();
  }

  /** From here on nobody answers at the planner's address. */
  stopPlanner(): Promise<void> {
    return this.#planner.stop();
  }

  /** How many rendition lists the planner was asked for. */
  get listsAsked(): number {
    return new Set(this.#planner.seen.filter((what) => what.startsWith('list '))).size;
  }

  get decisionLog(): string {
    return join(this.#folder, 'state', 'decisions');
  }

  async stopService(): Promise<void> {
    await this.#service?.stop(5000);
    this.#service = undefined;
  }

  async end(): Promise<void> {
    await this.stopService();
    this.#outside.release();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get(url: string, remoteAddress: string): Promise<Answer> {
    return this.#ask(this.#servers[0], { method: 'GET', url, remoteAddress });
  }

  post(url: string, body: object): Promise<Answer> {
    return this.#ask(this.#servers[0], { method: 'POST', url, remoteAddress: '127.0.0.1', payload: body });
  }

  async admin<T>(method: 'GET' | 'PUT' | 'DELETE', url: string, body?: object): Promise<T> {
    const options = { method, url, remoteAddress: '127.0.0.1', ...(body === undefined ? {} : { payload: body }) };
    const { status, text } = await this.#ask(this.#servers[1], options);
    if (status >= 300) throw new Error(`${method} ${url}: ${status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async #startService(): Promise<void> {
    const config = loadConfig(STEERING_PARAMETERS, {
      flags: { ...this.#flags, planner: this.#planner.url },
      environment: {},
    });
    const made: JsonServer[] = [];
    const onMade = (message: unknown): void => void made.push((message as { fastify: JsonServer }).fastify);
    this.#service = new SteeringService(
      { ...config, logLevel: 'silent', stopDeadlineMs: 5000 },
      { logger: silentLogger, world: this.#world },
    );
    subscribe('fastify.initialization', onMade);
    try {
      await this.#service.start();
    } finally {
      unsubscribe('fastify.initialization', onMade);
    }
    this.#servers = made;
  }

  async #ask(
    server: JsonServer | undefined,
    question: { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; url: string; remoteAddress: string; payload?: object },
  ): Promise<Answer> {
    if (server === undefined) throw new Error('the service has no such listener');
    if (question.method === 'GET') this.#draw = this.#drawNext();
    const { statusCode, payload } = await server.inject(question);
    return { status: statusCode, text: payload };
  }
}
