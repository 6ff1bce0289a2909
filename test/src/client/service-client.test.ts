import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpClient } from '../../../src/client/http-client.ts';
import { ServiceClient } from '../../../src/client/service-client.ts';
import { FakeWorld } from '../../support/fake-world.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let http: HttpClient;
let answer: Answer;
let seen: IncomingMessage[];

beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    seen.push(request);
    request.resume();
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 2 });
});

afterEach(async () => {
  await http.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const client = (options: { timeoutMs?: number; base?: string } = {}): ServiceClient =>
  new ServiceClient({
    http,
    clock: new FakeWorld().clock,
    baseUrl: url() + (options.base ?? ''),
    timeoutMs: options.timeoutMs ?? 5000,
    maxAnswerBytes: 1000,
  });

const json =
  (body: string, status = 200, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);

describe('a call of a service', () => {
  it('gives the decoded body and its tag', async () => {
    answer = json('{"a":1}', 200, { etag: '"1"' });
    expect(await client().get('/v1/plan/a1')).toEqual({ kind: 'body', body: { a: 1 }, etag: '"1"' });
  });

  it('asks under the path of the base URL', async () => {
    answer = json('{}');
    await client({ base: '/planner' }).get('/v1/plan/a1?x=1');
    expect(seen[0]?.url).toBe('/planner/v1/plan/a1?x=1');
  });

  it('asks only for what is newer when it has a tag', async () => {
    answer = (request, response) =>
      void response.writeHead(request.headers['if-none-match'] === '"1"' ? 304 : 200).end();
    expect(await client().get('/x', '"1"')).toEqual({ kind: 'not-modified' });
  });

  it('gives undefined for an answer without content', async () => {
    answer = json('', 204);
    expect(await client().post('/x', { a: 1 })).toBeUndefined();
  });

  it('fails with the status and the words of the problem that it was answered with', async () => {
    answer = json('{"detail":"no plan yet","code":"NO_PLAN"}', 404);
    await expect(client().get('/x')).rejects.toMatchObject({
      code: 'SERVICE_STATUS',
      answeredStatus: 404,
      detail: expect.stringContaining('no plan yet'),
    });
    answer = json('<html>bad gateway</html>', 502);
    await expect(client().get('/x')).rejects.toMatchObject({
      answeredStatus: 502,
      detail: expect.stringContaining('bad gateway'),
    });
  });

  it('does not follow where it is sent', async () => {
    answer = json('', 302, { location: '/elsewhere' });
    await expect(client().get('/x')).rejects.toMatchObject({ code: 'SERVICE_STATUS', answeredStatus: 302 });
    expect(seen).toHaveLength(1);
  });

  it('fails for an answer that is no JSON or too long', async () => {
    answer = json('{"a":');
    await expect(client().get('/x')).rejects.toMatchObject({ code: 'SERVICE_PROTOCOL' });
    answer = json(JSON.stringify('x'.repeat(2000)));
    await expect(client().get('/x')).rejects.toMatchObject({ code: 'SERVICE_PROTOCOL' });
  });

  it('takes a connection that ends before the answer does for no connection', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"a":', () => response.destroy());
    };
    await expect(client().get('/x')).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
    answer = (_request, response) => void response.destroy();
    await expect(client().post('/x', {})).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  });

  it('fails when nobody listens', async () => {
    const gone = client();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(gone.get('/x')).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  it('ends at its deadline: for no answer, and for one that trickles', async () => {
    answer = () => undefined;
    await expect(client({ timeoutMs: 100 }).get('/x')).rejects.toMatchObject({ code: 'SERVICE_TIMEOUT' });
    answer = (_request, response) => {
      response.writeHead(200);
      const trickle = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(trickle));
    };
    await expect(client({ timeoutMs: 200 }).get('/x')).rejects.toMatchObject({ code: 'SERVICE_TIMEOUT' });
  });

  it('ends with the reason of its signal when that aborts', async () => {
    const ended = new AbortController();
    answer = () => ended.abort(new Error('stopped'));
    await expect(client().get('/x', undefined, ended.signal)).rejects.toThrow('stopped');
    await expect(client().post('/x', {}, ended.signal)).rejects.toThrow('stopped');
  });
});
