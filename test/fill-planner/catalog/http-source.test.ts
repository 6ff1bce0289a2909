import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpSource } from '../../../fill-planner/catalog/source/http-source.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { DEMO_MEDIA, ingest, ingestFrom } from './demo-title.ts';

/** A web server with the demo title under /vod/t1/, except where `instead` answers. */
async function webServer(instead?: (path: string) => RequestListener | undefined) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const other = instead?.(request.url ?? '');
    if (other !== undefined) {
      other(request, response);
      return;
    }
    readFile(join(DEMO_MEDIA, (request.url ?? '').replace('/vod/t1/', ''))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 2 });
  return {
    asked,
    source: httpSource(`http://127.0.0.1:${(server.address() as AddressInfo).port}/vod/t1/`, http),
    async [Symbol.asyncDispose]() {
      await http.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const at = (name: string, listener: RequestListener) => (path: string) => (path.endsWith(name) ? listener : undefined);

describe('a title on a web server', () => {
  test('is taken in as from a directory', async () => {
    await using web = await webServer();
    expect(await ingest(web.source)).toEqual(await ingestFrom(DEMO_MEDIA));
  });

  test('is asked for each file once', async () => {
    await using web = await webServer();
    await ingest(web.source);
    expect(new Set(web.asked).size).toBe(web.asked.length);
  });

  test('with a file that is not there is broken', async () => {
    await using web = await webServer(at('v240.mp4', (_, response) => response.writeHead(404).end()));
    const error = await failure(ingest(web.source));
    expect(isOperational(error, 'MEDIA_BROKEN') && error.detail).toMatch(/v240\.mp4: no such file/);
  });

  test.each([500, 503, 301, 206])('that answers %d is a failure of the source, not of the title', async (status) => {
    await using web = await webServer(
      at('v240.mp4', (_, response) => response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('x')),
    );
    expect(isOperational(await failure(ingest(web.source)), 'SOURCE_STATUS')).toBe(true);
  });

  test('that ends a file early is a failure of the source', async () => {
    await using web = await webServer(
      at('v240.mp4', (_, response) => {
        response.writeHead(200, { 'content-length': 1_237_050 });
        response.write(Buffer.from('\0\x0f\0\0free', 'latin1'), () => response.destroy());
      }),
    );
    expect(isOperational(await failure(ingest(web.source)), 'SOURCE_TRUNCATED')).toBe(true);
  });

  test('with a manifest over the limit is refused, whether or not it says its size', async () => {
    for (const headers of [{ 'content-length': 5_000_000 }, {}] as const) {
      await using web = await webServer(
        at('master.m3u8', (_, response) => response.writeHead(200, headers).end(Buffer.alloc(5_000_000, '#'))),
      );
      const error = await failure(ingest(web.source));
      expect(isOperational(error, 'MEDIA_BROKEN') && error.detail).toMatch(/master\.m3u8: a manifest over the limit/);
    }
  });

  test('with an endless file is refused at the limit', async () => {
    await using web = await webServer(
      at('v240.mp4', (_, response) => {
        const more = (): void => {
          while (response.write(Buffer.alloc(65_536))) {
            // Until the socket is full; then again when it has drained.
          }
          response.once('drain', more);
        };
        response.write(Buffer.from('\0\0\0\x08free\0\0\0\x01mdat\0\0\xff\0\0\0\0\0', 'latin1'));
        more();
      }),
    );
    const error = await failure(ingest(web.source, { maxFileBytes: 3_000_000 }));
    expect(isOperational(error, 'MEDIA_BROKEN') && error.detail).toMatch(/v240\.mp4: over the limit of 3000000 bytes/);
  });

  test('must have the manifest that was named, whatever stands beside it', async () => {
    await using web = await webServer();
    const manifestNames = { required: ['main.m3u8'], optional: ['manifest.mpd'] };
    const error = await failure(ingest(web.source, { manifestNames }));
    expect(isOperational(error, 'MEDIA_BROKEN') && error.detail).toBe('main.m3u8: no such file');
  });

  test('stops being read when the operator leaves', async () => {
    const leaving = new AbortController();
    await using web = await webServer(
      at('v240.mp4', (_, response) => {
        response.writeHead(200, { 'content-length': 1_237_050 });
        response.write(Buffer.alloc(0));
        leaving.abort(new Error('left'));
      }),
    );
    await expect(ingest(web.source, { signal: leaving.signal })).rejects.toThrow('left');
  });
});
