import type { HttpClient, HttpResponse } from '../../../src/client/http-client.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { OpenedFile, ReadFrom, TitleSource } from './title-source.ts';

const HEADERS_TIMEOUT_MS = 15_000;
const BODY_TIMEOUT_MS = 30_000;

/** Headers that a store wants beside the request's own: a signature. */
export type SignRequest = (method: string, url: string) => Promise<Readonly<Record<string, string>>>;

/** How a store that wants to know who asks is talked to. */
export interface StoreManners {
  readonly sign: SignRequest;
  /** Why the store refused, to stand behind the status. Reads the body. */
  readonly explain: (response: HttpResponse) => Promise<string>;
}

/**
 * A title on a web server.
 * @param folderUrl with a trailing slash
 */
export function httpSource(folderUrl: string, http: HttpClient, manners?: StoreManners): TitleSource {
  const ask = async (method: 'GET' | 'HEAD', titlePath: string, signal: AbortSignal, range?: string) => {
    const url = `${folderUrl}${titlePath}`;
    return http.request({
      url,
      method,
      headers: {
        // Content codings would change size and checksum of what is stored.
        'accept-encoding': 'identity',
        ...(range === undefined ? {} : { range }),
        ...(await manners?.sign(method, url)),
      },
      headersTimeoutMs: HEADERS_TIMEOUT_MS,
      bodyTimeoutMs: BODY_TIMEOUT_MS,
      signal,
    });
  };
  return {
    description: folderUrl,
    folderUrl,
    async open(titlePath, signal, from) {
      const range = from === undefined ? undefined : `bytes=${from.startByte}-`;
      const response = await ask('GET', titlePath, signal, range);
      const what = `GET ${folderUrl}${titlePath}`;
      try {
        if (isGone(response)) return discarded(response);
        await refuse(what, response, from, manners);
        return opened(what, response, from);
      } catch (error) {
        response.discard();
        throw error;
      }
    },
    async identify(titlePath, signal) {
      const response = await ask('HEAD', titlePath, signal);
      response.discard();
      return response.status === 200 ? validatorOf(response, wholeLength(response)) : undefined;
    },
  };
}

const isGone = ({ status }: HttpResponse): boolean => status === 404 || status === 410;

function discarded(response: HttpResponse): undefined {
  response.discard();
  return undefined;
}

/** @throws OperationalError SOURCE_STATUS unless the answer is the file, or the part of it that was asked for */
async function refuse(
  what: string,
  response: HttpResponse,
  from: ReadFrom | undefined,
  manners: StoreManners | undefined,
): Promise<void> {
  const { status } = response;
  if (status === 200 || (status === 206 && from !== undefined)) return;
  const why = (await manners?.explain(response)) ?? '';
  throw new OperationalError('SOURCE_STATUS', `${what}: ${status}${why}`, { answeredStatus: status });
}

function opened(what: string, response: HttpResponse, from: ReadFrom | undefined): OpenedFile {
  const { status, headers } = response;
  const isPart = status === 206;
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity')
    throw new OperationalError('SOURCE_PROTOCOL', `${what}: content coding '${coding}' was not asked for`);
  const sizeBytes = isPart ? partOf(what, response, from?.startByte) : wholeLength(response);
  const validator = validatorOf(response, sizeBytes);
  if (from !== undefined && validator !== from.validator)
    throw new OperationalError('SOURCE_CHANGED', `${what}: is another file than before`);
  // A server that knows no ranges sends everything again, and what is known is passed over.
  const skipBytes = isPart ? 0 : (from?.startByte ?? 0);
  return {
    sizeBytes,
    validator,
    chunks: skipBytes === 0 ? response.body : behind(response.body, skipBytes),
    close: () => response.discard(),
  };
}

function wholeLength({ headers }: HttpResponse): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/** Size of the whole file out of a 206. @throws OperationalError SOURCE_PROTOCOL when it is another part of it */
function partOf(what: string, { headers }: HttpResponse, startByte: number | undefined): number {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '');
  const [start, last, sizeBytes] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])];
  if (match === null || start !== startByte || last !== sizeBytes - 1)
    throw new OperationalError(
      'SOURCE_PROTOCOL',
      `${what}: bytes ${startByte}- were asked for, the answer has ` +
        `'${headers['content-range'] ?? 'no Content-Range'}'`,
    );
  return sizeBytes;
}

/** A strong entity tag, else the time of change; both with the size. */
function validatorOf({ headers }: HttpResponse, sizeBytes: number | undefined): string | undefined {
  const { etag, 'last-modified': lastModified } = headers;
  const tag = etag?.startsWith('"') === true ? etag : lastModified;
  return tag === undefined || sizeBytes === undefined ? undefined : `${tag} ${sizeBytes}`;
}

async function* behind(chunks: AsyncIterable<Buffer>, skipBytes: number): AsyncGenerator<Buffer> {
  let leftBytes = skipBytes;
  for await (const chunk of chunks) {
    const skipped = Math.min(leftBytes, chunk.length);
    leftBytes -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}
