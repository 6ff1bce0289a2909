import { randomBytes } from 'node:crypto';
import {
  cpSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callJson } from '../../../deploy/demo/call-json.ts';
import { ChildService, serviceWords } from '../../../deploy/demo/child-service.ts';

const MEDIA = join(import.meta.dirname, '../../../deploy/demo/title/media');
const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
/** Longer than an appliance needs to come back after a kill on a busy machine, and it waits only for those that are gone. */
const ORIGIN_WAIT_SEC = 30;

/** One answer with content across somebody's wire, as its sender saw it. */
export interface Sent {
  /** The appliance that asked, by its Via field. */
  readonly to: string;
  readonly path: string;
  readonly first: number;
  bytes: number;
  /** When the request was here, in ms of this process's monotonic clock: before any byte of the answer left. */
  readonly atMs: number;
}

/**
 * Titles of the demo, each file made longer by a box that players pass over: real media, and enough of it to fill for a
 * while. @returns bytes of all files
 */
function makeCatalogue(folder: string, titles: number): number {
  let total = 0;
  for (let index = 0; index < titles; index += 1) {
    const dir = join(folder, `t${index}`);
    cpSync(MEDIA, dir, { recursive: true });
    for (const [name, mib] of Object.entries({ 'v144.mp4': 4, 'v240.mp4': 8, 'v360.mp4': 12 })) {
      const box = randomBytes(mib * MIB);
      box.writeUInt32BE(box.length, 0);
      box.write('free', 4, 'latin1');
      writeFileSync(join(dir, name), box, { flag: 'a' });
    }
    total += readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
  }
  return total;
}

/** Listens on loopback and remembers what it sent to whom. */
class Sender {
  readonly sent: Sent[] = [];
  readonly server: Server;

  constructor(answer: (incoming: IncomingMessage, outgoing: ServerResponse, sent: Sent) => void) {
    this.server = createServer((incoming, outgoing) => {
      const sent: Sent = {
        to: /^1\.1 (\S+)/.exec(incoming.headers.via ?? '')?.[1] ?? '',
        path: incoming.url ?? '',
        first: Number(/^bytes=(\d+)-/.exec(incoming.headers.range ?? '')?.[1] ?? 0),
        bytes: 0,
        atMs: performance.now(),
      };
      answer(incoming, outgoing, sent);
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

/** The provider's store: files of a folder under `/vod`. */
function createOrigin(folder: string): Sender {
  const origin = new Sender((incoming, outgoing, sent) => {
    const file = join(folder, sent.path.replace('/vod/', ''));
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    if (size === undefined) return void outgoing.writeHead(404).end();
    const [, last] = /^bytes=\d+-(\d+)$/.exec(incoming.headers.range ?? '') ?? [];
    const end = last === undefined ? size - 1 : Math.min(size - 1, Number(last));
    const isPart = incoming.headers.range !== undefined;
    outgoing.writeHead(isPart ? 206 : 200, {
      'content-length': end - sent.first + 1,
      etag: `"${size}"`,
      ...(isPart ? { 'content-range': `bytes ${sent.first}-${end}/${size}` } : {}),
    });
    sent.bytes = end - sent.first + 1;
    origin.sent.push(sent);
    createReadStream(file, { start: sent.first, end }).pipe(outgoing);
  });
  return origin;
}

/** Stands before an appliance, where other appliances reach it, and counts; a liar changes a byte of every answer. */
function createWire(target: () => string, isLiar: () => boolean): Sender {
  const wire = new Sender((incoming, outgoing, sent) => {
    const onward = request(target() + sent.path, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      const hasContent = answer.statusCode === 200 || answer.statusCode === 206;
      if (hasContent) wire.sent.push(sent);
      answer.on('data', (piece: Buffer) => {
        const bytes = hasContent && sent.bytes === 0 && isLiar() ? flipped(piece) : piece;
        sent.bytes += piece.length;
        if (!outgoing.write(bytes)) answer.pause();
      });
      outgoing.on('drain', () => answer.resume());
      answer.on('end', () => outgoing.end());
      answer.on('error', () => outgoing.destroy());
    });
    outgoing.on('close', () => onward.destroy());
    onward.on('error', () => outgoing.destroy());
    onward.end();
  });
  return wire;
}

function flipped(piece: Buffer): Buffer {
  const copy = Buffer.from(piece);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

export interface FleetSite {
  readonly id: string;
  readonly appliances: readonly string[];
  readonly fillBitsPerSec: number;
}

interface Process {
  child: ChildService;
  readonly words: readonly string[];
}

/** A planner and appliances as real processes, with everything that passes between them counted. */
export class FillFleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'oca-fill-fleet-'));
  readonly #sites: readonly FleetSite[];
  readonly #processes = new Map<string, Process>();
  readonly #wires = new Map<string, { readonly wire: Sender; readonly url: string }>();
  readonly #liars = new Set<string>();
  #origin: Sender | undefined;

  constructor(sites: readonly FleetSite[]) {
    this.#sites = sites;
  }

  get ids(): string[] {
    return this.#sites.flatMap(({ appliances }) => appliances);
  }

  /** What the origin has sent. */
  get fromOrigin(): readonly Sent[] {
    return this.#origin?.sent ?? [];
  }

  /** What other appliances took from this one. */
  takenFrom(id: string): readonly Sent[] {
    return this.#wires.get(id)?.wire.sent ?? [];
  }

  /** From now on nothing that others take from it is right. */
  letLie(id: string): void {
    this.#liars.add(id);
  }

  /** @param slow appliances with a link of their own, in bit/s */
  async start(titles: number, slow: Readonly<Record<string, number>>): Promise<number> {
    const catalogue = join(this.folder, 'catalogue');
    const bytes = makeCatalogue(catalogue, titles);
    this.#origin = createOrigin(catalogue);
    const originUrl = await this.#origin.listen();
    await this.#run('planner', 'fill-planner', {
      minSavedPerFilled: 0,
      reserveShare: 0,
      originWaitSec: ORIGIN_WAIT_SEC,
    });
    await Promise.all(
      this.#sites.flatMap(({ id: site, appliances }) =>
        appliances.map((id) => this.#startAppliance(id, site, originUrl)),
      ),
    );
    await this.#tell('PUT', '/v1/fleet', this.#document(slow));
    for (let index = 0; index < titles; index += 1) {
      const id = `t${index}`;
      const title = { source: join(catalogue, id), id, name: id, pathPrefix: `/vod/${id}`, originUrl };
      const answer = String(await this.#tell('POST', '/v1/titles', title));
      if (!answer.includes('"title"')) throw new Error(`the planner refused ${id}: ${answer}`);
    }
    // So many viewers are expected of each that every appliance should hold it.
    const at = `${new Date(Date.now() - HOUR_MS).toISOString().slice(0, 16)}Z`;
    const launches = Array.from({ length: titles }, (_, index) => ({ title: `t${index}`, at, bytesPerDay: 1e14 }));
    await this.#tell('PUT', '/v1/calendar', { launches });
    return bytes;
  }

