import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file of the origin. Without an etag it has no validator; `ranges: false` answers every request with the whole. */
export interface OriginFile {
  readonly bytes: Buffer;
  readonly etag?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly ranges?: boolean;
  /** Sends no Content-Length. */
  readonly chunked?: boolean;
  readonly status?: number;
}

/** One request that reached the origin. While the origin is held, the test decides what becomes of it. */
export class OriginRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly closed: Promise<void>;
  readonly #origin: GatedOrigin;
  readonly #response: ServerResponse;
  #sentBytes = 0;

  constructor(origin: GatedOrigin, incoming: IncomingMessage, response: ServerResponse) {
    this.#origin = origin;
    this.#response = response;
    this.method = incoming.method ?? '';
    this.path = incoming.url ?? '';
    this.headers = incoming.headers;
    this.closed = new Promise((resolve) => response.once('close', () => resolve()));
  }

  get range(): string | undefined {
    return this.headers.range;
  }

  /** Answers as the file says, at once and to the end. */
  release(): void {
    this.head();
    this.send();
    this.end();
  }

  /** Sends the head that the file gives. */
  head(): void {
    const { status, headers } = this.#origin.answerTo(this);
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  /** Sends `count` more bytes of the body that the head promised; all that is left when absent. */
  send(count?: number): void {
    const { body } = this.#origin.answerTo(this);
    const end = count === undefined ? body.length : this.#sentBytes + count;
    this.#origin.sentBytes += Math.min(end, body.length) - this.#sentBytes;
    if (this.method !== 'HEAD') this.#response.write(body.subarray(this.#sentBytes, end));
    this.#sentBytes = end;
  }

  end(): void {
    this.#response.end();
  }

  /** The connection breaks. */
  cut(): void {
    this.#response.destroy();
  }

  /** Another status, without content. */
  refuse(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(status, headers);
    this.#response.end();
  }
}

/**
 * An origin whose answers a test holds and releases: what "at the same time" and "half-way" mean is then no matter of
 * luck. Conditions (If-None-Match, If-Range) and single ranges are understood.
 */
export class GatedOrigin {
  readonly files = new Map<string, OriginFile>();
  readonly requests: OriginRequest[] = [];
  sentBytes = 0;
  isHeld = false;
  /** How far the origin's clock is ahead, for its Date. */
  clockOffsetMs = 0;
  readonly #server: Server;
  readonly #arrived: OriginRequest[] = [];
  readonly #awaited: ((request: OriginRequest) => void)[] = [];

  private constructor() {
    this.#server = createServer((incoming, response) => {
      const request = new OriginRequest(this, incoming, response);
      this.requests.push(request);
      if (!this.isHeld) request.release();
      else this.#handOver(request);
    });
  }

  static async start(port = 0): Promise<GatedOrigin> {
    const origin = new GatedOrigin();
    await new Promise<void>((resolve) => origin.#server.listen(port, '127.0.0.1', resolve));
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next held request that nobody took yet. */
  arrival(): Promise<OriginRequest> {
    const waiting = this.#arrived.shift();
    if (waiting !== undefined) return Promise.resolve(waiting);
    return new Promise((resolve) => this.#awaited.push(resolve));
  }

  /** Requests for a path so far. */
  asked(path: string): OriginRequest[] {
    return this.requests.filter((request) => request.path === path);
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  answerTo(request: OriginRequest): { status: number; headers: Record<string, string | string[]>; body: Buffer } {
    const file = this.files.get(request.path);
    if (file === undefined) return { status: 404, headers: { 'content-length': '4' }, body: Buffer.from('gone') };
    const { bytes, etag } = file;
    const headers: Record<string, string | string[]> = {
      'content-type': 'video/mp4',
      date: new Date(Date.now() + this.clockOffsetMs).toUTCString(),
      ...(etag === undefined ? {} : { etag }),
      ...file.headers,
    };
    if (etag !== undefined && request.headers['if-none-match'] === etag) {
      return { status: 304, headers, body: Buffer.alloc(0) };
    }
    const ifRange = request.headers['if-range'];
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.range ?? '');
    const isRanged = match !== null && file.ranges !== false && (ifRange === undefined || ifRange === etag);
    if (!isRanged || request.method === 'HEAD') {
      const length: Record<string, string> = file.chunked === true ? {} : { 'content-length': String(bytes.length) };
      return { status: file.status ?? 200, headers: { ...headers, ...length }, body: bytes };
    }
    const first = Number(match[1]);
    if (first >= bytes.length) {
      return {
        status: 416,
        headers: { 'content-range': `bytes */${bytes.length}`, 'content-length': '0' },
        body: Buffer.alloc(0),
      };
    }
    const last = match[2] === '' ? bytes.length - 1 : Math.min(Number(match[2]), bytes.length - 1);
    return {
      status: 206,
      headers: {
        ...headers,
        'content-range': `bytes ${first}-${last}/${bytes.length}`,
        'content-length': String(last - first + 1),
      },
      body: bytes.subarray(first, last + 1),
    };
  }

  #handOver(request: OriginRequest): void {
    const awaited = this.#awaited.shift();
    if (awaited === undefined) this.#arrived.push(request);
    else awaited(request);
  }
}

/** Bytes of which each place can be told from the others. */
export function patterned(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = (seed * 2_654_435_761) >>> 0;
  for (let at = 0; at < sizeBytes; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
