import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from '../../src/world/world.ts';
import type { Generation, Truth } from './truth.ts';

type Fault = (typeof FAULTS)[number];
const FAULTS = [
  'refuse',
  'destroy',
  'cut',
  'ignore-range',
  'stall-head',
  'stall-body',
  'wrong-range',
  'spurious-416',
  'chunked',
  'trickle',
] as const;

/** Longer than the appliance waits for a source. */
const STALL_MS = 700;

/** An origin that has what the truth says, and that fails in ways a cache can see. */
export class MoodyOrigin {
  readonly #truth: Truth;
  readonly #random: Random;
  readonly #server: Server;
  /** Share of answers that fail. */
  faultShare = 0;
  /** Bytes of bodies sent, by path and generation. */
  readonly sentBytes = new Map<string, number>();

  constructor(truth: Truth, random: Random) {
    this.#truth = truth;
    this.#random = random;
    this.#server = createServer((request, response) => this.#answer(request, response));
    // A connection that it closes while a request is on its way to it is an honest 502, and on a machine that is busy
    // enough twice in a row. Idle ones end where the time of who asks is up.
    this.#server.keepAliveTimeout = 0;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const generation = this.#truth.current(request.url ?? '');
    const fault = this.#drawFault();
    response.on('error', () => response.destroy());
    if (fault === 'refuse') return void response.writeHead(503, { 'content-length': '0' }).end();
    if (fault === 'destroy') return void response.destroy();
    if (fault === 'stall-head') return void setTimeout(() => response.destroy(), STALL_MS).unref();
    this.#send(request, response, generation, fault);
  }

  #drawFault(): Fault | undefined {
    if (this.#random.next() >= this.faultShare) return undefined;
    return FAULTS[Math.floor(this.#random.next() * FAULTS.length)];
  }

  #send(request: IncomingMessage, response: ServerResponse, generation: Generation, fault: Fault | undefined): void {
    const { bytes, etag } = generation;
    const headers = headersOf(generation);
    if (bytes === undefined) return void response.writeHead(404, { ...headers, 'content-length': '0' }).end();
    if (isUnchanged(request, generation)) return void response.writeHead(304, headers).end();
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const isPart =
      match !== null && request.method === 'GET' && fault !== 'ignore-range' && ifRangeHolds(request, generation);
    const total = bytes.length;
    let first = isPart ? Number(match[1]) : 0;
    const last = isPart && match[2] !== '' ? Math.min(Number(match[2]), total - 1) : total - 1;
    if (isPart && (first > last || fault === 'spurious-416')) {
      return void response.writeHead(416, { 'content-range': `bytes */${total}`, 'content-length': '0' }).end();
    }
    // A server that answers with another range than it was asked for, and says so.
    if (isPart && fault === 'wrong-range') first = Math.min(last, first + 7);
    const body = bytes.subarray(first, last + 1);
    const length = fault === 'chunked' && !isPart ? {} : { 'content-length': body.length };
    const part = isPart ? { 'content-range': `bytes ${first}-${last}/${total}` } : {};
    response.writeHead(isPart ? 206 : 200, { ...headers, ...length, ...part });
    if (request.method === 'HEAD') return void response.end();
    const key = `${generation.path} ${etag ?? generation.number}`;
    this.sentBytes.set(key, (this.sentBytes.get(key) ?? 0) + body.length);
    this.#sendBody(response, body, fault);
  }

  #sendBody(response: ServerResponse, body: Buffer, fault: Fault | undefined): void {
    const half = Math.floor(this.#random.next() * body.length);
    switch (fault) {
      case 'cut':
        response.write(body.subarray(0, half), () => response.destroy());
        return;
      case 'stall-body':
        response.write(body.subarray(0, half));
        setTimeout(() => response.destroy(), STALL_MS).unref();
        return;
      case 'trickle':
        response.write(body.subarray(0, half));
        setTimeout(() => response.end(body.subarray(half)), 30);
        return;
      default:
        response.end(body);
    }
  }
}

function headersOf({ etag, lastModified, cacheControl }: Generation): Record<string, string> {
  return {
    'content-type': 'video/mp4',
    'cache-control': cacheControl,
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
  };
}

function isUnchanged({ headers }: IncomingMessage, { etag, lastModified }: Generation): boolean {
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) return etag !== undefined && ifNoneMatch.split(/,\s*/).includes(etag);
  return lastModified !== undefined && headers['if-modified-since'] === lastModified;
}

function ifRangeHolds({ headers }: IncomingMessage, { etag, lastModified }: Generation): boolean {
  const ifRange = headers['if-range'];
  if (ifRange === undefined) return true;
  return typeof ifRange === 'string' && (ifRange === lastModified || (ifRange === etag && !ifRange.startsWith('W/')));
}
