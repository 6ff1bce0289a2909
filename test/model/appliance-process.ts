import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

export type ToAppliance =
  | { readonly kind: 'skip'; readonly ms: number }
  /** Shares of calls, 0 to 1. */
  | { readonly kind: 'fail-disks'; readonly reads: number; readonly writes: number }
  | { readonly kind: 'stop' };

export type FromAppliance =
  | { readonly kind: 'ready'; readonly url: string; readonly adminUrl: string }
  | { readonly kind: 'done' };

const CHILD = new URL('appliance-child.ts', import.meta.url).pathname;

/** What the model asks of the admin listener. */
export interface StoreUse {
  readonly capacityBytes: number;
  readonly usedBytes: number;
}

/** The appliance under test, for the life that drives it. */
export class ApplianceProcess {
  readonly url: string;
  readonly #adminUrl: string;
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  #said: Promise<void> = Promise.resolve();

  private constructor(child: ChildProcess, url: string, adminUrl: string) {
    this.#child = child;
    this.#gone = once(child, 'exit');
    this.url = url;
    this.#adminUrl = adminUrl;
  }

  /** @throws when it ends before it is ready */
  static async start(flags: Readonly<Record<string, unknown>>): Promise<ApplianceProcess> {
    const child = fork(CHILD, [JSON.stringify(flags)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
      execArgv: [],
    });
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the appliance ended (${String(signal ?? code)}) before it was ready`);
    });
    const [ready] = (await Promise.race([once(child, 'message'), ended])) as [FromAppliance];
    ended.catch(() => undefined);
    if (ready.kind !== 'ready') throw new Error(`said ${ready.kind} first`);
    return new ApplianceProcess(child, ready.url, ready.adminUrl);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the appliance has heard it. One at a time: the answers carry no number. */
  tell(message: ToAppliance & { readonly kind: 'skip' | 'fail-disks' }): Promise<void> {
    const told = this.#said.then(async () => {
      if (!this.isRunning) return;
      const heard = new Promise<void>((resolve) => this.#child.once('message', () => resolve()));
      this.#child.send(message);
      await Promise.race([heard, this.#gone]);
    });
    this.#said = told;
    return told;
  }

  async end(how: 'stop' | 'kill'): Promise<void> {
    if (!this.isRunning) return;
    if (how === 'kill') this.#child.kill('SIGKILL');
    else this.#child.send({ kind: 'stop' } satisfies ToAppliance);
    await this.#gone;
  }

  /** @returns whether it was carried out and outlives a restart */
  async purge(path: string): Promise<boolean> {
    const response = await fetch(`${this.#adminUrl}/v1/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path }),
    });
    await response.arrayBuffer();
    return response.ok;
  }

  async use(): Promise<StoreUse> {
    const response = await fetch(`${this.#adminUrl}/v1/state`);
    return ((await response.json()) as { usage: StoreUse }).usage;
  }

  /** Blocks that are stored of a path; 0 when nothing is known of it. */
  async heldBlocks(path: string): Promise<number> {
    const response = await fetch(`${this.#adminUrl}/v1/explain?path=${path}`);
    const known = (await response.json()) as { held?: { blocks: number } };
    return known.held?.blocks ?? 0;
  }
}
