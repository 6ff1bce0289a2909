import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildService, serviceWords } from './child-service.ts';

/**
 * The whole delivery network of the demo as separate processes on loopback: origin, planner, steering, three
 * appliances in two sites. It is set up as an operator would do it, through the admin listeners: enrolment by one-time
 * tokens, fleet, title, one plan cycle with a window that is open now.
 */
const ORIGIN_PROGRAM = fileURLToPath(new URL('./origin.ts', import.meta.url));
const MEDIA = fileURLToPath(new URL('./title/media', import.meta.url));
const TITLE = 'bars';
const PREFIX = '/vod/bars';
const FILL_DEADLINE_MS = 60_000;

interface ApplianceSpec {
  readonly id: string;
  readonly site: string;
}
const APPLIANCES: readonly ApplianceSpec[] = [
  { id: 'oca-north-1', site: 'north' },
  { id: 'oca-north-2', site: 'north' },
  { id: 'oca-south-1', site: 'south' },
];

interface DemoAppliance extends ApplianceSpec {
  readonly words: readonly string[];
  child: ChildService;
}

export interface FillReport {
  readonly applianceId: string;
  readonly planVersion: number;
  readonly state: string;
  readonly fileCount: number;
  readonly heldFileCount: number;
  readonly planBytes: number;
  readonly heldBytes: number;
  readonly filledBytes: { readonly peer: number; readonly tier: number; readonly origin: number };
}

interface Steered {
  readonly ranked: ReadonlyArray<{ readonly id: string; readonly reasons: readonly string[] }>;
}

/** Told what is being done and how far it is, 0 to 1. */
export type Progress = (share: number, step: string) => void;

export class DemoNetwork {
  readonly #folder: string;
  readonly #appliances = new Map<string, DemoAppliance>();
  #origin!: ChildService;
  #planner!: ChildService;
  #steering!: ChildService;

  /** @param folder for state, volumes and logs */
  constructor(folder: string) {
    this.#folder = folder;
  }

