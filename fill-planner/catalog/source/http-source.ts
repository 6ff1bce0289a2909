import type { HttpClient } from '../../../src/client/http-client.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { OpenedFile, TitleSource } from './title-source.ts';

const HEADERS_TIMEOUT_MS = 15_000;
const BODY_TIMEOUT_MS = 30_000;

/** A title on a web server. @param folderUrl with a trailing slash */
export function httpSource(folderUrl: string, http: HttpClient): TitleSource {
  return {
    description: folderUrl,
    folderUrl,
    open: (titlePath, signal) => openResource(`${folderUrl}${titlePath}`, http, signal),
  };
}

async function openResource(url: string, http: HttpClient, signal: AbortSignal): Promise<OpenedFile | undefined> {
  const response = await http.request({
    url,
    // Content codings would change size and checksum of what is stored.
    headers: { 'accept-encoding': 'identity' },
    headersTimeoutMs: HEADERS_TIMEOUT_MS,
    bodyTimeoutMs: BODY_TIMEOUT_MS,
    signal,
  });
  const give = (error: OperationalError): never => {
    response.discard();
    throw error;
  };
  if (response.status === 404 || response.status === 410) {
    response.discard();
    return undefined;
  }
  if (response.status !== 200) give(new OperationalError('SOURCE_STATUS', `GET ${url}: ${response.status}`));
  const coding = response.headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity')
    give(new OperationalError('SOURCE_PROTOCOL', `GET ${url}: content coding '${coding}' was not asked for`));
  const length = response.headers['content-length'];
  return {
    sizeBytes: length === undefined ? undefined : Number(length),
    chunks: response.body,
    close: () => response.discard(),
  };
}
