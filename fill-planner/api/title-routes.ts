import { PassThrough } from 'node:stream';
import type { HttpClient } from '../../src/client/http-client.ts';
import { ERROR_CODES } from '../../src/errors/error-codes.ts';
import { isOperational, messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Clock, Timer } from '../../src/world/world.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { type IngestRequest, parseIngestRequest, planIngest, sourceForLog } from '../catalog/ingest-request.ts';
import { type IngestProgress, ingestTitle } from '../catalog/ingest-title.ts';

export interface TitleRoutesParts {
  readonly catalog: CatalogStore;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defaultOriginUrl: string;
  readonly maxFileBytes: number;
  readonly maxTitleBytes: number;
  /** Aborts what is being read when the service stops. */
  readonly stopSignal: AbortSignal;
}

const MAX_WAITING = 8;
const PROGRESS_EVERY_MS = 100;
const WAITING_EVERY_MS = 10_000;

/** Titles on the admin listener: `oca title add|list|remove`. */
export function addTitleRoutes(server: JsonServer, parts: TitleRoutesParts): void {
  const { catalog } = parts;
  // One at a time: ingest is bound by hashing, and two would only take turns.
  let turn: Promise<unknown> = Promise.resolve();
  let waitingCount = 0;

  server.get('/v1/titles', () => ({
    catalogueVersion: catalog.catalogueVersion,
    titles: catalog.summaries(),
  }));

  server.get<{ Params: { id: string } }>('/v1/titles/:id', (request, reply) => {
    const stored = catalog.title(request.params.id);
    if (stored === undefined) return noTitle(reply, request.params.id);
    const files = stored.title.renditions.flatMap((rendition) => rendition.files);
    return { ...stored, segments: Object.fromEntries(files.map(({ path }) => [path, catalog.segmentsOf(path)])) };
  });

  server.delete<{ Params: { id: string } }>('/v1/titles/:id', (request, reply) => {
    const change = catalog.remove(request.params.id);
    return change ?? noTitle(reply, request.params.id);
  });

  server.post('/v1/titles', (request, reply) => {
    const ingestRequest = parseIngestRequest(request.body);
    if (waitingCount >= MAX_WAITING)
      throw new OperationalError('OVERLOADED', `${waitingCount} titles are already waiting to be read`);
    const left = new AbortController();
    reply.raw.once('close', () => left.abort(new Error('the operator left')));
    const lines = new PassThrough();
    const endWaiting = tellWaiting(lines, waitingCount, parts.clock);
    waitingCount += 1;
    turn = turn
      .then(() => {
        endWaiting();
        return ingestInto(lines, ingestRequest, parts, AbortSignal.any([left.signal, parts.stopSignal]));
      })
      .finally(() => {
        waitingCount -= 1;
      });
    return reply.type('application/x-ndjson').send(lines);
  });
}

const noTitle = (reply: Parameters<typeof sendProblem>[0], id: string) =>
  sendProblem(reply, 404, 'NOT_FOUND', `no title '${id}'`);

/** Writes a line now and then while others are ahead, so that the operator's tool knows that it was not forgotten. */
function tellWaiting(lines: PassThrough, aheadCount: number, clock: Clock): () => void {
  let timer: Timer | undefined;
  const tell = (): void => {
    if (!lines.writableNeedDrain) lines.write(`${JSON.stringify({ kind: 'waiting', aheadCount })}\n`);
    timer = clock.setTimer(WAITING_EVERY_MS, tell);
  };
  if (aheadCount > 0) tell();
  return () => timer?.cancel();
}

/**
 * Runs one ingest and writes its progress and result as lines: `{"kind":"progress"...}` any number of times, then one
 * of `{"kind":"done"...}` and `{"kind":"failed"...}`. A failure comes as a line, because the status was sent long ago.
 */
async function ingestInto(
  lines: PassThrough,
  request: IngestRequest,
  parts: TitleRoutesParts,
  signal: AbortSignal,
): Promise<void> {
  const { catalog, clock, logger } = parts;
  let lastLineMs = Number.NEGATIVE_INFINITY;
  const onProgress = (progress: IngestProgress): void => {
    const nowMs = clock.monotonicMs();
    // A reader that is slow gets fewer lines, never a queue of them.
    if (nowMs - lastLineMs < PROGRESS_EVERY_MS || lines.writableNeedDrain) return;
    lastLineMs = nowMs;
    lines.write(`${JSON.stringify({ kind: 'progress', ...progress })}\n`);
  };
  try {
    signal.throwIfAborted();
    const { source, ...plan } = await planIngest(request, parts.http, parts.defaultOriginUrl);
    const { maxFileBytes, maxTitleBytes } = parts;
    const ingested = await ingestTitle(source, { ...plan, maxFileBytes, maxTitleBytes, signal, onProgress });
    signal.throwIfAborted();
    const change = catalog.put(ingested, clock.nowMs());
    const { id, name, durationMs, renditions } = ingested.title;
    const sizeBytes = renditions.reduce((sum, rendition) => sum + rendition.sizeBytes, 0);
    logger.info({ title: id, source: source.description, ...change }, 'took a title in');
    const title = { id, name, durationMs, sizeBytes, renditions: renditions.map((rendition) => rendition.id) };
    lines.end(`${JSON.stringify({ kind: 'done', title, fileCount: ingested.files.length, ...change })}\n`);
  } catch (error) {
    lines.end(`${JSON.stringify({ kind: 'failed', problem: problemOf(error, signal) })}\n`);
    if (isOperational(error)) logger.warn({ error, source: sourceForLog(request) }, 'refused a title');
    else if (!signal.aborted) throw error;
  }
}

function problemOf(error: unknown, signal: AbortSignal): { code: string; status: number; detail: string } {
  if (isOperational(error)) return { code: error.code, status: ERROR_CODES[error.code].status, detail: error.detail };
  if (signal.aborted) return { code: 'STOPPED', status: 503, detail: messageOf(signal.reason) };
  return { code: 'BUG', status: 500, detail: 'an error that nobody foresaw; the log has it' };
}