  /** Plans, and opens a window of a minute for all when told to. */
  planNow(fillNowMinutes?: number): Promise<unknown> {
    return this.#tell('POST', '/v1/plan-cycle', { fillNowMinutes });
  }

  async ask<T>(id: string, target: string, body?: object): Promise<T> {
    return (await callJson(body === undefined ? 'GET' : 'POST', this.adminOf(id) + target, body)) as T;
  }

  adminOf(id: string): string {
    return this.#find(id).child.addresses['admin'] ?? '';
  }

  listenOf(id: string): string {
    return this.#find(id).child.addresses['listen'] ?? '';
  }

  isRunning(id: string): boolean {
    return this.#find(id).child.running;
  }

  /** As a crash. */
  kill(id: string): Promise<void> {
    return this.#find(id).child.end('SIGKILL');
  }

  /** Starts it again where it was. */
  async revive(id: string): Promise<void> {
    const process = this.#find(id);
    process.child = await this.#start(id, process.words);
  }

  async end(): Promise<void> {
    await Promise.all([...this.#processes.values()].map(({ child }) => child.end('SIGKILL')));
    await Promise.all([...this.#wires.values()].map(({ wire }) => wire.stop()));
    await this.#origin?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #startAppliance(id: string, site: string, origin: string): Promise<void> {
    const { token } = (await this.#tell('POST', '/v1/enrolment-tokens', { id, role: 'appliance' })) as {
      token: string;
    };
    mkdirSync(join(this.folder, id));
    const parameters = {
      id,
      site,
      cluster: site,
      origin,
      planner: this.listenOf('planner'),
      volume: join(this.folder, id, 'volume'),
      volumeCapacityBytes: '2Gi',
      memoryBytes: '32Mi',
      planPollMs: 300,
    };
    await this.#run(id, 'appliance', parameters, { OCA_PLANNER_TOKEN: token });
    const wire = createWire(
      () => this.listenOf(id),
      () => this.#liars.has(id),
    );
    this.#wires.set(id, { wire, url: await wire.listen() });
  }

  async #run(
    name: string,
    service: string,
    parameters: Readonly<Record<string, string | number>>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const common = { listen: '127.0.0.1:0', adminListen: '127.0.0.1:0', state: join(this.folder, name, 'state') };
    const words = serviceWords(service, { ...common, ...parameters });
    const child = await this.#start(name, words, environment);
    const again = words.map((word, at) => {
      const url = { '--listen': child.addresses['listen'], '--admin-listen': child.addresses['admin'] }[
        words[at - 1] ?? ''
      ];
      return url === undefined ? word : new URL(url).host;
    });
    this.#processes.set(name, { child, words: again });
  }

  #start(name: string, words: readonly string[], environment = {}): Promise<ChildService> {
    return ChildService.start({ words, environment, logFile: join(this.folder, 'logs', `${name}.log`) });
  }

  #find(name: string): Process {
    const found = this.#processes.get(name);
    if (found === undefined) throw new Error(`there is no '${name}'`);
    return found;
  }

  #tell(method: string, target: string, body: object): Promise<unknown> {
    return callJson(method, this.adminOf('planner') + target, body);
  }

  #document(slow: Readonly<Record<string, number>>): object {
    // A window that is never open by itself while a test runs.
    const start = `${String((new Date().getUTCHours() + 12) % 24).padStart(2, '0')}:00`;
    return {
      sites: this.#sites.map(({ id, fillBitsPerSec }) => ({
        id,
        timeZone: 'UTC',
        region: 'r',
        fillWindow: { start, hours: 1 },
        fillBitsPerSec,
      })),
      clusters: this.#sites.map(({ id }) => ({ id, siteId: id })),
      appliances: this.#sites.flatMap(({ id: clusterId, appliances }) =>
        appliances.map((id) => ({
          id,
          clusterId,
          baseUrl: this.#wires.get(id)?.url,
          capacityBytes: 2 ** 30,
          ...(slow[id] === undefined ? {} : { fillBitsPerSec: slow[id] }),
        })),
      ),
    };
  }
}
