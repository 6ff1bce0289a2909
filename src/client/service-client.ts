import { type EnrolmentAnswer, parseEnrolmentAnswer, type ServiceRole } from '../contracts/enrolment.ts';
import type { ErrorCode } from '../errors/error-codes.ts';
import { isOperational, messageOf, OperationalError } from '../errors/operational-error.ts';
import type { Identity } from '../signing/identity.ts';
import { signRequest } from '../signing/request-signature.ts';
import type { Clock } from '../world/world.ts';
import type { HttpClient } from './http-client.ts';

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
    const call = `${method} ${baseUrl}${target.split('?')[0]}`;
    try {
      const deadline = AbortSignal.timeout(timeoutMs);
      const signal = ended === undefined ? deadline : AbortSignal.any([deadline, ended]);
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
        return { kind: 'not-modified' };
      }
      const text = await this.#readAll(response.body, call);
      if (response.status >= 300 || response.status < 200)
        throw new OperationalError('SERVICE_STATUS', `${call}: ${response.status} ${detailOf(text)}`, {
          answeredStatus: response.status,
        });
      return { kind: 'body', body: text === '' ? undefined : decode(text, call), etag: response.headers['etag'] };
    } catch (error) {
      throw translate(error, call);
    }
  }

  async #readAll(body: AsyncIterable<Buffer>, call: string): Promise<string> {
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of body) {
      sizeBytes += piece.length;
      if (sizeBytes > this.#options.maxAnswerBytes) {
        throw new OperationalError('SERVICE_PROTOCOL', `${call}: answer over ${this.#options.maxAnswerBytes} bytes`);
      }
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString('utf8');
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
