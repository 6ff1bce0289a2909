import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { HostPort } from '../config/parameter.ts';
import { ContractError } from '../contracts/contract.ts';
import type { Problem } from '../contracts/problem.ts';
import { ERROR_CODES } from '../errors/error-codes.ts';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type ConnectionLimits, isBeyondLimit, limitConnections } from './connection-limits.ts';
import { acceptProxied } from './proxy-protocol/accept-proxied.ts';

export type JsonServer = FastifyInstance;
export type JsonRequest = FastifyRequest;
export type JsonReply = FastifyReply;

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's bytes as received, for checking signatures. Empty when there was none. */
    rawBody: Buffer;
  }
}

export interface JsonServerOptions {
  readonly logger: Logger;
  readonly bodyLimitBytes: number;
  /** Open connections; more are closed at once. */
  readonly maxConnections?: number;
  /** How long a client may take for a handshake and for the head of a request. */
  readonly headTimeoutMs?: number;
  /** How long nothing may move on a connection, a client that takes nothing of its answer included. */
  readonly silenceTimeoutMs?: number;
  /** Limits per address; none by default. */
  readonly perAddress?: ConnectionLimits;
  /** From which addresses connections begin with a PROXY header; by default none do. */
  readonly isProxied?: (address: string) => boolean;
  /** Paths of a PEM certificate and key, or empty strings for plain HTTP. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

const EMPTY = Buffer.alloc(0);
const DEFAULT_MAX_CONNECTIONS = 1000;
const DEFAULT_HEAD_TIMEOUT_MS = 10_000;
const DEFAULT_SILENCE_TIMEOUT_MS = 60_000;
/** Node looks for connections over their time limits only so often, by itself every 30 s. */
const CHECK_INTERVAL_MS = 1000;
const MAX_HEAD_BYTES = 16_384;

/**
 * The JSON server of all three services: fastify with our limits, problem bodies (RFC 9457) for every error, and the
 * raw body kept for signatures. @throws OperationalError CONFIG_INVALID when certificate or key are not there or broken
 */
export function createJsonServer(options: JsonServerOptions): JsonServer {
  const headTimeoutMs = options.headTimeoutMs ?? DEFAULT_HEAD_TIMEOUT_MS;
  const limits = {
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: MAX_HEAD_BYTES,
  };
  const { certFile = '', keyFile = '' } = options.tls ?? {};
  const isTls = certFile !== '' || keyFile !== '';
  const listener = isTls
    ? { https: { ...limits, handshakeTimeout: headTimeoutMs, ...readTls(certFile, keyFile) } }
    : { http: limits };
  const server = fastify({
    ...listener,
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: 30_000,
    connectionTimeout: options.silenceTimeoutMs ?? DEFAULT_SILENCE_TIMEOUT_MS,
    keepAliveTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1024 },
    // What fastify refuses before any route or hook: paths that cannot be decoded.
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply as unknown as FastifyReply, clientFault(error) ?? 400, 'REQUEST', messageOf(error));
    },
  }) as unknown as FastifyInstance;
  server.server.maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  if (options.perAddress !== undefined) limitConnections(server.server, options.perAddress);
  if (options.isProxied !== undefined) {
    const { isProxied: isTrusted, logger } = options;
    acceptProxied(server.server, { isTrusted, deadlineMs: headTimeoutMs, logger });
  }

  // A decorator may not be an object that all requests share: each gets its empty body when it begins.
  server.decorateRequest('rawBody');
  server.addHook('onRequest', (request, reply, done) => {
    request.rawBody = EMPTY;
    if (isBeyondLimit(request.raw.socket)) reply.header('connection', 'close');
    if (hasTwoHosts(request.raw)) sendProblem(reply.header('connection', 'close'), 400, 'REQUEST', 'two Host fields');
    else done();
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    /^application\/(?:cdni|(?:[a-z.+-]+\+)?json)(?:;|$)/,
    { parseAs: 'buffer' },
    (request, body, done) => {
      request.rawBody = Buffer.isBuffer(body) ? body : Buffer.from(body);
      try {
        done(null, request.rawBody.length === 0 ? undefined : JSON.parse(request.rawBody.toString('utf8')));
      } catch (error) {
        done(new ContractError('JSON body', [messageOf(error)]));
      }
    },
  );
  const notFound = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    sendProblem(reply, 404, 'NOT_FOUND', `no ${request.method} ${request.url.split('?')[0]} here`);
  server.setNotFoundHandler(notFound);
  server.addHook('preParsing', (request, reply, _payload, done) => {
    // Nobody's body is worth the memory and the time of reading it.
    if (request.is404) notFound(request, reply);
    else done();
  });
  server.setErrorHandler((error, request, reply) => {
    if (error instanceof ContractError) return sendProblem(reply, 400, 'CONTRACT', error.message);
    if (error instanceof OperationalError) {
      options.logger.warn({ error, url: request.url.split('?')[0] }, 'request failed');
      return sendProblem(reply, ERROR_CODES[error.code].status, error.code, error.message);
    }
    const status = clientFault(error);
    if (status !== undefined) return sendProblem(reply, status, 'REQUEST', messageOf(error));
    options.logger.error({ error, url: request.url.split('?')[0] }, 'bug in a request handler');
    return sendProblem(reply, 500, 'BUG', 'an error that nobody foresaw; the log has it');
  });
  return server;
}

