import { join } from 'node:path';
import { PLANNER_PARAMETERS } from '../../fill-planner/config.ts';
import { createFillPlanner, type PlannerConfig } from '../../fill-planner/fill-planner.ts';
import { HttpClient } from '../../src/client/http-client.ts';
import { ServiceClient } from '../../src/client/service-client.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { ServiceRole } from '../../src/contracts/enrolment.ts';
import { parseFillPlan } from '../../src/contracts/fill-plan.ts';
import type { ProcessService } from '../../src/lifecycle/service.ts';
import { type Identity, loadOrCreateIdentity } from '../../src/signing/identity.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { systemWorld, type World } from '../../src/world/world.ts';
import { temporaryFolder } from './catalog/demo-title.ts';

export const FLEET = {
  sites: [
    {
      id: 's1',
      timeZone: 'Europe/Berlin',
      region: 'de',
      fillWindow: { start: '02:00', hours: 6 },
      fillBitsPerSec: 2e8,
    },
    {
      id: 's2',
      timeZone: 'America/New_York',
      region: 'us',
      fillWindow: { start: '03:30', hours: 4 },
      fillBitsPerSec: 1e8,
      transit: { perMbpsMonth: 0.8, currency: 'USD' },
    },
  ],
  clusters: [
    { id: 'c1', siteId: 's1' },
    { id: 'c2', siteId: 's2' },
  ],
  appliances: ['a1', 'a2', 'b1'].map((id) => ({
    id,
    clusterId: id.startsWith('a') ? 'c1' : 'c2',
    baseUrl: `http://${id}.example`,
    capacityBytes: 100_000_000,
    fillBitsPerSec: 5e8,
  })),
};

/** What of a plan stays the same when it is made again an hour later: windows, ranks and expectations move with time. */
export function lastingPart(plan: unknown): unknown {
  const { planVersion, applianceId, renditions, files } = parseFillPlan(plan);
  const lasting = files.map(({ path, sizeBytes, root, rendition, sources }) => ({
    path,
    sizeBytes,
    root,
    rendition,
    sources,
  }));
  return { planVersion, applianceId, renditions, files: lasting.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

/** A planner in this process, on real sockets, with tools to talk to it as an operator and as an enrolled service. */
export class RunningPlanner {
  readonly folder: string;
  /** Of the planner, as the last one heard it who enrolled. */
  publicKey = '';
  readonly world: World;
  readonly http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 8 });
  readonly #config: Partial<PlannerConfig>;
  readonly #remove: () => PromiseLike<void>;
  #service: ProcessService | undefined;

  private constructor(folder: string, remove: () => PromiseLike<void>, config: Partial<PlannerConfig>, world: World) {
    this.folder = folder;
    this.#remove = remove;
    this.#config = config;
    this.world = world;
  }

  static async start(config: Partial<PlannerConfig> = {}, world: World = systemWorld): Promise<RunningPlanner> {
    const folder = await temporaryFolder();
    const planner = new RunningPlanner(folder.path, () => folder[Symbol.asyncDispose](), config, world);
    await planner.start();
    return planner;
  }

  async start(): Promise<void> {
    const anyPort = { host: '127.0.0.1', port: 0 };
    const config: PlannerConfig = {
      ...loadConfig(PLANNER_PARAMETERS, { flags: {}, environment: {} }),
      logLevel: 'silent',
      stopDeadlineMs: 5000,
      state: join(this.folder, 'state'),
      listen: anyPort,
      adminListen: anyPort,
      // Nobody has watched anything yet, and something has to be planned.
      minSavedPerFilled: 0,
      ...this.#config,
    };
    this.#service = createFillPlanner(config, { logger: silentLogger, world: this.world });
    await this.#service.start();
  }

  async stop(): Promise<void> {
    await this.#service?.stop(5000);
    this.#service = undefined;
  }

  get listenUrl(): string {
    return this.#service?.addresses()['listen'] ?? '';
  }

  get adminUrl(): string {
    return this.#service?.addresses()['admin'] ?? '';
  }

  /** Where other CDNs send triggers. */
  get triggersUrl(): string {
    return this.#service?.addresses()['triggers'] ?? '';
  }

  get admin(): ServiceClient {
    return this.#client(this.adminUrl);
  }

  /** A caller without a signature. */
  get stranger(): ServiceClient {
    return this.#client(this.listenUrl);
  }

  /** A caller with a key of its own that nobody has registered yet. */
  unknown(id: string, keyName = id): ServiceClient {
    return this.#client(this.listenUrl, loadOrCreateIdentity(id, join(this.folder, `${keyName}.pem`)));
  }

  /** A caller that has registered its key with a token of the operator's. */
  async enrolled(id: string, role: ServiceRole = 'appliance'): Promise<ServiceClient> {
    const { token } = (await this.admin.post('/v1/enrolment-tokens', { id, role })) as { token: string };
    const client = this.unknown(id);
    this.publicKey = (await client.enrol(role, token)).publicKey;
    return client;
  }

  /** Posts a title and gives the lines of the answer. */
  async addTitle(request: object): Promise<{ kind: string; [member: string]: unknown }[]> {
    const response = await fetch(`${this.adminUrl}/v1/titles`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    const lines = (await response.text()).trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as { kind: string });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.http.destroy();
    await this.#remove();
  }

  #client(baseUrl: string, identity?: Identity): ServiceClient {
    return new ServiceClient({
      http: this.http,
      clock: this.world.clock,
      baseUrl,
      timeoutMs: 20_000,
      maxAnswerBytes: 50_000_000,
      ...(identity === undefined ? {} : { identity }),
    });
  }
}
