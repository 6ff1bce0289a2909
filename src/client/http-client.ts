import { AssertionError } from 'node:assert';
import { Readable } from 'node:stream';
import { Agent, errors, request } from 'undici';
import { messageOf, OperationalError } from '../errors/operational-error.ts';

/**
 * The way out: every request that a service makes of another machine goes through here (undici underneath). Each step
 * has a limit: connecting, waiting for the head, waiting between bytes of the body. Redirects are not followed: a
 * cache that follows them can be led anywhere.
 */
export interface HttpRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** An iterable is sent as it comes, once. */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
  readonly headersTimeoutMs: number;
  /** Longest wait between two pieces of the body. */
  readonly bodyTimeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; a field that came several times is joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Set-Cookie lines one by one: the only field whose lines cannot be joined (RFC 9110 section 5.3). */
  readonly setCookies: readonly string[];
  /** The body as it arrives; read it to the end, or `discard()`. Failures are OperationalErrors. */
  readonly body: AsyncIterable<Buffer>;
  /** Throws the rest of the body away and frees the connection. Never throws. */
  discard(): void;
}

export interface HttpClientOptions {
  readonly connectTimeoutMs: number;
  readonly maxConnectionsPerHost: number;
}

export class HttpClient {
  readonly #agent: Agent;

  constructor(options: HttpClientOptions) {
    this.#agent = new Agent({
      connections: options.maxConnectionsPerHost,
      pipelining: 1,
      connect: { timeout: options.connectTimeoutMs },
      keepAliveTimeout: 15_000,
      maxHeaderSize: 32_768,
    });
  }

  /** @throws OperationalError SOURCE_UNREACHABLE, SOURCE_TIMEOUT, SOURCE_PROTOCOL; an abort rethrows the signal's reason. */
  async request(options: HttpRequest): Promise<HttpResponse> {
    try {
      const answer = await request(options.url, {
        dispatcher: this.#agent,
        method: options.method ?? 'GET',
        headers: { ...options.headers },
        body: bodyToSend(options.body),
        headersTimeout: options.headersTimeoutMs,
        bodyTimeout: options.bodyTimeoutMs,
        signal: options.signal ?? null,
      });
      const framing = framingProblem(answer.headers);
      if (framing !== undefined) {
        answer.body.on('error', () => undefined).destroy();
        throw new OperationalError('SOURCE_PROTOCOL', `${placeOf(options)}: ${framing}`);
      }
      return {
        status: answer.statusCode,
        headers: joinHeaders(answer.headers),
        setCookies: [answer.headers['set-cookie'] ?? []].flat(),
        body: readBody(answer.body, options),
        discard: () => {
          answer.body.on('error', () => undefined).destroy();
        },
      };
    } catch (error) {
      throw translate(error, options);
    }
  }

  /** Ends every connection at once. */
  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }
}

function bodyToSend(body: HttpRequest['body']): Uint8Array | string | Readable | null {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return body ?? null;
  return Readable.from(body, { objectMode: false });
}

async function* readBody(body: AsyncIterable<unknown>, options: HttpRequest): AsyncGenerator<Buffer> {
  try {
    for await (const piece of body) yield piece as Buffer;
  } catch (error) {
    throw translate(error, options);
  }
}

/**
 * What makes the end of a body a matter of opinion (RFC 9112 section 6.3): a coding that we do not remove, or a length
 * beside a coding. The parser refuses most of it; what it lets pass would be stored with its framing inside.
 */
function framingProblem(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  if (String(coding).trim().toLowerCase() !== 'chunked') return `transfer coding '${String(coding).slice(0, 60)}'`;
  return headers['content-length'] === undefined ? undefined : 'a length beside a transfer coding';
}

function joinHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return joined;
}

/** Without the query, which may carry a secret. */
const placeOf = ({ method = 'GET', url }: HttpRequest): string => `${method} ${url.split('?')[0]}`;

function translate(error: unknown, options: HttpRequest): unknown {
  if (error instanceof OperationalError) return error;
  if (options.signal?.aborted) return options.signal.reason;
  const where = `${placeOf(options)}: ${messageOf(error).split('\n', 1)[0]}`;
  const wrap = (
    code: 'SOURCE_TIMEOUT' | 'SOURCE_TRUNCATED' | 'SOURCE_PROTOCOL' | 'SOURCE_UNREACHABLE',
  ): OperationalError => new OperationalError(code, where, { cause: error });
  if (
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  ) {
    return wrap('SOURCE_TIMEOUT');
  }
  if (
    error instanceof errors.HTTPParserError ||
    error instanceof errors.HeadersOverflowError ||
    error instanceof errors.InvalidArgumentError ||
    error instanceof errors.ResponseContentLengthMismatchError ||
    error instanceof AssertionError
  ) {
    return wrap('SOURCE_PROTOCOL');
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE') return wrap('SOURCE_TRUNCATED');
  return wrap('SOURCE_UNREACHABLE');
}
