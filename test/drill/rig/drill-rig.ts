import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readProcessCost } from '../../../bench/process-cost.ts';
import { ChildService, serviceWords } from '../../../deploy/demo/child-service.ts';
import { patterned } from '../../appliance/support/gated-origin.ts';
import { type Asked, type OpenAnswer, openAnswer } from '../../appliance/support/http-client.ts';
import { DrillOrigin } from './drill-origin.ts';
import { Leftovers } from './leftovers.ts';

export const MIB = 2 ** 20;
/** The file of the comparison with other caches. */
export const FILE_BYTES = 4 * MIB;

type Parameters = Readonly<Record<string, string | number>>;

/** What the appliance says of its store, as far as drills look at it. */
interface ApplianceState {
  readonly usage: {
    readonly usedBytes: number;
    readonly objectCount: number;
    readonly volumes: ReadonlyArray<{ readonly dir: string; readonly state: string }>;
  };
}

/** An answer that has ended, and how long its first byte of the head took. */
export interface Answer {
  readonly status: number;
  readonly headers: OpenAnswer['headers'];
  readonly body: Buffer;
  readonly end: 'complete' | 'cut';
  readonly headMs: number;
  readonly totalMs: number;
}

/** One run of one drill: a folder, an origin, and appliances that are real processes. Everything ends with it. */
export class DrillRig {
  readonly leftovers = new Leftovers();
  readonly folder: string;
  readonly origin: DrillOrigin;
  /** All that were started, also those that have ended. */
  readonly appliances: DrillAppliance[] = [];
  readonly #tell: (what: string) => void;
  #seeds = 0;

  private constructor(folder: string, origin: DrillOrigin, tell: (what: string) => void) {
    this.folder = folder;
    this.origin = origin;
    this.#tell = tell;
  }

  static async create(tell: (what: string) => void): Promise<DrillRig> {
    const folder = mkdtempSync(join(tmpdir(), 'oca-drill-'));
    const rig = new DrillRig(folder, await DrillOrigin.start(), tell);
    rig.leftovers.add(folder, () => rmSync(folder, { recursive: true, force: true }));
    rig.leftovers.add('the origin', () => rig.origin.stop());
    return rig;
  }

  /** Says how far it is, on the progress line. */
  tell(what: string): void {
    this.#tell(what);
  }

  /** A file of the origin, of bytes that no other file has. */
  file(path: string, options: { sizeBytes?: number; headers?: Readonly<Record<string, string>> } = {}): Buffer {
    this.#seeds += 1;
    const headers = { etag: `"${this.#seeds}"`, 'cache-control': 'max-age=3600', ...options.headers };
    return this.origin.put(path, patterned(options.sizeBytes ?? FILE_BYTES, this.#seeds), headers);
  }

  dir(name: string): string {
    const dir = join(this.folder, name);
    mkdirSync(dir, { recursive: true });
    return dir;
  }

  /** The volume of an appliance that is given none. */
  get volume(): string {
    return join(this.folder, 'volume');
  }

  /** @param parameters over those of a drill: one volume, no memory tier, picked ports */
  async appliance(parameters: Parameters = {}, volumes: readonly string[] = [this.volume]): Promise<DrillAppliance> {
    const all = {
      id: 'drill',
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      origin: this.origin.url,
      state: join(this.folder, 'state'),
      volumeCapacityBytes: '1Gi',
      memoryBytes: 0,
      logLevel: 'warn',
      ...parameters,
    };
    const started = await DrillAppliance.start(this.folder, all, volumes);
    this.appliances.push(started);
    this.leftovers.add('an appliance', () => started.end('SIGKILL'));
    return started;
  }

  /** What the appliances logged, its end. */
  log(): string {
    try {
      return readFileSync(join(this.folder, 'appliance.log'), 'utf8').slice(-2000);
    } catch {
      return '';
    }
  }
}

/** `oca appliance` as a process of its own. */
export class DrillAppliance {
  /** From the call to the ready line. */
  readonly startMs: number;
  /** Of processor time, of all its threads. */
  readonly startCpuMs: number;
  readonly #service: ChildService;

  private constructor(service: ChildService, startMs: number) {
    this.#service = service;
    this.startMs = startMs;
    this.startCpuMs = readProcessCost(service.pid).cpuMicros / 1000;
  }

  static async start(folder: string, parameters: Parameters, volumes: readonly string[]): Promise<DrillAppliance> {
    const startedMs = performance.now();
    const service = await ChildService.start({
      words: [...serviceWords('appliance', parameters), ...volumes.flatMap((dir) => ['--volume', dir])],
      logFile: join(folder, 'appliance.log'),
      // As src/cli/oca sets it.
      environment: { UV_THREADPOOL_SIZE: '64' },
    });
    return new DrillAppliance(service, performance.now() - startedMs);
  }

  get pid(): number {
    return this.#service.pid;
  }

  get url(): string {
    return this.#service.addresses['listen'] ?? '';
  }

  get adminUrl(): string {
    return this.#service.addresses['admin'] ?? '';
  }

  get isRunning(): boolean {
    return this.#service.running;
  }

  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    return this.#service.end(signal);
  }

  open(path: string, asked: Asked = {}): Promise<OpenAnswer> {
    return openAnswer(this.url + path, asked);
  }

  /** Reads to the end, whichever it is. */
  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const startedMs = performance.now();
    const answer = await this.open(path, { headers });
    const headMs = performance.now() - startedMs;
    const end = await answer.ended;
    const { status, body } = answer;
    return { status, headers: answer.headers, body, end, headMs, totalMs: performance.now() - startedMs };
  }

  async admin<T>(path: string, body?: object): Promise<T> {
    const response = await fetch(this.adminUrl + path, {
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  state(): Promise<ApplianceState> {
    return this.admin<ApplianceState>('/v1/state');
  }

  async isReady(): Promise<boolean> {
    return (await fetch(`${this.adminUrl}/readyz`)).ok;
  }

  /** How many blocks of a path are stored; 0 when nothing is known of it. */
  async heldBlocks(path: string): Promise<number> {
    const response = await fetch(`${this.adminUrl}/v1/explain?path=${encodeURIComponent(path)}`);
    if (!response.ok) return 0;
    return ((await response.json()) as { held: { blocks: number } }).held.blocks;
  }

  /** The sum of a metric over its label sets that contain `labels`, as `why="rotten"`. */
  async metric(name: string, labels = ''): Promise<number> {
    const text = await (await fetch(`${this.adminUrl}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`appliance_${name}`) && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}
