import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseContract } from '../../../src/contracts/contract.ts';
import { problemSchema } from '../../../src/contracts/problem.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { Health } from '../../../src/lifecycle/health.ts';
import { addAdminRoutes } from '../../../src/server/admin-routes.ts';
import { createJsonServer, formatHostPort, type JsonServer, listen } from '../../../src/server/json-server.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';

let server: JsonServer;
let url: string;
let logged: string[];

const record = (_fields: object, message: string): void => void logged.push(message);
const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };

beforeEach(async () => {
  logged = [];
  server = createJsonServer({ logger, bodyLimitBytes: 1000 });
  server.post('/echo', (request) => ({ body: request.body ?? null, raw: request.rawBody.toString() }));
  server.post('/contract', (request) => parseContract('thing', z.object({ n: z.number() }), request.body));
  server.get('/fails/:how', (request) => {
    const { how } = request.params as { how: string };
    throw how === 'bug' ? new Error('secret detail') : new OperationalError('VOLUME_FULL', 'disk 2');
  });
  const bound = await listen(server, { host: '127.0.0.1', port: 0 });
  url = `http://${formatHostPort(bound)}`;
});

afterEach(() => server.close());

const post = (path: string, body: string | undefined, type = 'application/json') =>
  fetch(url + path, { method: 'POST', ...(body === undefined ? {} : { body, headers: { 'content-type': type } }) });

async function problemOf(answer: Response) {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json(;|$)/);
  const problem = problemSchema.parse(await answer.json());
  expect(problem.status).toBe(answer.status);
  return problem;
}

describe('the JSON server', () => {
  it('decodes JSON and keeps its bytes as they came, for signatures', async () => {
    const text = '{ "a":  1.0, "é": [null] }';
    expect(await (await post('/echo', text)).json()).toEqual({ body: { a: 1, é: [null] }, raw: text });
  });

  it('takes +json types, a charset, and no body at all', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/vnd.oca.plan+json'])
      expect((await post('/echo', '{"a":1}', type)).status).toBe(200);
    expect(await (await post('/echo', undefined)).json()).toEqual({ body: null, raw: '' });
    expect(await (await post('/echo', '')).json()).toEqual({ body: null, raw: '' });
  });

  it('gives no body of one request to another', async () => {
    await post('/echo', '{"secret":1}');
    expect(await (await post('/echo', undefined)).json()).toEqual({ body: null, raw: '' });
  });

  it('answers broken JSON and broken contracts with 400 and where it is broken', async () => {
    expect((await problemOf(await post('/echo', '{"a":'))).code).toBe('CONTRACT');
    const problem = await problemOf(await post('/contract', '{"n":"x"}'));
    expect(problem).toMatchObject({ status: 400, code: 'CONTRACT', detail: expect.stringContaining('n: ') });
  });

  it('answers other types with 415, too much with 413, unknown paths with 404', async () => {
    expect((await problemOf(await post('/echo', 'a=1', 'application/x-www-form-urlencoded'))).status).toBe(415);
    expect((await problemOf(await post('/echo', JSON.stringify('x'.repeat(2000))))).status).toBe(413);
    const missing = await problemOf(await fetch(`${url}/none?token=secret`));
    expect(missing).toMatchObject({ status: 404, detail: 'no GET /none here' });
  });

  it('answers an operational failure with the status and code of the table', async () => {
    const problem = await problemOf(await fetch(`${url}/fails/disk`));
    expect(problem).toMatchObject({ status: 503, code: 'VOLUME_FULL' });
    expect(logged).toEqual(['request failed']);
  });

  it('says nothing of a bug to the client, and all to the log', async () => {
    const problem = await problemOf(await fetch(`${url}/fails/bug`));
    expect(problem).toMatchObject({ status: 500, code: 'BUG' });
    expect(JSON.stringify(problem)).not.toContain('secret');
    expect(logged).toEqual(['bug in a request handler']);
  });

  it('refuses a head of 20 KB', async () => {
    const answer = await fetch(`${url}/none`, { headers: { 'x-big': 'x'.repeat(20_000) } });
    expect(answer.status).toBe(431);
  });

  it('closes at once although connections are open', async () => {
    const { port } = server.server.address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await server.close();
    await closed;
  });
});

describe('the admin listener', () => {
  it('tells that the process turns, whether it can work and why not, and its metrics', async () => {
    const health = new Health();
    const metrics = new Metrics('example');
    metrics.counter('things_total', 'Things.').inc(3);
    const admin = createJsonServer({ logger, bodyLimitBytes: 1000 });
    addAdminRoutes(admin, health, metrics);
    const base = `http://${formatHostPort(await listen(admin, { host: '127.0.0.1', port: 0 }))}`;
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    health.fail('volume', 'disk 2 is gone');
    const answer = await fetch(`${base}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: 'not ready', reasons: ['volume: disk 2 is gone'] });
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    const exposition = await fetch(`${base}/metrics`);
    expect(exposition.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await exposition.text()).toContain('example_things_total 3');
    await admin.close();
  });

  it('refuses a name that a stranger may have pointed here, whatever is asked', async () => {
    const admin = createJsonServer({ logger, bodyLimitBytes: 1000 });
    addAdminRoutes(admin, new Health(), new Metrics('example'), ['Steer.ISP.example']);
    const get = async (host: string) => (await admin.inject({ url: '/healthz', headers: { host } })).statusCode;
    for (const host of [
      '127.0.0.1:9091',
      '[::1]:9091',
      '10.1.2.3',
      'localhost:9091',
      'steering:9091',
      'steering.internal',
      'steer.isp.example:9091',
      'steer.isp.example.',
    ])
      expect([host, await get(host)]).toEqual([host, 200]);
    for (const host of ['evil.example', 'localhost.evil.example:9091', '127.0.0.1.evil.example', 'a b', '[::1]x'])
      expect([host, await get(host)]).toEqual([host, 421]);
    await admin.close();
  });

  it('answers no page of another origin with what it could read, and takes no body that a form can send', async () => {
    const admin = createJsonServer({ logger, bodyLimitBytes: 1000 });
    addAdminRoutes(admin, new Health(), new Metrics('example'));
    admin.post('/v1/drain', () => ({}));
    const host = '127.0.0.1:9091';
    const read = await admin.inject({ url: '/healthz', headers: { host } });
    expect(Object.keys(read.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    const preflight = await admin.inject({ method: 'OPTIONS', url: '/v1/drain', headers: { host } });
    expect(preflight.statusCode).toBe(404);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const headers = { host, 'content-type': type };
      expect((await admin.inject({ method: 'POST', url: '/v1/drain', headers, payload: '{}' })).statusCode).toBe(415);
    }
    await admin.close();
  });

  it('refuses what a browser sends for the page of another site', async () => {
    const admin = createJsonServer({ logger, bodyLimitBytes: 1000 });
    addAdminRoutes(admin, new Health(), new Metrics('example'));
    let drained = 0;
    admin.post('/v1/drain', () => ({ drained: (drained += 1) }));
    const base = `http://${formatHostPort(await listen(admin, { host: '127.0.0.1', port: 0 }))}`;
    const post = async (headers: Record<string, string>) =>
      (await admin.inject({ method: 'POST', url: '/v1/drain', headers: { host: new URL(base).host, ...headers } }))
        .statusCode;
    expect(await post({ origin: 'http://evil.example' })).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(drained).toBe(0);
    expect(await post({})).toBe(200);
    expect(await post({ origin: base.replace('http:', 'https:') })).toBe(200);
    expect(await post({ origin: base, 'sec-fetch-site': 'same-origin' })).toBe(200);
    await admin.close();
  });
});
