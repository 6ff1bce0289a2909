import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { HostPort } from '../config/parameter.ts';
import { ContractError } from '../contracts/contract.ts';
import type { Problem } from '../contracts/problem.ts';
import { ERROR_CODES } from '../errors/error-codes.ts';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import type { Logger } from '../telemetry/logger.ts';

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
  /** Paths of a PEM certificate and key, or empty strings for plain HTTP. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

const EMPTY = Buffer.alloc(0);
const NO_HEADER_NEEDS_LONGER_MS = 10_000;

/**
 * The JSON server of all three services: fastify with our limits, problem bodies (RFC 9457) for every error, and the
 * raw body kept for signatures.
 */
export function createJsonServer(options: JsonServerOptions): JsonServer {
  const common = {
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: 30_000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1024 },
    http: { headersTimeout: NO_HEADER_NEEDS_LONGER_MS, maxHeaderSize: 16_384 },
  } as const;
  const tls =
    options.tls !== undefined && options.tls.certFile !== ''
      ? readTls(options.tls.certFile, options.tls.keyFile)
      : undefined;
  const server = (tls === undefined ? fastify(common) : fastify({ ...common, https: tls })) as FastifyInstance;

  // A decorator may not be an object that all requests share: each gets its empty body when it begins.
  server.decorateRequest('rawBody');
  server.addHook('onRequest', (request, _reply, done) => {
    request.rawBody = EMPTY;
    done();
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    /^application\/(?:[a-z.+-]+\+)?json(?:;|$)/,
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
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 404, 'NOT_FOUND', `no ${request.method} ${request.url.split('?')[0]} here`),
  );
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
 * back to `0.0.0.0`. @throws OperationalError CONFIG_INVALID when the address cannot be had.
 */
export async function listen(server: JsonServer, address: HostPort): Promise<HostPort> {
  try {
    await server.listen({ host: address.host, port: address.port });
  } catch (error) {
    if (address.host === '::' && error instanceof Error && 'code' in error && error.code === 'EAFNOSUPPORT') {
      return listen(server, { host: '0.0.0.0', port: address.port });
    }
    throw new OperationalError('CONFIG_INVALID', `cannot listen on ${formatHostPort(address)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const bound = server.server.address() as AddressInfo;
  return { host: bound.address, port: bound.port };
}

/** `127.0.0.1:80`, `[::1]:80`. */
export const formatHostPort = ({ host, port }: HostPort): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** PEM texts of a certificate and key. @throws OperationalError CONFIG_INVALID naming the file. */
export function readTls(certFile: string, keyFile: string): { cert: string; key: string } {
  try {
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `TLS needs both --tls-cert and --tls-key: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function clientFault(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  const status = error.statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
