import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { ask } from '../support/http-client.ts';
import { talk, talkUntil } from '../support/raw-client.ts';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

// One appliance and one origin for all: each test has paths of its own.
describe('a method that changes something', () => {
  let origin: Server;
  let rig: ApplianceRig;
  let seen: Seen[];
  let status: number;
  /** Breaks every connection that something is asked on. */
  let isBroken: boolean;
  let tries: number;
  let answerHeaders: Record<string, string>;

  beforeEach(() => {
    seen = [];
    status = 200;
    answerHeaders = {};
    isBroken = false;
    tries = 0;
  });

  beforeAll(async () => {
    origin = createServer((request, response) => {
      tries += 1;
      if (isBroken) return void request.socket.destroy();
      let body = '';
      request.on('error', () => undefined);
      request.on('data', (piece: Buffer) => (body += piece.toString()));
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request;
        seen.push({ method, path, headers, body });
        if (method === 'GET') response.setHeader('cache-control', 'max-age=600');
        response.writeHead(method === 'GET' ? 200 : status, method === 'GET' ? {} : answerHeaders);
        response.end(`${method} ${seen.length}`);
      });
    });
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
    const flags = { origin: url, forwardMethods: ['POST', 'DELETE'], maxForwardBodyBytes: 1000, sendStallMs: 200 };
    rig = await startAppliance({ flags });
  });

  afterAll(async () => {
    await rig.stop();
    origin.closeAllConnections();
    await new Promise((resolve) => origin.close(resolve));
  });

  const get = async (path: string): Promise<string> => (await ask(`${rig.url}${path}`)).body.toString();
  const send = (path: string, method: string, body?: string): Promise<Response> =>
    fetch(`${rig.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'text/x' } }),
    });
  const forwarded = (): Seen[] => seen.filter(({ method }) => method !== 'GET');

  it('goes to the origin with its body, and its answer comes back, told apart and never stored', async () => {
    status = 201;
    answerHeaders = { 'x-made': 'yes', 'cache-control': 'max-age=600' };
    for (const round of [1, 2]) {
      const answer = await send('/form?a=1', 'POST', 'hello');
      expect(answer.status).toBe(201);
      expect(answer.headers.get('x-made')).toBe('yes');
      expect(answer.headers.get('cache-status')).toBe('oca-1;fwd=method;fwd-status=201');
      expect(await answer.text()).toBe(`POST ${round}`);
    }
    expect(seen).toHaveLength(2);
    expect(seen[0]).toMatchObject({ method: 'POST', path: '/form?a=1', body: 'hello' });
    expect(seen[0]?.headers).toMatchObject({ 'content-type': 'text/x', 'content-length': '5', 'cdn-loop': 'oca-1' });
  });

  it('that is not allowed gets 405, and is told what is', async () => {
    const answer = await send('/form', 'PUT', 'hello');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST, DELETE');
    expect(seen).toHaveLength(0);
  });

  it('takes what is held of its target, and what the answer names on the same site', async () => {
    const { host } = new URL(rig.url);
    for (const path of ['/same/a', '/same/b', '/same/c', '/same/d']) await get(path);
    answerHeaders = { location: `http://${host}/same/b`, 'content-location': '/same/c' };
    await send('/same/a', 'DELETE');
    expect(await get('/same/a')).toBe('GET 6');
    expect(await get('/same/b')).toBe('GET 7');
    expect(await get('/same/c')).toBe('GET 8');
    expect(await get('/same/d')).toBe('GET 4');
  });

  it('takes nothing of another site, and nothing when the origin refused', async () => {
    for (const path of ['/other/a', '/other/b']) await get(path);
    answerHeaders = { location: 'http://other.example/other/b' };
    status = 403;
    await send('/other/a', 'DELETE');
    expect(await get('/other/a')).toBe('GET 1');
    status = 200;
    await send('/other/a', 'DELETE');
    expect(await get('/other/a')).toBe('GET 5');
    expect(await get('/other/b')).toBe('GET 2');
  });

  it('with a body that is too large is refused, announced or not', async () => {
    const announced = `POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n`;
    expect((await talk(rig.url, announced)).statuses).toEqual([413]);
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
    const chunked = `POST /form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
    expect((await talk(rig.url, chunked)).statuses).toEqual([413]);
    expect(forwarded()).toHaveLength(0);
  });

  it('with a body that comes too slowly is cut', async () => {
    const slow = 'POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello';
    expect((await talk(rig.url, slow)).statuses).toEqual([]);
    expect(forwarded()).toHaveLength(0);
    const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
    expect(metrics).toContain('appliance_abandoned_answers_total{reason="client-slow"} 1');
  });

  it('that waits for a sign gets it before its body is read', async () => {
    const head = 'POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n';
    const { text } = await talkUntil(rig.url, head, (heard) => heard.includes('100 Continue'));
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n/);
  });

  it.each([
    ['a coding that hides its end', 'Transfer-Encoding: gzip\r\n'],
    ['two codings', 'Transfer-Encoding: gzip, chunked\r\n'],
    ['length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
  ])('with %s never reaches the origin', async (_, lines) => {
    const { statuses } = await talk(rig.url, `POST /form HTTP/1.1\r\nHost: a\r\n${lines}\r\n0\r\n\r\n`);
    expect(statuses).toEqual([400]);
    expect(seen).toHaveLength(0);
  });

  it('is not tried again when the origin fails', async () => {
    isBroken = true;
    expect((await send('/form', 'DELETE')).status).toBe(502);
    expect(tries).toBe(1);
  });
});
