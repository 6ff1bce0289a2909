import { PassThrough } from 'node:stream';
import { ERROR_CODES } from '../../src/errors/error-codes.ts';
import { isOperational, messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Timer } from '../../src/world/world.ts';
import { type IngestRequest, parseIngestRequest, sourceForLog } from '../catalog/ingest-request.ts';
import { TitleIntake, type TitleIntakeParts } from '../catalog/title-intake.ts';

export interface TitleRoutesParts extends TitleIntakeParts {
  /** Aborts what is being read when the service stops. */
  readonly stopSignal: AbortSignal;
}

const MAX_WAITING = 8;
const PROGRESS_EVERY_MS = 100;
const WAITING_EVERY_MS = 10_000;

/** Titles on the admin listener: `oca title add|list|remove`. */
export function addTitleRoutes(server: JsonServer, parts: TitleRoutesParts): void {
  const { catalog } = parts;
  const intake = new TitleIntake(parts);
  let requestCount = 0;

  server.get('/v1/titles', () => ({ catalogueVersion: catalog.catalogueVersion, titles: catalog.summaries() }));

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
    if (requestCount >= MAX_WAITING)
      throw new OperationalError('OVERLOADED', `${requestCount} titles are already waiting to be read`);
    const left = new AbortController();
    reply.raw.once('close', () => left.abort(new Error('the operator left')));
    const lines = new AnswerLines(parts);
    requestCount += 1;
    void lines.run(intake, ingestRequest, AbortSignal.any([left.signal, parts.stopSignal])).finally(() => {
      requestCount -= 1;
    });
    return reply.type('application/x-ndjson').send(lines.stream);
  });
}

const noTitle = (reply: Parameters<typeof sendProblem>[0], id: string) =>
  sendProblem(reply, 404, 'NOT_FOUND', `no title '${id}'`);

/**
 * The answer to a request for titles, in lines of JSON. For one: `waiting` and `progress` any number of times, then
 * `done` or `failed`. For all below a folder: `progress-of-all` any number of times and `title` for each, then
 * `all-done` or `failed`. A failure comes as a line, because the status was sent long ago.
 */
class AnswerLines {
  readonly stream = new PassThrough();
  readonly #parts: TitleRoutesParts;
  #lastLineMs = Number.NEGATIVE_INFINITY;

  constructor(parts: TitleRoutesParts) {
    this.#parts = parts;
  }

  async run(intake: TitleIntake, request: IngestRequest, signal: AbortSignal): Promise<void> {
    try {
      const last =
        request.all === true ? await this.#all(intake, request, signal) : await this.#one(intake, request, signal);
      this.stream.end(`${JSON.stringify(last)}\n`);
    } catch (error) {
      this.stream.end(`${JSON.stringify({ kind: 'failed', problem: problemOf(error, signal) })}\n`);
      const { logger } = this.#parts;
      if (isOperational(error)) logger.warn({ error, source: sourceForLog(request) }, 'refused a title');
      else if (!signal.aborted) throw error;
    }
  }

  async #one(intake: TitleIntake, request: IngestRequest, signal: AbortSignal): Promise<object> {
    const endWaiting = this.#tellWaiting(intake.aheadCount);
    try {
      const { changed, catalogueVersion, fileCount, knownBytes, ...title } = await intake.take(
        request,
        signal,
        (progress) => this.#nowAndThen({ kind: 'progress', ...progress }),
        endWaiting,
      );
      return { kind: 'done', title, fileCount, knownBytes, changed, catalogueVersion };
    } finally {
      endWaiting();
    }
  }

  async #all(intake: TitleIntake, request: IngestRequest, signal: AbortSignal): Promise<object> {
    const counts = { added: 0, unchanged: 0, failed: 0 };
    await intake.takeAll(request, {
      signal,
      onProgress: (progress) => this.#nowAndThen({ kind: 'progress-of-all', ...progress }),
      onTitle: (outcome) => {
        const { source } = outcome;
        if ('failure' in outcome) {
          counts.failed += 1;
          this.#write({ kind: 'title', source, problem: problemOf(outcome.failure, signal) });
          return;
        }
        const { id, changed, sizeBytes, knownBytes } = outcome.taken;
        counts[changed ? 'added' : 'unchanged'] += 1;
        this.#write({ kind: 'title', source, id, changed, sizeBytes, knownBytes });
      },
    });
    return { kind: 'all-done', ...counts, catalogueVersion: this.#parts.catalog.catalogueVersion };
  }

  /** A reader that is slow gets fewer lines of progress, never a queue of them. */
  #nowAndThen(line: object): void {
    const nowMs = this.#parts.world.clock.monotonicMs();
    if (nowMs - this.#lastLineMs < PROGRESS_EVERY_MS || this.stream.writableNeedDrain) return;
    this.#lastLineMs = nowMs;
    this.#write(line);
  }

  #write(line: object): void {
    this.stream.write(`${JSON.stringify(line)}\n`);
  }

  /** Writes a line now and then while others are ahead, so that the operator's tool knows it was not forgotten. */
  #tellWaiting(aheadCount: number): () => void {
    const { clock } = this.#parts.world;
    let timer: Timer | undefined;
    const tell = (): void => {
      if (!this.stream.writableNeedDrain) this.#write({ kind: 'waiting', aheadCount });
      timer = clock.setTimer(WAITING_EVERY_MS, tell);
    };
    if (aheadCount > 0) tell();
    return () => timer?.cancel();
  }
}

function problemOf(error: unknown, signal: AbortSignal): { code: string; status: number; detail: string } {
  if (isOperational(error)) return { code: error.code, status: ERROR_CODES[error.code].status, detail: error.detail };
  if (signal.aborted) return { code: 'STOPPED', status: 503, detail: messageOf(signal.reason) };
  return { code: 'BUG', status: 500, detail: 'an error that nobody foresaw; the log has it' };
}
