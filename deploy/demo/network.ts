import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callJson } from './call-json.ts';
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
const FILL_WINDOW = { timeZone: 'Europe/Berlin', start: '02:00', hours: 6 };

interface ApplianceSpec {
  readonly id: string;
  readonly site: string;
}

type Parameters = Readonly<Record<string, string | number>>;

/** What may be other than in the demo. */
export interface NetworkOptions {
  /** Parameters by service, in place of the demo's or beside them. */
  readonly parameters?: {
    readonly planner?: Parameters;
    readonly steering?: Parameters;
    readonly appliance?: Parameters;
  };
  /** Folders that the origin serves beside the title, by URL path. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** When the sites may fill without being told to. */
  readonly fillWindow?: { readonly timeZone: string; readonly start: string; readonly hours: number };
  /** The URL that appliances are given for a service: of something that stands between them. */
  readonly between?: (service: 'planner' | 'steering', url: string) => Promise<string>;
}

const APPLIANCES: readonly ApplianceSpec[] = [
  { id: 'oca-north-1', site: 'north' },
  { id: 'oca-north-2', site: 'north' },
  { id: 'oca-south-1', site: 'south' },
];

/** A process of the network, and how it is started again. */
interface Member {
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
  readonly #options: NetworkOptions;
  readonly #members = new Map<string, Member>();
  readonly #starting = new Set<Promise<ChildService>>();
  #isStopping = false;

  /** @param folder for state, volumes and logs */
  constructor(folder: string, options: NetworkOptions = {}) {
    this.#folder = folder;
    this.#options = options;
  }

  get steeringUrl(): string {
    return this.address('steering', 'listen');
  }

  get originUrl(): string {
    return this.address('origin', 'listen');
  }