/**
 * Lets `answer` see every request before the router does, for the few routes that are asked thousands of times a
 * second: hooks, reply objects and serialisers of a general router cost as much as a decision. What it answers with
 * false goes to the routes as ever, and so does what it throws at, so that a bug ends where bugs end.
 */
export function answerFirst(
  server: JsonServer,
  answer: (request: IncomingMessage, response: ServerResponse) => boolean,
): void {
  const routes = server.server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  server.server.removeAllListeners('request');
  server.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isBeyondLimit(request.socket)) response.setHeader('connection', 'close');
    if (!hasTwoHosts(request) && answeredBy(answer, request, response)) return;
    for (const route of routes) route.call(server.server, request, response);
  });
}

/** RFC 9112 section 3.2 demands 400; Node's parser lets it through and shows the first. */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count > 1;
}

function answeredBy(
  answer: (request: IncomingMessage, response: ServerResponse) => boolean,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  try {
    return answer(request, response);
  } catch (error) {
    if (response.headersSent) throw error;
    return false;
  }
}

/** Answers with a problem body. */
export function sendProblem(reply: FastifyReply, status: number, code: string, detail: string): FastifyReply {
  const problem: Problem = {
    type: 'about:blank',
    title: code.toLowerCase().replaceAll('_', ' '),
    status,
    detail,
    code,
  };
  return reply.code(status).type('application/problem+json').send(JSON.stringify(problem));
}

/**
 * Listens, and says where: with port 0 the system picks one. `::` takes IPv4 too; on a machine without IPv6 it falls
 * back to `0.0.0.0`. @throws OperationalError as `listenFailure` says
 */
export async function listen(server: JsonServer, address: HostPort): Promise<HostPort> {
  try {
    await server.listen({ host: address.host, port: address.port });
  } catch (error) {
    if (address.host === '::' && codeOf(error) === 'EAFNOSUPPORT') {
      return listen(server, { host: '0.0.0.0', port: address.port });
    }
    throw listenFailure(address, error);
  }
  const bound = server.server.address() as AddressInfo;
  return { host: bound.address, port: bound.port };
}

/**
 * Why an address cannot be had: CONFIG_INVALID where only an operator can mend it, ADDRESS_UNAVAILABLE where the next
 * start may find it free (the process before is still ending, the interface or the name server comes up later). The
 * supervisor gives up on the first and must not on the second.
 */
export function listenFailure(address: HostPort, error: unknown): OperationalError {
  const isForGood = ['EACCES', 'EAFNOSUPPORT', 'EINVAL'].includes(codeOf(error));
  return new OperationalError(
    isForGood ? 'CONFIG_INVALID' : 'ADDRESS_UNAVAILABLE',
    `cannot listen on ${formatHostPort(address)}: ${messageOf(error)}`,
    { cause: error },
  );
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** `127.0.0.1:80`, `[::1]:80`. */
export const formatHostPort = ({ host, port }: HostPort): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** PEM texts of a certificate and its key. @throws OperationalError CONFIG_INVALID naming what is missing or broken */
export function readTls(certFile: string, keyFile: string): { cert: string; key: string } {
  const broken = (error: unknown, what: string): OperationalError =>
    new OperationalError('CONFIG_INVALID', `${what}: ${messageOf(error)}`, { cause: error });
  if (certFile === '' || keyFile === '') {
    throw new OperationalError(
      'CONFIG_INVALID',
      `--tls-cert and --tls-key belong together: ${certFile === '' ? '--tls-cert' : '--tls-key'} is missing`,
    );
  }
  const read = (flag: string, file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw broken(error, flag);
    }
  };
  const pem = { cert: read('--tls-cert', certFile), key: read('--tls-key', keyFile) };
  try {
    createSecureContext(pem);
  } catch (error) {
    throw broken(error, `--tls-cert ${certFile} and --tls-key ${keyFile} are no PEM certificate and its key`);
  }
  return pem;
}

function clientFault(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  const status = error.statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
