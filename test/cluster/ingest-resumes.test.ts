import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { CHECKPOINT_EVERY_BYTES } from '../../fill-planner/catalog/media/examine-file.ts';
import { type LargeFile, largeFile } from '../fill-planner/catalog/large-title.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

let folder: string;
let planner: ChildService | undefined;
let origin: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oca-ingest-'));
});
afterEach(async () => {
  await planner?.end('SIGKILL');
  origin?.closeAllConnections();
  origin?.close();
  await rm(folder, { recursive: true, force: true });
});

const start = (): Promise<ChildService> =>
  ChildService.start({
    words: serviceWords('fill-planner', {
      state: join(folder, 'state'),
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
    }),
    logFile: join(folder, 'planner.log'),
  });

/** A web server with a title of one file, which holds the media back behind a gate until it is opened. */
class GatedOrigin {
  readonly sentRanges: string[] = [];
  sentBytes = 0;
  gateByte: number;
  readonly #file: LargeFile;

  constructor(file: LargeFile, gateByte: number) {
    this.#file = file;
    this.gateByte = gateByte;
  }

  async listen(): Promise<string> {
    const file = this.#file;
    const texts: Record<string, string> = {
      '/film/master.m3u8': '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=256x144\nlarge.m3u8\n',
      '/film/large.m3u8': '#EXTM3U\n#EXT-X-TARGETDURATION:62\n#EXTINF:62,\nlarge.mp4\n#EXT-X-ENDLIST\n',
    };
    origin = createServer((request, response) => {
      const text = texts[request.url ?? ''];
      if (text !== undefined) return void response.end(text);
      if (request.url !== '/film/large.mp4') return void response.writeHead(404).end();
      const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(first > 0 ? 206 : 200, {
        etag: '"film"',
        'content-length': file.sizeBytes - first,
        ...(first > 0 ? { 'content-range': `bytes ${first}-${file.sizeBytes - 1}/${file.sizeBytes}` } : {}),
      });
      if (request.method === 'HEAD') return void response.end();
      this.sentRanges.push(request.headers.range ?? 'all');
      Readable.from(this.#gated(first)).pipe(response);
    });
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
    return `http://127.0.0.1:${(origin.address() as AddressInfo).port}/film/`;
  }

  async *#gated(first: number): AsyncGenerator<Buffer> {
    let at = first;
    for (const piece of this.#file.read(first)) {
      // Whoever is behind the gate waits until the test ends the connection.
      if (at >= this.gateByte) await new Promise(() => undefined);
      at += piece.length;
      this.sentBytes += piece.length;
      yield piece;
    }
  }
}

async function addTitle(source: string): Promise<Response> {
  return fetch(`${planner?.addresses['admin']}/v1/titles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source }),
  });
}

test('kill -9 within a file of hundreds of megabytes: the next planner goes on from its last checkpoint', async () => {
  const file = await largeFile(3, 80 * MIB);
  const web = new GatedOrigin(file, 200 * MIB);
  const source = await web.listen();
  planner = await start();
  let doneBytes = 0;
  const cut = addTitle(source).then(async ({ body }) => {
    let text = '';
    for await (const piece of body ?? []) {
      text = (text + Buffer.from(piece).toString('utf8')).slice(-2000);
      doneBytes = Number([...text.matchAll(/"doneBytes":(\d+)/g)].at(-1)?.[1] ?? 0);
    }
  });
  cut.catch(() => undefined);
  await until(() => doneBytes > 1.2 * CHECKPOINT_EVERY_BYTES, 60_000);
  await planner.end('SIGKILL');
  await expect(cut).rejects.toThrow();

  web.gateByte = Number.POSITIVE_INFINITY;
  web.sentBytes = 0;
  planner = await start();
  const lines = (await (await addTitle(source)).text()).trimEnd().split('\n');
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
    kind: 'done',
    changed: true,
    knownBytes: CHECKPOINT_EVERY_BYTES,
    title: { id: 'film', renditions: ['film/large', 'film/manifests'] },
  });
  expect(web.sentRanges).toEqual(['all', `bytes=${CHECKPOINT_EVERY_BYTES}-`]);
  expect(web.sentBytes).toBe(file.sizeBytes - CHECKPOINT_EVERY_BYTES);
}, 120_000);
