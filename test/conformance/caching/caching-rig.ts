import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemWorld, type World } from '../../../src/world/world.ts';
import { type ApplianceRig, startAppliance } from '../../appliance/support/appliance-rig.ts';
import { type Asked, ask, type OpenAnswer, openAnswer } from '../../appliance/support/http-client.ts';

/** What the origin answers. Without a length when `chunked`; `date` is the rig's time unless given. */
export interface Scripted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly chunked?: boolean;
}

/** `count` is 1 for the first request of a path. */
export type Script = (request: IncomingMessage, count: number) => Scripted | ((response: ServerResponse) => void);

/** The system's world, but for the wall clock: it stands at a full second, and goes on when the test says so. */
function worldAhead(): World & { offsetMs: number } {
  const startMs = Math.floor(systemWorld.clock.nowMs() / 1000) * 1000;
  const world = {
    offsetMs: 0,
    random: systemWorld.random,
    clock: { ...systemWorld.clock, nowMs: (): number => startMs + world.offsetMs },
  };
  return world;
}

/** An appliance before an origin that answers as the test says. */
export class CachingRig {
  readonly requests: IncomingMessage[] = [];
  readonly #scripts = new Map<string, Script>();
  readonly #world = worldAhead();
  #scope = 0;
  #server: Server | undefined;
  #appliance: ApplianceRig | undefined;

  static async start(flags: Readonly<Record<string, unknown>> = {}, dir?: string): Promise<CachingRig> {
    const rig = new CachingRig();
    const server = createServer((request, response) => rig.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    rig.#server = server;
    rig.#appliance = await startAppliance({
      world: rig.#world,
      flags: { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...flags },
      ...(dir === undefined ? {} : { dir }),
    });
    return rig;
  }

  get url(): string {
    return this.#appliance?.url ?? '';
  }

  get adminUrl(): string {
    return this.#appliance?.adminUrl ?? '';
  }

  get nowMs(): number {
    return this.#world.clock.nowMs();
  }

  /** A new test on the same appliance: all paths are other paths, nothing was asked yet. */
  renew(): void {
    this.#scope += 1;
    this.requests.length = 0;
  }

  /** From now on the path is answered so. */
  on(path: string, script: Script | Scripted): void {
    this.#scripts.set(this.#at(path), typeof script === 'function' ? script : () => script);
  }

  asked(path: string): IncomingMessage[] {
    return this.requests.filter(({ url }) => url === this.#at(path));
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}, more: Asked = {}): Promise<OpenAnswer> {
    return ask(this.url + this.#at(path), { ...more, headers });
  }

  open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<OpenAnswer> {
    return openAnswer(this.url + this.#at(path), { headers });
  }

  pass(seconds: number): void {
    this.#world.offsetMs += seconds * 1000;
  }

  /** An HTTP date this many seconds from now. */
  date(seconds = 0): string {
    return new Date(this.nowMs + seconds * 1000).toUTCString();
  }

  async purge(path: string): Promise<void> {
    const body = JSON.stringify({ path: this.#at(path) });
    await fetch(`${this.adminUrl}/v1/purge`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  }

  async explain(path: string): Promise<unknown> {
    return JSON.parse((await ask(`${this.adminUrl}/v1/explain?path=${this.#at(path)}`)).body.toString());
  }

  async metric(line: string): Promise<number> {
    const text = (await ask(`${this.adminUrl}/metrics`)).body.toString();
    const found = text.split('\n').find((other) => other.startsWith(`${line} `));
    return found === undefined ? 0 : Number(found.slice(line.length + 1));
  }

  /** The number of requests that are being answered now. */
  async activeRequests(): Promise<number> {
    const state = JSON.parse((await ask(`${this.adminUrl}/v1/state`)).body.toString()) as {
      load: { activeRequests: number };
    };
    return state.load.activeRequests;
  }

  /** The origin is away. */
  async stopOrigin(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
  }

  /** Ends the appliance in order, with time to write what it has; its folder stays. */
  async stopInOrder(): Promise<void> {
    await this.#appliance?.service.stop(10_000);
    await this.stopOrigin();
  }

  async stop(): Promise<void> {
    await this.#appliance?.stop();
    if (this.#server?.listening === true) await this.stopOrigin();
  }

  #at(path: string): string {
    return `/${this.#scope}${path}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '' } = request;
    this.requests.push(request);
    const script = this.#scripts.get(url);
    const answer = script?.(request, this.requests.filter((other) => other.url === url).length) ?? {
      status: 404,
      body: 'gone',
    };
    if (typeof answer === 'function') return answer(response);
    const { status = 200, headers = {}, body = '', chunked = false } = answer;
    response.sendDate = false;
    const hasLength = !chunked && status !== 204 && status !== 304;
    response.writeHead(status, {
      date: this.date(),
      ...(hasLength ? { 'content-length': String(Buffer.byteLength(body)) } : {}),
      ...headers,
    } as Record<string, string>);
    if (request.method === 'HEAD' || status === 304 || status === 204) response.end();
    else if (chunked) {
      response.write(body);
      response.end();
    } else response.end(body);
  }
}
