import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoNetwork, type FillReport, type NetworkOptions } from '../../../deploy/demo/network.ts';
import type { CatalogueTitle } from '../../../src/contracts/catalogue-snapshot.ts';
import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import type { SteeringAnswer } from '../../../src/contracts/steering-answer.ts';
import { type Asked, ask, type OpenAnswer, openAnswer } from '../../appliance/support/http-client.ts';

const MEDIA = join(import.meta.dirname, '../../../deploy/demo/title/media');
/** The slowest machine that runs the tests may need this long for anything that it does in a second when idle. */
const PATIENCE_MS = 45_000;
const LOOK_EVERY_MS = 50;

/** For `expect.poll`: what processes bring about in their own time. */
export const IN_TIME = { timeout: PATIENCE_MS, interval: LOOK_EVERY_MS };

export interface OriginStats {
  readonly bytes: number;
  readonly requests: number;
  readonly paths: Readonly<Record<string, { readonly requests: number; readonly bytes: number } | undefined>>;
}

/** What steering's admin listener explains of one decision, as far as tests look at it. */
export interface Explained {
  readonly places: ReadonlyArray<{ readonly id: string; readonly reasons: readonly string[] }>;
  readonly excluded: ReadonlyArray<{ readonly id: string; readonly code: string; readonly reason: string }>;
  readonly candidates: ReadonlyArray<{
    readonly member: { readonly id: string };
    readonly held: { readonly kind: string; readonly share?: number };
  }>;
}

/** What an appliance's admin listener says of itself, as far as tests look at it. */
export interface ApplianceState {
  readonly state: string;
  readonly load: { readonly activeRequests: number };
  readonly control: {
    readonly planner?: { readonly mode: string };
    readonly steering?: { readonly mode: string };
    readonly plan?: { readonly planVersion: number; readonly manifestsMissing: number; readonly fill: string };
  };
}

/**
 * The delivery network of the demo, all of it real processes on loopback, in a folder of its own: its clockwork quicker,
 * so that tests wait less, and with everything that tests ask of it.
 */
export class RunningNetwork extends DemoNetwork {
  readonly folder: string;

  private constructor(folder: string, options: NetworkOptions) {
    const { parameters = {} } = options;
    super(folder, {
      ...options,
      parameters: {
        planner: { ...parameters.planner },
        steering: { cataloguePollMs: 300, ...parameters.steering },
        appliance: {
          heartbeatMs: 500,
          planPollMs: 300,
          demandShipMs: 500,
          drainMs: 500,
          logLevel: 'debug',
          ...parameters.appliance,
        },
      },
    });
    this.folder = folder;
  }

  /** Nothing runs yet: call `start` (a filled network) or `prepare` (one that has no plan), and always `end`. */
  static create(options: NetworkOptions = {}): RunningNetwork {
    return new RunningNetwork(mkdtempSync(join(tmpdir(), 'oca-network-')), options);
  }

  /** Ends all processes and removes what they wrote. */
  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The bytes of a file of the title, from the disk that the origin serves. */
  media(name: string): Buffer {
    return readFileSync(join(MEDIA, name));
  }

  log(name: string): string {
    return readFileSync(join(this.folder, 'logs', `${name}.log`), 'utf8');
  }

  /** Asks a process by its public listener, and reads to the end. */
  get(name: string, path: string, asked: Asked = {}): Promise<OpenAnswer> {
    return ask(this.address(name, 'listen') + path, asked);
  }

  /** The same without waiting for the end. */
  open(name: string, path: string, asked: Asked = {}): Promise<OpenAnswer> {
    return openAnswer(this.address(name, 'listen') + path, asked);
  }

  /** Asks an admin listener for JSON. */
  async admin<T>(name: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.address(name, 'admin') + path, {
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!response.ok) throw new Error(`${name}${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async originStats(): Promise<OriginStats> {
    return (await (await fetch(`${this.originUrl}/-/stats`)).json()) as OriginStats;
  }

  /** What an appliance says of itself. */
  describe(id: string): Promise<ApplianceState> {
    return this.admin<ApplianceState>(id, '/v1/state');
  }

  plan(id: string): Promise<FillPlan> {
    return this.admin<FillPlan>('fill-planner', `/v1/plans/${id}`);
  }

  async catalogueTitle(): Promise<CatalogueTitle> {
    return (await this.admin<{ title: CatalogueTitle }>('fill-planner', `/v1/titles/${this.title}`)).title;
  }

  async fillReport(id: string): Promise<FillReport | undefined> {
    return (await this.fillReports()).find(({ applianceId }) => applianceId === id);
  }

  /** What steering answers a session. @throws when it does not answer */
  async steered(session: string): Promise<SteeringAnswer> {
    const response = await fetch(`${this.steeringUrl}/v1/steer?title=${this.title}&session=${session}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!response.ok) throw new Error(`steering: ${response.status} ${await response.text()}`);
    return (await response.json()) as SteeringAnswer;
  }

  /** The places that a session is given, best first. */
  async order(session: string): Promise<string[]> {
    return (await this.steered(session)).ranked.map(({ id }) => id);
  }

  /** Who steering leaves out for a session, and by which word, in the order of their ids. */
  async leftOut(session: string): Promise<string[]> {
    const { excluded } = await this.explained(session);
    return excluded.map(({ id, code }) => `${id} ${code}`);
  }

  explained(session: string): Promise<Explained> {
    return this.admin<Explained>(
      'steering',
      `/v1/explain?title=${this.title}&client=127.0.0.1&session=${encodeURIComponent(session)}`,
    );
  }

  /** The sum of a counter over all its label sets that contain `labels`, as `outcome="taken"`. */
  async metric(name: string, counter: string, labels = ''): Promise<number> {
    const text = await (await fetch(`${this.address(name, 'admin')}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(counter) && line.includes(labels));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  pause(name: string): void {
    process.kill(this.process(name).pid, 'SIGSTOP');
  }

  resume(name: string): void {
    process.kill(this.process(name).pid, 'SIGCONT');
  }
}

/**
 * Waits until something holds that processes bring about: looked at again and again, and seldom enough to leave them
 * the processor. A look that fails counts as not yet. @throws when it does not hold within the deadline
 */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    let failure: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > endMs)
      throw new Error(`did not happen within ${PATIENCE_MS} ms: ${String(holds)}`, { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