  get applianceIds(): string[] {
    return APPLIANCES.map(({ id }) => id).filter((id) => this.#members.has(id));
  }

  readonly title = TITLE;

  async start(progress: Progress): Promise<void> {
    await this.prepare(progress);
    progress(0.65, 'planning');
    await this.planNow(60);
    await this.waitForFill(progress);
    progress(0.97, 'steering learns who holds what');
    await this.waitForSteering();
    progress(1, 'ready');
  }

  /** Everything up to the first plan: all processes run, the planner knows fleet and title. */
  async prepare(progress: Progress): Promise<void> {
    progress(0.02, 'origin and fill-planner');
    const mounts = Object.entries({ [PREFIX]: MEDIA, ...this.#options.mounts });
    // Nobody has watched anything yet: a planner that weighs a fill by what it saves would wait for viewers.
    const parameters = { ...this.#common('planner'), minSavedPerFilled: 0, ...this.#options.parameters?.planner };
    await Promise.all([
      this.#start('origin', [
        ORIGIN_PROGRAM,
        '--listen',
        '127.0.0.1:0',
        ...mounts.flatMap(([path, folder]) => ['--mount', `${path}=${folder}`]),
      ]),
      this.#start('fill-planner', serviceWords('fill-planner', parameters)),
    ]);
    progress(0.2, 'steering');
    await this.#startSteering();
    progress(0.3, 'appliances in two sites');
    await this.#startAppliances();
    progress(0.5, 'sites, clusters and fill windows');
    await callJson('PUT', `${this.address('fill-planner', 'admin')}/v1/fleet`, this.#fleet());
    progress(0.55, 'reading the title: sizes, checksums, segment map');
    await this.#addTitle();
  }

  /** Plans, and opens a window for the whole fleet now when minutes are given. */
  async planNow(fillNowMinutes?: number): Promise<void> {
    await callJson('POST', `${this.address('fill-planner', 'admin')}/v1/plan-cycle`, { fillNowMinutes });
  }

  /** Ends everything that `start` started, and nothing else; also in the middle of a start, which then fails. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#members.values()].map(({ child }) => child.end('SIGTERM')));
  }

  /** The process of an appliance, or of `origin`, `fill-planner` or `steering`. */
  process(name: string): ChildService {
    return this.#find(name).child;
  }

  /** Where a process listens, as its ready line says. */
  address(name: string, listener: 'listen' | 'admin'): string {
    return address(this.process(name), listener);
  }

  /** As a crash: no signal handler runs. */
  async kill(name: string): Promise<void> {
    await this.process(name).end('SIGKILL');
  }

  async revive(name: string): Promise<void> {
    const { child, words } = this.#find(name);
    if (child.running) return;
    // The same ports: others know it by them, and a pathway id stays bound to its host for the life of a session.
    const bound: Readonly<Record<string, string | undefined>> = {
      '--listen': child.addresses['listen'],
      '--admin-listen': child.addresses['admin'],
    };
    const again = words.map((word, index) => {
      const url = bound[words[index - 1] ?? ''];
      return url === undefined ? word : new URL(url).host;
    });
    await this.#start(name, again);
  }

  async setDraining(id: string, draining: boolean): Promise<void> {
    await callJson('POST', `${this.address(id, 'admin')}/v1/${draining ? 'drain' : 'undrain'}`, {});
  }

  async fillReports(): Promise<FillReport[]> {
    const answer = (await callJson('GET', `${this.address('fill-planner', 'admin')}/v1/fill-reports`)) as {
      reports: { report: FillReport }[];
    };
    return answer.reports.map(({ report }) => report);
  }

  /** The ranked answer of steering for a client on loopback. */
  async steer(): Promise<Steered> {
    return (await callJson('GET', `${this.steeringUrl}/v1/steer?title=${TITLE}`)) as Steered;
  }

  /** What the page shows. */
  async state(): Promise<object> {
    const reports = await this.fillReports().catch(() => []);
    const origin = await callJson('GET', `${this.originUrl}/-/stats`).catch(() => ({ requests: 0, bytes: 0 }));
    const appliances = await Promise.all(
      this.#running().map(async ({ id, site }) => {
        const report = reports.find((candidate) => candidate.applianceId === id);
        const isRunning = this.process(id).running;
        return {
          id,
          site,
          url: this.address(id, 'listen'),
          state: isRunning ? await servingState(this.address(id, 'admin'), report) : 'down',
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

  /** The appliances that were started; some may have been killed since. */
  #running(): ApplianceSpec[] {
    return APPLIANCES.filter(({ id }) => this.#members.has(id));
  }

  #find(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`no '${name}' in the network: ${[...this.#members.keys()].join(', ')}`);
    return member;
  }

  #common(name: string): Record<string, string | number> {
    return { listen: '127.0.0.1:0', adminListen: '127.0.0.1:0', state: join(this.#folder, name, 'state') };
  }

  async #start(
    name: string,
    words: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    if (this.#isStopping) throw new Error(`${name} is not started: the network is being stopped`);
    const starting = ChildService.start({ words, environment, logFile: join(this.#folder, 'logs', `${name}.log`) });
    this.#starting.add(starting);
    try {
      this.#members.set(name, { words, child: await starting });
    } finally {
      this.#starting.delete(starting);
    }
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
      planner: this.address('fill-planner', 'listen'),
      prefixes,
      // A short life of everything, so that people see it move.
      leaseMs: 3000,
      ttlSec: 5,
      ...this.#options.parameters?.steering,
    });
    await this.#start('steering', words, {
      OCA_PLANNER_TOKEN: await this.#mint('fill-planner', 'steering', 'steering'),
    });
  }

  async #startAppliances(): Promise<void> {
    const { between = (_service, url) => Promise.resolve(url) } = this.#options;
    const planner = await between('planner', this.address('fill-planner', 'listen'));
    const steering = await between('steering', this.steeringUrl);
    await Promise.all(
      APPLIANCES.map((spec, index) => {
        // Each has an address of its own, as in an ISP: Shaka tells servers apart by host, whatever their port.
        const host = process.platform === 'linux' ? `127.0.0.${index + 2}` : '127.0.0.1';
        return this.#startAppliance(spec, { listen: `${host}:0`, planner, steering });
      }),
    );
  }

  async #startAppliance({ id, site }: ApplianceSpec, services: Parameters): Promise<void> {
    const words = serviceWords('appliance', {
      ...this.#common(id),
      id,
      site,
      cluster: site,
      volume: join(this.#folder, id, 'volume'),
      volumeCapacityBytes: '1Gi',
      memoryBytes: '64Mi',
      origin: this.originUrl,
      ...services,
      heartbeatMs: 1000,
      planPollMs: 1000,
      demandShipMs: 5000,
      ...this.#options.parameters?.appliance,
    });
    await this.#start(id, words, {
      OCA_PLANNER_TOKEN: await this.#mint('fill-planner', id, 'appliance'),
      OCA_STEERING_TOKEN: await this.#mint('steering', id, 'appliance'),
    });
  }

  async #mint(service: string, id: string, role: string): Promise<string> {
    const answer = (await callJson('POST', `${this.address(service, 'admin')}/v1/enrolment-tokens`, { id, role })) as {
      token: string;
    };
    return answer.token;
  }

  #fleet(): object {
    const sites = [...new Set(APPLIANCES.map(({ site }) => site))];
    const { timeZone, ...fillWindow } = this.#options.fillWindow ?? FILL_WINDOW;
    return {
      version: 1,
      sites: sites.map((id) => ({
        id,
        timeZone,
        region: 'demo',
        fillWindow,
        fillBitsPerSec: 200e6,
      })),
      clusters: sites.map((id) => ({ id, siteId: id })),
      appliances: APPLIANCES.map(({ id, site }) => ({
        id,
        clusterId: site,
        baseUrl: this.address(id, 'listen'),
        capacityBytes: 2 ** 30,
      })),
    };
  }

  async #addTitle(): Promise<void> {
    const request = { source: MEDIA, id: TITLE, name: 'Bars and tone', pathPrefix: PREFIX, originUrl: this.originUrl };
    const lines = String(await callJson('POST', `${this.address('fill-planner', 'admin')}/v1/titles`, request));
    const last = lines.trim().split('\n').at(-1) ?? '';
    if (!last.includes('"title"')) throw new Error(`the planner refused the title: ${last}`);
  }

  /** Resolves when every appliance has reported its plan as held. */
  async waitForFill(progress: Progress): Promise<void> {
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

async function servingState(adminUrl: string, report: FillReport | undefined): Promise<string> {
  const state = (await callJson('GET', `${adminUrl}/v1/state`).catch(() => ({ state: 'down' }))) as { state?: string };
  return state.state === 'serving' && report?.state === 'filling' ? 'filling' : (state.state ?? 'serving');
}
