/**
 * The origin of the demo: a static file server small enough to be read in one go.
 *
 * It stands for the store that an operator already has, so it knows nothing of this project and imports nothing of it; a
 * mistake in our range code must not be answered by the same mistake at the other end. It serves the files that were there
 * when it started, from a table: no request can name anything else. It counts what it sends by path, so that a
 * demonstration or a test can say what a fill cost the origin.
 *
 * `node deploy/demo/origin.ts --listen 127.0.0.1:0 --mount /vod/bars=deploy/demo/title/media`
 */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';

const usage =
  'origin [--listen HOST:PORT] [--root DIR] [--mount /URL/PATH=DIR]...\n' +
  'GET /-/stats tells the requests and bytes served, by path';

/** A title never changes under its URLs. */
const immutable = 'public, max-age=31536000, immutable';
const fileCountLimit = 10_000;
const idleSocketTimeoutMs = 30_000;

const contentTypes: Readonly<Record<string, string>> = {
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.mpd': 'application/dash+xml',
  '.mp4': 'video/mp4',
  '.m4s': 'video/iso.segment',
  '.vtt': 'text/vtt; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
};

/** What players on another site's page need to read, besides the body. */
const corsHeaders = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'accept-ranges, content-length, content-range, date, etag',
  'timing-allow-origin': '*',
};

type OriginFile = { readonly file: string; readonly sizeBytes: number; readonly etag: string; readonly type: string };
type Count = { requests: number; bytes: number };
type ByteSpan = { readonly first: number; readonly last: number };

/** Every file below `folder` under its URL path. The ETag is of the content: copies of one title agree on it. */
function listFiles(urlPath: string, folder: string): [string, OriginFile][] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  if (names.length > fileCountLimit) throw new Error(`${folder} holds more than ${fileCountLimit} files`);
  return names.flatMap((name) => {
    const file = join(folder, name);
    const stat = statSync(file);
    if (!stat.isFile()) return [];
    const etag = `"${createHash('sha256').update(readFileSync(file)).digest('base64url').slice(0, 22)}"`;
    const type = contentTypes[extname(name)] ?? 'application/octet-stream';
    return [[`${urlPath}/${name.split('\\').join('/')}`, { file, sizeBytes: stat.size, etag, type }]];
  });
}

/**
 * The one range of a request (RFC 9110 14.1.2). 'whole' also for several ranges and for what is not understood, which a
 * server may answer with everything; 'unsatisfiable' when the range begins behind the end.
 */
function chooseSpan(header: string | undefined, sizeBytes: number): ByteSpan | 'whole' | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  const [, firstText = '', lastText = ''] = match ?? [];
  if (firstText === '' && lastText === '') return 'whole';
  if (firstText === '') {
    const suffixBytes = Number(lastText);
    if (suffixBytes === 0 || sizeBytes === 0) return 'unsatisfiable';
    return { first: Math.max(0, sizeBytes - suffixBytes), last: sizeBytes - 1 };
  }
  const first = Number(firstText);
  const last = lastText === '' ? sizeBytes - 1 : Math.min(Number(lastText), sizeBytes - 1);
  if (lastText !== '' && Number(lastText) < first) return 'whole';
  return first < sizeBytes ? { first, last } : 'unsatisfiable';
}

class Origin {
  readonly #files: ReadonlyMap<string, OriginFile>;
  readonly #counts = new Map<string, Count>();

  constructor(files: ReadonlyMap<string, OriginFile>) {
    this.#files = files;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (path === '/-/stats') return sendStats(response, this.#counts);
    const found = this.#files.get(path);
    // Unknown paths share one row, so that nobody can grow the table.
    const count = this.#countOf(found === undefined ? 'other' : path);
    count.requests += 1;
    for (const [name, value] of Object.entries(corsHeaders)) response.setHeader(name, value);
    if (request.method === 'OPTIONS') {
      response.writeHead(204, {
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '*',
        'access-control-max-age': '86400',
      });
      response.end();
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD, OPTIONS' }).end();
    } else if (found === undefined) {
      response.writeHead(404).end();
    } else {
      await this.#sendFile(request, response, found, count);
    }
  }

  async #sendFile(request: IncomingMessage, response: ServerResponse, found: OriginFile, count: Count): Promise<void> {
    const { headers } = request;
    response.setHeader('etag', found.etag);
    response.setHeader('cache-control', immutable);
    response.setHeader('accept-ranges', 'bytes');
    if (
      headers['if-none-match']?.split(',').some((tag) => ['*', found.etag].includes(tag.trim().replace(/^W\//, '')))
    ) {
      response.writeHead(304).end();
      return;
    }
    // A date in If-Range is a validator that this origin never gave out.
    const ifRange = headers['if-range'];
    const wantsRange = request.method === 'GET' && (ifRange === undefined || ifRange === found.etag);
    const span = wantsRange ? chooseSpan(headers.range, found.sizeBytes) : 'whole';
    if (span === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': `bytes */${found.sizeBytes}` }).end();
      return;
    }
    const { first, last } = span === 'whole' ? { first: 0, last: found.sizeBytes - 1 } : span;
    if (span !== 'whole') response.setHeader('content-range', `bytes ${first}-${last}/${found.sizeBytes}`);
    response.writeHead(span === 'whole' ? 200 : 206, {
      'content-type': found.type,
      'content-length': last - first + 1,
    });
    if (request.method === 'HEAD' || found.sizeBytes === 0) {
      response.end();
      return;
    }
    const bytes = createReadStream(found.file, { start: first, end: last });
    bytes.on('data', (chunk) => {
      count.bytes += chunk.length;
    });
    await pipeline(bytes, response);
  }

  #countOf(path: string): Count {
    const count = this.#counts.get(path) ?? { requests: 0, bytes: 0 };
    this.#counts.set(path, count);
    return count;
  }
}

function sendStats(response: ServerResponse, counts: ReadonlyMap<string, Count>): void {
  const total = { requests: 0, bytes: 0 };
  for (const { requests, bytes } of counts.values()) {
    total.requests += requests;
    total.bytes += bytes;
  }
  response.writeHead(200, { ...corsHeaders, 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify({ ...total, paths: Object.fromEntries(counts) }));
}

function readMounts(root: string | undefined, mounts: readonly string[]): Map<string, OriginFile> {
  const files = new Map(root === undefined ? [] : listFiles('', root));
  for (const mount of mounts) {
    const [, urlPath, folder] = /^(\/[^=]*?)\/?=(.+)$/.exec(mount) ?? [];
    if (urlPath === undefined || folder === undefined) throw new Error(`--mount ${mount}: say /URL/PATH=DIR`);
    for (const [path, file] of listFiles(urlPath, folder)) files.set(path, file);
  }
  return files;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      listen: { type: 'string', default: '127.0.0.1:9000' },
      root: { type: 'string' },
      mount: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(values.listen) ?? [];
  if (values.help || host === '' || (values.root === undefined && values.mount.length === 0)) {
    process.stderr.write(`${usage}\n`);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const origin = new Origin(readMounts(values.root, values.mount));
  const server = createServer((request, response) => {
    // A client that leaves in the middle ends the pipeline with an error; there is nobody left to tell.
    origin.answer(request, response).catch(() => response.destroy());
  });
  server.setTimeout(idleSocketTimeoutMs);
  server.listen(Number(port), host.replace(/^\[|\]$/g, ''), () => {
    const url = `http://${host}:${(server.address() as AddressInfo).port}`;
    process.stdout.write(`origin ready on ${url} listen=${url}\n`);
  });
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
}

main();