  get steeringUrl(): string {
    return address(this.#steering, 'listen');
  }

  get originUrl(): string {
    return address(this.#origin, 'listen');
  }

  get applianceIds(): string[] {
    return [...this.#appliances.keys()];
  }

  readonly title = TITLE;

  async start(progress: Progress): Promise<void> {
    progress(0.02, 'origin');
    this.#origin = await this.#start('origin', [
      ORIGIN_PROGRAM,
      '--listen',
      '127.0.0.1:0',
      '--mount',
      `${PREFIX}=${MEDIA}`,
    ]);
    progress(0.1, 'fill-planner');
    this.#planner = await this.#start('fill-planner', serviceWords('fill-planner', this.#common('planner')));
    progress(0.2, 'steering');
    await this.#startSteering();
    progress(0.3, 'appliances in two sites');
    await Promise.all(APPLIANCES.map((spec) => this.#startAppliance(spec)));
    progress(0.5, 'sites, clusters and fill windows');
    await call('PUT', `${address(this.#planner, 'admin')}/v1/fleet`, this.#fleet());
    progress(0.55, 'reading the title: sizes, checksums, segment map');
    await this.#addTitle();
    progress(0.65, 'planning');
    await call('POST', `${address(this.#planner, 'admin')}/v1/plan-cycle`, { fillNowMinutes: 60 });
    await this.#waitForFill(progress);
    progress(0.97, 'steering learns who holds what');
    await this.waitForSteering();
    progress(1, 'ready');
  }

  /** Ends everything that `start` started, and nothing else. */
  async stop(): Promise<void> {
    const children = [
      ...[...this.#appliances.values()].map(({ child }) => child),
      this.#steering,
      this.#planner,
      this.#origin,
    ];
    // In a start that failed half-way the later ones are not there.
    await Promise.all(
      children.filter((child) => child as ChildService | undefined).map((child) => child.end('SIGTERM')),
    );
  }

  /** As a crash: no signal handler runs. */
  async kill(id: string): Promise<void> {
    await this.#find(id).child.end('SIGKILL');
  }

  async revive(id: string): Promise<void> {
    const appliance = this.#find(id);
    if (appliance.child.running) return;
    // The same port: a pathway id stays bound to its host for the life of a session.
    const { port } = new URL(address(appliance.child, 'listen'));
    const words = appliance.words.map((word, index) =>
      appliance.words[index - 1] === '--listen' ? `127.0.0.1:${port}` : word,
    );
    appliance.child = await this.#start(id, words);
  }

  async setDraining(id: string, draining: boolean): Promise<void> {
    await call('POST', `${address(this.#find(id).child, 'admin')}/v1/${draining ? 'drain' : 'undrain'}`, {});
  }

  async fillReports(): Promise<FillReport[]> {
    const answer = (await call('GET', `${address(this.#planner, 'admin')}/v1/fill-reports`)) as {
      reports: { report: FillReport }[];
    };
    return answer.reports.map(({ report }) => report);
  }

  /** The ranked answer of steering for a client on loopback. */
  async steer(): Promise<Steered> {
    return (await call('GET', `${this.steeringUrl}/v1/steer?title=${TITLE}`)) as Steered;
  }

  /** What the page shows. */
  async state(): Promise<object> {
    const reports = await this.fillReports().catch(() => []);
    const origin = await call('GET', `${this.originUrl}/-/stats`).catch(() => ({ requests: 0, bytes: 0 }));
    const appliances = await Promise.all(
      [...this.#appliances.values()].map(async ({ id, site, child }) => {
        const report = reports.find((candidate) => candidate.applianceId === id);
        return {
          id,
          site,
          url: address(child, 'listen'),
          state: child.running ? await servingState(address(child, 'admin'), report) : 'down',
          plan: {
            version: report?.planVersion ?? 0,
            files: report?.fileCount ?? 0,
            heldFiles: report?.heldFileCount ?? 0,
            bytes: report?.planBytes ?? 0,
            heldBytes: report?.heldBytes ?? 0,
            filledBytes: report?.filledBytes ?? { peer: 0, tier: 0, origin: 0 },
          },
        };
      }),
    );
    return { title: TITLE, steeringUrl: this.steeringUrl, originUrl: this.originUrl, origin, appliances };
  }

  #find(id: string): DemoAppliance {
    const appliance = this.#appliances.get(id);
    if (appliance === undefined) throw new Error(`no appliance '${id}': one of ${this.applianceIds.join(', ')}`);
    return appliance;
  }

  #common(name: string): Record<string, string | number> {
    return { listen: '127.0.0.1:0', adminListen: '127.0.0.1:0', state: join(this.#folder, name, 'state') };
  }

  #start(
    name: string,
    words: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ChildService> {
    return ChildService.start({ words, environment, logFile: join(this.#folder, 'logs', `${name}.log`) });
  }

  async #startSteering(): Promise<void> {
    const prefixes = join(this.#folder, 'steering', 'prefixes.csv');
    mkdirSync(join(this.#folder, 'steering'), { recursive: true });
    writeFileSync(
      prefixes,
      '# every viewer on this machine lives in the north\nprefix,site\n127.0.0.0/8,north\n::1/128,north\n',
    );
    const words = serviceWords('steering', {
      ...this.#common('steering'),
      planner: address(this.#planner, 'listen'),
      prefixes,
      // A short life of everything, so that people see it move.
      leaseMs: 3000,
      ttlSec: 5,
    });
    const token = await this.#mint(this.#planner, 'steering', 'steering');
    this.#steering = await this.#start('steering', words, { OCA_PLANNER_TOKEN: token });
  }

  async #startAppliance(spec: ApplianceSpec): Promise<void> {
    const words = serviceWords('appliance', {
      ...this.#common(spec.id),
      id: spec.id,
      site: spec.site,
      cluster: spec.site,
      volume: join(this.#folder, spec.id, 'volume'),
      volumeCapacityBytes: '1Gi',
      memoryBytes: '64Mi',
      origin: this.originUrl,
      planner: address(this.#planner, 'listen'),
      steering: this.steeringUrl,
      heartbeatMs: 1000,
      planPollMs: 1000,
      demandShipMs: 5000,
    });
    const environment = {
      OCA_PLANNER_TOKEN: await this.#mint(this.#planner, spec.id, 'appliance'),
      OCA_STEERING_TOKEN: await this.#mint(this.#steering, spec.id, 'appliance'),
    };
    const child = await this.#start(spec.id, words, environment);
    this.#appliances.set(spec.id, { ...spec, words, child });
  }

  async #mint(service: ChildService, id: string, role: string): Promise<string> {
    const answer = (await call('POST', `${address(service, 'admin')}/v1/enrolment-tokens`, { id, role })) as {
      token: string;
    };
    return answer.token;
  }

  #fleet(): object {
    const sites = [...new Set(APPLIANCES.map(({ site }) => site))];
    return {
      version: 1,
      sites: sites.map((id) => ({
        id,
        timeZone: 'Europe/Berlin',
        region: 'demo',
        fillWindow: { start: '02:00', hours: 6 },
        fillBitsPerSec: 200e6,
      })),
      clusters: sites.map((id) => ({ id, siteId: id })),
      appliances: [...this.#appliances.values()].map(({ id, site, child }) => ({
        id,
        clusterId: site,
        baseUrl: address(child, 'listen'),
        capacityBytes: 2 ** 30,
      })),
    };
  }

  async #addTitle(): Promise<void> {
    const request = { source: MEDIA, id: TITLE, name: 'Bars and tone', pathPrefix: PREFIX, originUrl: this.originUrl };
    const lines = String(await call('POST', `${address(this.#planner, 'admin')}/v1/titles`, request));
    const last = lines.trim().split('\n').at(-1) ?? '';
    if (!last.includes('"title"')) throw new Error(`the planner refused the title: ${last}`);
  }

  async #waitForFill(progress: Progress): Promise<void> {
    const deadline = Date.now() + FILL_DEADLINE_MS;
    for (;;) {
      const reports = await this.fillReports();
      const complete = reports.filter(({ state }) => state === 'complete').length;
      const heldBytes = reports.reduce((sum, report) => sum + report.heldBytes, 0);
      const planBytes = reports.reduce((sum, report) => sum + report.planBytes, 0);
      progress(
        0.65 + 0.3 * (planBytes === 0 ? 0 : heldBytes / planBytes),
        `fill window: ${megabytes(heldBytes)} of ${megabytes(planBytes)} MB placed`,
      );
      if (complete === APPLIANCES.length) return;
      if (Date.now() > deadline)
        throw new Error(
          `the fill did not end within ${FILL_DEADLINE_MS / 1000} s; logs are in ${join(this.#folder, 'logs')}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Resolves when steering ranks all appliances of the demo. */
  async waitForSteering(): Promise<void> {
    const deadline = Date.now() + FILL_DEADLINE_MS;
    for (;;) {
      const ranked = await this.steer().then(
        (answer) => answer.ranked.length,
        () => 0,
      );
      if (ranked === APPLIANCES.length + 1) return;
      if (Date.now() > deadline)
        throw new Error(`steering ranks ${ranked} places, not ${APPLIANCES.length} appliances and the origin`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

function address(service: ChildService, name: string): string {
  const found = service.addresses[name];
  if (found === undefined) throw new Error(`no '${name}' in the ready line: ${service.readyLine}`);
  return found;
}

/** A JSON call on an admin listener; text when the answer is no single JSON document. */
async function call(method: string, url: string, body?: object): Promise<unknown> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 500)}`);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function servingState(adminUrl: string, report: FillReport | undefined): Promise<string> {
  const state = (await call('GET', `${adminUrl}/v1/state`).catch(() => ({ state: 'down' }))) as { state?: string };
  return state.state === 'serving' && report?.state === 'filling' ? 'filling' : (state.state ?? 'serving');
}
