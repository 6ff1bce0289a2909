import { type EnrolmentAnswer, parseEnrolmentAnswer, type ServiceRole } from '../contracts/enrolment.ts';
import type { ErrorCode } from '../errors/error-codes.ts';
import { isOperational, messageOf, OperationalError } from '../errors/operational-error.ts';
import type { Identity } from '../signing/identity.ts';
import { signRequest } from '../signing/request-signature.ts';
import type { Clock } from '../world/world.ts';
import type { HttpClient, HttpResponse } from './http-client.ts';

export interface ServiceClientOptions {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly baseUrl: string;
  /** Signs every call when given; the operator's tools on the admin listener have none. */
  readonly identity?: Identity;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

/** An answer of a service: decoded JSON, unchecked (its contract's parse function does that), or not modified. */
export type ServiceAnswer =
  | { readonly kind: 'body'; readonly body: unknown; readonly etag: string | undefined }
  | { readonly kind: 'not-modified' };

/** The same with the body as it comes, for who has a better place to decode it than the event loop. */
export type StreamedAnswer =
  | { readonly kind: 'body'; readonly pieces: AsyncIterable<Buffer>; readonly etag: string | undefined }
  | { readonly kind: 'not-modified' };

/** Signed JSON calls from one service to another, with one deadline per call. Retries are the caller's affair. */
export class ServiceClient {
  readonly #options: ServiceClientOptions;

  constructor(options: ServiceClientOptions) {
    this.#options = options;
  }

  /** @param etag asks only for what is newer than this. @throws OperationalError SERVICE_*; an aborted signal's reason */
  get(target: string, etag?: string, signal?: AbortSignal): Promise<ServiceAnswer> {
    return this.#call('GET', target, undefined, etag, signal);
  }

  /**
   * As `get`; what goes wrong with the body is thrown while it is read, which must be done within the call's deadline.
   * @throws OperationalError SERVICE_*; an aborted signal's reason
   */
  async getStreamed(target: string, etag?: string, signal?: AbortSignal): Promise<StreamedAnswer> {
    const call = this.#nameOf('GET', target);
    const response = await this.#ask('GET', target, undefined, etag, signal);
    if (response === 'not-modified') return { kind: 'not-modified' };
    return { kind: 'body', pieces: this.#pieces(response.body, call), etag: response.headers['etag'] };
  }

  /** @returns the decoded answer, undefined for 204. @throws OperationalError SERVICE_*; an aborted signal's reason */
  async send(
    method: 'POST' | 'PUT' | 'DELETE',
    target: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const answer = await this.#call(method, target, body, undefined, signal);
    return answer.kind === 'body' ? answer.body : undefined;
  }

  post(target: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    return this.send('POST', target, body, signal);
  }

  /** Registers our key with a one-time token. @returns the service's own key, to pin. */
  async enrol(role: ServiceRole, token: string, signal?: AbortSignal): Promise<EnrolmentAnswer> {
    const { identity } = this.#options;
    if (identity === undefined) throw new Error('only a service with an identity can enrol');
    const enrolment = { version: 1, id: identity.id, role, publicKey: identity.publicKey, token };
    return parseEnrolmentAnswer(await this.post('/v1/enrol', enrolment, signal));
  }

  async #call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    target: string,
    body: unknown,
    etag?: string,
    ended?: AbortSignal,
  ): Promise<ServiceAnswer> {
    const call = this.#nameOf(method, target);
    const response = await this.#ask(method, target, body, etag, ended);
    if (response === 'not-modified') return { kind: 'not-modified' };
    const text = await this.#readAll(response.body, call);
    return { kind: 'body', body: text === '' ? undefined : decode(text, call), etag: response.headers['etag'] };
  }

  /** Asks, and makes an error of every status that is none of success. */
  async #ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    target: string,
    body: unknown,
    etag?: string,
    ended?: AbortSignal,
  ): Promise<HttpResponse | 'not-modified'> {
    const { http, baseUrl, clock, identity, timeoutMs } = this.#options;
    const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
    // The signature covers the path as the receiver sees it, so the base URL's own path belongs to it.
    const url = new URL(baseUrl + target);
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (etag !== undefined) headers['if-none-match'] = etag;
    if (identity !== undefined)
      Object.assign(
        headers,
        signRequest({ method, target: url.pathname + url.search, body: bytes }, identity, clock.nowMs()),
      );
    const call = this.#nameOf(method, target);
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = ended === undefined ? deadline : AbortSignal.any([deadline, ended]);
    try {
      const response = await http.request({
        url: url.href,
        method,
        headers,
        ...(body === undefined ? {} : { body: bytes }),
        headersTimeoutMs: timeoutMs,
        bodyTimeoutMs: timeoutMs,
        signal,
      });
      if (response.status === 304) {
        response.discard();
        return 'not-modified';
      }
      if (response.status >= 300 || response.status < 200)
        throw new OperationalError(
          'SERVICE_STATUS',
          `${call}: ${response.status} ${detailOf(await this.#readAll(response.body, call))}`,
          { answeredStatus: response.status },
        );
      return response;
    } catch (error) {
      throw translate(error, call);
    }
  }

  /** What an error names. */
  #nameOf(method: string, target: string): string {
    return `${method} ${this.#options.baseUrl}${target.split('?')[0]}`;
  }

  async #readAll(body: AsyncIterable<Buffer>, call: string): Promise<string> {
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces(body, call)) pieces.push(piece);
    return Buffer.concat(pieces).toString('utf8');
  }

  async *#pieces(body: AsyncIterable<Buffer>, call: string): AsyncGenerator<Buffer> {
    let sizeBytes = 0;
    try {
      for await (const piece of body) {
        sizeBytes += piece.length;
        if (sizeBytes > this.#options.maxAnswerBytes) {
          throw new OperationalError('SERVICE_PROTOCOL', `${call}: answer over ${this.#options.maxAnswerBytes} bytes`);
        }
        yield piece;
      }
    } catch (error) {
      throw translate(error, call);
    }
  }
}

function decode(text: string, call: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OperationalError('SERVICE_PROTOCOL', `${call}: ${messageOf(error)}`, { cause: error });
  }
}

function detailOf(text: string): string {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return String(problem.detail);
  } catch {
    // Not one of our problem bodies: the beginning of the text says more than nothing.
  }
  return text.slice(0, 200);
}

const AS_SERVICE: Partial<Record<ErrorCode, ErrorCode>> = {
  SOURCE_UNREACHABLE: 'SERVICE_UNREACHABLE',
  SOURCE_TIMEOUT: 'SERVICE_TIMEOUT',
  // A connection that ended says nothing of what would have been answered.
  SOURCE_TRUNCATED: 'SERVICE_UNREACHABLE',
  SOURCE_PROTOCOL: 'SERVICE_PROTOCOL',
};

function translate(error: unknown, call: string): unknown {
  if (isOperational(error)) {
    const code = AS_SERVICE[error.code];
    return code === undefined ? error : new OperationalError(code, error.detail, { cause: error });
  }
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return new OperationalError('SERVICE_TIMEOUT', call, { cause: error });
  return error;
}
