import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { S3Store } from '../../../fill-planner/catalog/source/s3-store.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import type { ErrorCode } from '../../../src/errors/error-codes.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { systemWorld } from '../../../src/world/world.ts';

const { signal } = new AbortController();
const SECRET = 'a-secret-that-nobody-may-see';
const EMPTY = '<ListBucketResult><Contents><Key>films/x.txt</Key></Contents></ListBucketResult>';

/** A store that answers as the test says, in a world where waiting takes no time. */
async function storeThat(answer: RequestListener) {
  let askedCount = 0;
  const server = createServer((request, response) => {
    askedCount += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 2 });
  const delay = async (): Promise<void> => undefined;
  const store = new S3Store({
    endpointUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'key-id', secretAccessKey: SECRET, sessionToken: 'session' },
    http,
    world: { ...systemWorld, clock: { ...systemWorld.clock, delay } },
    keysPerPage: 1000,
  });
  return {
    list: () => store.list('vod', 'films/', signal),
    get askedCount() {
      return askedCount;
    },
    async [Symbol.asyncDispose]() {
      await http.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('every request is signed for its time, region and session, and the secret is in none', async () => {
  const seen: string[] = [];
  await using store = await storeThat((request, response) => {
    seen.push(JSON.stringify([request.url, request.headers]));
    expect(request.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=key-id\/\d{8}\/us-east-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    );
    expect(request.headers['x-amz-security-token']).toBe('session');
    response.end(EMPTY);
  });
  expect(await store.list()).toEqual({ names: new Set(['x.txt']), folders: [] });
  expect(seen).toHaveLength(1);
  expect(seen.join()).not.toContain(SECRET);
});

test('a store that is busy is asked again, and given up in the end', async () => {
  let busy = 2;
  await using store = await storeThat((_, response) => {
    busy -= 1;
    if (busy >= 0) response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
    else response.end(EMPTY);
  });
  await store.list();
  expect(store.askedCount).toBe(3);
  busy = 1000;
  await expect(store.list()).rejects.toThrow(/503, SlowDown/);
  expect(store.askedCount).toBe(3 + 6);
});

const ANSWERS: readonly (readonly [what: string, answer: RequestListener, code: ErrorCode, says: RegExp])[] = [
  ['a web page', (_, response) => response.end('<html><body>hello</body></html>'), 'SOURCE_PROTOCOL', /is a <html>/],
  ['no XML', (_, response) => response.end('nothing at all'), 'SOURCE_PROTOCOL', /list of s3:\/\/vod\/films\//],
  [
    'XML with entities of its own',
    (_, response) => response.end('<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>'),
    'SOURCE_PROTOCOL',
    /document type/,
  ],
  ['a page without end', (_, response) => response.end(Buffer.alloc(9_000_000, ' ')), 'SOURCE_PROTOCOL', /is over/],
  [
    'a refusal',
    (_, response) => response.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>key-id</Message></Error>'),
    'SOURCE_STATUS',
    /403, AccessDenied/,
  ],
  ['a refusal without words', (_, response) => response.writeHead(418).end('x'.repeat(20_000)), 'SOURCE_STATUS', /418/],
];

test.each(ANSWERS)(
  '%s ends in a failure of the source, in words, without anything of the key',
  async (_, answer, code, says) => {
    await using store = await storeThat(answer);
    const error = await store.list().catch((reason: unknown) => reason);
    expect(isOperational(error, code), String(error)).toBe(true);
    expect(String(error)).toMatch(says);
    expect(String(error)).not.toMatch(/key-id|a-secret|session/);
    expect(store.askedCount).toBe(1);
  },
);
