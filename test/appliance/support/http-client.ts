import { request as askHttp, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as askHttps } from 'node:https';

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Accepts a certificate that nobody vouches for. */
  readonly insecure?: boolean;
  /** The address that the client comes from; any of 127.0.0.0/8 will do. */
  readonly localAddress?: string;
}

/** An answer while it comes in. */
export class OpenAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** 'cut' when the connection ended before the body did. */
  readonly ended: Promise<'complete' | 'cut'>;
  readonly #pieces: Buffer[] = [];
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  #receivedBytes = 0;
  #wake: () => void = () => undefined;

  constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    response.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#receivedBytes += piece.length;
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      response.once('end', () => resolve(response.complete ? 'complete' : 'cut'));
      response.once('error', () => resolve('cut'));
      response.once('close', () => resolve(response.complete ? 'complete' : 'cut'));
    });
    void this.ended.then(() => this.#wake());
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get body(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  /** Resolves when that many bytes of the body are here. @throws when the body ends before. */
  async received(bytes: number): Promise<void> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    while (this.#receivedBytes < bytes) {
      if (over) throw new Error(`the body ended at ${this.#receivedBytes} of ${bytes} bytes`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes nothing more from the connection until `resume`. */
  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  leave(): void {
    this.#request.destroy();
  }
}

/** Asks on a connection of its own and resolves with the head. */
export function openAnswer(url: string, asked: Asked = {}): Promise<OpenAnswer> {
  const { method = 'GET', headers = {}, insecure = false, localAddress } = asked;
  const ask = url.startsWith('https:') ? askHttps : askHttp;
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, rejectUnauthorized: !insecure, localAddress };
    const request = ask(url, options, (response) => {
      resolve(new OpenAnswer(request, response));
    });
    request.on('error', reject);
    request.end();
  });
}

/** Asks and reads to the end. @throws when the answer is cut. */
export async function ask(url: string, asked: Asked = {}): Promise<OpenAnswer> {
  const answer = await openAnswer(url, asked);
  if ((await answer.ended) === 'cut') throw new Error(`${url}: the answer was cut at ${answer.receivedBytes} bytes`);
  return answer;
}
