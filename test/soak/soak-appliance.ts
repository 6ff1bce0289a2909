import { createServer } from 'node:net';
import { join } from 'node:path';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { descriptorCount, type ProcessSample, sampleProcess } from './process-sample.ts';

const MIB = 2 ** 20;
/** Longer than it gives its own answers to end. */
const STOP_TIMEOUT_MS = 30_000;
const SETTLE_MS = 60_000;
const SETTLE_LOOK_MS = 500;

export interface ApplianceChoice {
  readonly folder: string;
  readonly originUrl: string;
  readonly engine: 'fast' | 'reference';
  /** Of Node, in front of the program: see FORCED_COLLECTIONS. */
  readonly nodeFlags: readonly string[];
}

/**
 * Of the young generation, a half. V8's own are 64 MiB each, and what has been touched of them stays: it took 20 GB
 * until that was all, at 4 MiB for each, and a leak cannot be told from it. Small ones are touched within the first.
 */
const YOUNG_HALF_MIB = 8;

/** What Node is started with so that every thread collects garbage all the time. */
export const FORCED_COLLECTIONS = [
  '--expose-gc',
  '--compact-on-every-full-gc',
  '--import',
  new URL('collect-often.ts', import.meta.url).href,
];

/** What Node is started with so that the appliance has a leak. */
export const PLANTED_LEAK = ['--import', new URL('leak-slowly.ts', import.meta.url).href];

/** `oca appliance` at one place, over several lives: its volume and its ports stay. */
export class SoakAppliance {
  readonly #choice: ApplianceChoice;
  readonly #listen: string;
  readonly #adminListen: string;
  #service: ChildService | undefined;
  /** Of the life that runs, before anybody asked. */
  atStart: ProcessSample | undefined;
  lives = 0;

  private constructor(choice: ApplianceChoice, ports: readonly [number, number]) {
    this.#choice = choice;
    [this.#listen, this.#adminListen] = [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`];
  }

  static async create(choice: ApplianceChoice): Promise<SoakAppliance> {
    return new SoakAppliance(choice, [await freePort(), await freePort()]);
  }

  get url(): string {
    return `http://${this.#listen}`;
  }

  get logFile(): string {
    return join(this.#choice.folder, 'appliance.log');
  }

  get isRunning(): boolean {
    return this.#service?.running ?? false;
  }

  async start(): Promise<void> {
    const { folder, originUrl, engine, nodeFlags } = this.#choice;
    this.#service = await ChildService.start({
      words: [
        `--max-semi-space-size=${YOUNG_HALF_MIB}`,
        ...nodeFlags,
        ...serviceWords('appliance', {
          id: 'soak',
          engine,
          listen: this.#listen,
          adminListen: this.#adminListen,
          origin: originUrl,
          volume: join(folder, 'volume'),
          state: join(folder, 'state'),
          // Both too small for what is asked for, so that both always let something go.
          volumeCapacityBytes: 320 * MIB,
          memoryBytes: 64 * MIB,
          drainMs: 500,
          logLevel: 'warn',
        }),
      ],
      logFile: this.logFile,
      environment: { UV_THREADPOOL_SIZE: '64' },
    });
    this.lives += 1;
    this.atStart = this.sample();
  }

  /** @returns what is to complain of: one that is asked to end does so by itself and is content */
  async end(how: 'SIGTERM' | 'SIGKILL'): Promise<string | undefined> {
    const service = this.#service;
    if (service === undefined || !service.running) return undefined;
    const startedMs = performance.now();
    await service.end(how, STOP_TIMEOUT_MS);
    if (how === 'SIGKILL' || service.exitCode === 0) return undefined;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    return `SIGTERM ended in ${service.exitCode ?? 'SIGKILL'} after ${seconds} s`;
  }

  sample(): ProcessSample {
    return sampleProcess(this.#service?.pid ?? 0);
  }

  /** A sample of when nobody asks any more: as soon as descriptors are back to what they were, or after a minute. */
  async sampleAtRest(): Promise<ProcessSample> {
    const deadlineMs = performance.now() + SETTLE_MS;
    const wanted = this.atStart === undefined ? 0 : descriptorCount(this.atStart);
    let sample = this.sample();
    while (descriptorCount(sample) > wanted && performance.now() < deadlineMs) {
      await new Promise((resolve) => {
        setTimeout(resolve, SETTLE_LOOK_MS);
      });
      sample = this.sample();
    }
    return sample;
  }

  /** @returns whether it was carried out and outlives a restart */
  async purge(what: { readonly path: string } | { readonly prefix: string }, mode: 'finish' | 'cut'): Promise<boolean> {
    const response = await fetch(`http://${this.#adminListen}/v1/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...what, mode }),
    });
    await response.arrayBuffer();
    return response.ok;
  }

  /** Lines of its metrics that are of the ways and places of bytes, without zeros. */
  async metrics(): Promise<string[]> {
    const text = await (await fetch(`http://${this.#adminListen}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) =>
        /^appliance_(?:wire|requests|served|abandoned|memory|arena|evict|fill_bytes)\w*(?:\{[^}]*\})? [^0]/.test(line),
      );
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
