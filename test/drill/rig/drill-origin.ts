import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface OriginFile {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** What an origin does to one answer; nothing set: answers rightly and at once. */
export interface Behaviour {
  readonly headDelayMs?: number;
  readonly bytesPerSec?: number;
  /** The connection breaks after so many bytes of the body. */
  readonly cutAfterBytes?: number;
  /** Nothing more comes after so many bytes of the body, and the connection stays. */
  readonly hangAfterBytes?: number;
  /** Another status, without content. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly range: string | undefined;
  /** Of the body. */
  sentBytes: number;
  status: number;
}

const PIECE_BYTES = 65_536;

/** An HTTP origin whose faults are set per path. It knows single ranges, If-Range and If-None-Match. */
export class DrillOrigin {
  readonly asked: Asked[] = [];
  readonly #files = new Map<string, OriginFile>();
  readonly #behaviours = new Map<string, (asked: Asked, count: number) => Behaviour>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((incoming, response) => void this.#answer(incoming, response));
  }

  static async start(port = 0): Promise<DrillOrigin> {
    const origin = new DrillOrigin();
    await new Promise<void>((resolve, reject) => {
      origin.#server.once('error', reject);
      origin.#server.listen(port, '127.0.0.1', resolve);
    });
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Puts a file there, or replaces it. @returns its bytes */
  put(path: string, bytes: Buffer, headers: Readonly<Record<string, string>>): Buffer {
    this.#files.set(path, { bytes, headers: { 'content-type': 'video/mp4', ...headers } });
    return bytes;
  }

  bytesOf(path: string): Buffer | undefined {
    return this.#files.get(path)?.bytes;
  }

  /** @param behave gets the request and how many there were for this path before */
  behave(path: string, behave: (asked: Asked, count: number) => Behaviour): void {
    this.#behaviours.set(path, behave);
  }

  behaveWell(path: string): void {
    this.#behaviours.delete(path);
  }

  askedFor(path: string): Asked[] {
    return this.asked.filter((asked) => asked.path === path);
  }

  sentBytes(path: string): number {
    return this.askedFor(path).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  }

  stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    return closed;
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = incoming;
    const count = this.askedFor(path).length;
    const asked: Asked = { method, path, headers, range: headers.range, sentBytes: 0, status: 0 };
    this.asked.push(asked);
    response.on('error', () => response.destroy());
    const behaviour = this.#behaviours.get(path)?.(asked, count) ?? {};
    if (behaviour.headDelayMs !== undefined) await delay(behaviour.headDelayMs);
    const answer = this.#choose(asked, behaviour);
    asked.status = answer.status;
    response.writeHead(answer.status, { ...answer.headers, ...behaviour.headers });
    if (method === 'HEAD' || answer.body.length === 0) return void response.end();
    response.flushHeaders();
    await send(response, answer.body, asked, behaviour);
  }

  #choose(
    { path, range, headers }: Asked,
    { status }: Behaviour,
  ): { status: number; headers: Record<string, string>; body: Buffer } {
    const nothing = Buffer.alloc(0);
    const file = this.#files.get(path);
    if (status !== undefined) return { status, headers: { 'content-length': '0' }, body: nothing };
    if (file === undefined) return { status: 404, headers: { 'content-length': '0' }, body: nothing };
    const etag = file.headers['etag'];
    const { bytes } = file;
    if (etag !== undefined && headers['if-none-match'] === etag) {
      return { status: 304, headers: { ...file.headers }, body: nothing };
    }
    const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
    const ifRange = headers['if-range'];
    if (match === null || (ifRange !== undefined && ifRange !== etag)) {
      return { status: 200, headers: { ...file.headers, 'content-length': String(bytes.length) }, body: bytes };
    }
    const first = Number(match[1]);
    const last = match[2] === '' ? bytes.length - 1 : Math.min(Number(match[2]), bytes.length - 1);
    if (first > last) {
      return {
        status: 416,
        headers: { 'content-range': `bytes */${bytes.length}`, 'content-length': '0' },
        body: nothing,
      };
    }
    return {
      status: 206,
      headers: {
        ...file.headers,
        'content-range': `bytes ${first}-${last}/${bytes.length}`,
        'content-length': String(last - first + 1),
      },
      body: bytes.subarray(first, last + 1),
    };
  }
}

async function send(response: ServerResponse, body: Buffer, asked: Asked, behaviour: Behaviour): Promise<void> {
  const { bytesPerSec, cutAfterBytes, hangAfterBytes } = behaviour;
  const end = Math.min(body.length, cutAfterBytes ?? body.length, hangAfterBytes ?? body.length);
  const startedMs = performance.now();
  while (asked.sentBytes < end && !response.destroyed) {
    const piece = body.subarray(asked.sentBytes, Math.min(end, asked.sentBytes + PIECE_BYTES));
    asked.sentBytes += piece.length;
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
      response.write(piece, () => {
        response.off('close', resolve);
        resolve();
      });
    });
    if (bytesPerSec === undefined) continue;
    const aheadMs = (asked.sentBytes / bytesPerSec) * 1000 - (performance.now() - startedMs);
    if (aheadMs > 0) await delay(aheadMs);
  }
  if (cutAfterBytes !== undefined && cutAfterBytes < body.length) return void response.destroy();
  if (hangAfterBytes !== undefined && hangAfterBytes < body.length) return undefined;
  return void response.end();
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
