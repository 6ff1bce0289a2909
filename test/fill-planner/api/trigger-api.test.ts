import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseTriggerList } from '../../../src/contracts/trigger-list.ts';
import { documentVerifies } from '../../../src/signing/signed-document.ts';
import { FLEET, RunningPlanner } from '../running-planner.ts';

const TOKEN = 'a-token-of-the-cdn-acme';
const CDNI = 'application/cdni; ptype=ci-trigger-command';
const folder = mkdtempSync(join(tmpdir(), 'oca-trigger-tokens-'));
const senders = join(folder, 'senders.json');
const sender = (name: string, token: string, prefixes: string[]) => ({
  name,
  tokenSha256: createHash('sha256').update(token).digest('hex'),
  prefixes,
});

let planner: RunningPlanner;
beforeAll(async () => {
  writeFileSync(senders, JSON.stringify([sender('acme', TOKEN, ['/acme/'])]));
  planner = await RunningPlanner.start({ triggerListen: '127.0.0.1:0', triggerTokens: senders });
  await planner.admin.send('PUT', '/v1/fleet', FLEET);
});
afterAll(async () => {
  await planner[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function send(method: string, url: string, body?: object, headers: Record<string, string> = {}): Promise<Sent> {
  const response = await fetch(url.startsWith('http') ? url : `${planner.triggersUrl}${url}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, ...(body === undefined ? {} : { 'content-type': CDNI }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Sent['body']),
  };
}

const command = (trigger: object) => ({ trigger, 'cdn-path': ['AS64500:1'] });
const PURGE = { type: 'purge', 'content.urls': ['https://cdn.acme.example/acme/a.mp4'] };

test('a trigger is created, found in its collections, followed, and deleted, in the words of the RFC', async () => {
  const created = await send('POST', '/triggers', command(PURGE));
  expect(created.status).toBe(201);
  expect(created.headers.get('content-type')).toBe('application/cdni; ptype=ci-trigger-status');
  expect(created.body).toMatchObject({ trigger: PURGE, status: 'pending', ctime: expect.any(Number) as number });
  const location = created.headers.get('location') ?? '';
  const all = await send('GET', '/triggers');
  expect(all.headers.get('content-type')).toBe('application/cdni; ptype=ci-trigger-collection');
  expect(all.body).toMatchObject({ triggers: [location], staleresourcetime: 30 * 86_400, 'cdn-id': 'AS64496:0' });
  expect((await send('GET', String(all.body['coll-pending']))).body).toMatchObject({ triggers: [location] });
  expect((await send('GET', String(all.body['coll-complete']))).body).toMatchObject({ triggers: [] });

  const a1 = await planner.enrolled('a1');
  const answer = await a1.get('/v1/triggers/a1');
  const list = answer.kind === 'body' ? answer.body : undefined;
  const { triggers } = parseTriggerList(list);
  expect(triggers).toMatchObject([{ type: 'purge', paths: ['/acme/a.mp4'] }]);
  expect(documentVerifies(list, planner.publicKey)).toBe(true);
  await expect(a1.get('/v1/triggers/a2')).rejects.toThrow(/403/);
  const etag = answer.kind === 'body' ? answer.etag : undefined;
  expect(await a1.get('/v1/triggers/a1', etag)).toEqual({ kind: 'not-modified' });

  for (const id of ['a1', 'a2', 'b1']) {
    const appliance = id === 'a1' ? a1 : await planner.enrolled(id);
    const result = { triggerId: triggers[0]?.triggerId, state: 'complete', objectCount: 1, bytes: 5, detail: '' };
    await appliance.post('/v1/trigger-report', { version: 1, applianceId: id, reportedAtMs: 1, results: [result] });
  }
  const done = await send('GET', location);
  expect(done.body).toMatchObject({
    status: 'complete',
    'oca.nodes': [
      { appliance: 'a1', status: 'complete', objects: 1, bytes: 5 },
      { appliance: 'a2', status: 'complete' },
      { appliance: 'b1', status: 'complete' },
    ],
  });
  expect(done.body['errors']).toBeUndefined();
  const unchanged = await send('GET', location, undefined, { 'if-none-match': done.headers.get('etag') ?? '' });
  expect(unchanged.status).toBe(304);
  expect((await send('PUT', location, PURGE)).status).toBe(405);
  expect((await send('DELETE', location)).status).toBe(204);
  expect((await send('GET', location)).status).toBe(404);
});

test('a trigger is cancelled with 200 while nobody has it', async () => {
  const location = (await send('POST', '/triggers', command(PURGE))).headers.get('location') ?? '';
  expect((await send('POST', '/triggers', { cancel: [location], 'cdn-path': ['AS64500:1'] })).status).toBe(200);
  expect((await send('GET', location)).body).toMatchObject({ status: 'cancelled', errors: [{ error: 'ecanceled' }] });
  expect((await send('POST', '/triggers', { cancel: ['/no/such'], 'cdn-path': ['AS64500:1'] })).status).toBe(404);
  expect(await (await fetch(`${planner.adminUrl}/metrics`)).text()).toContain(
    'planner_triggers_count{status="cancelled"} 1',
  );
});

test('an unknown type is a trigger that failed; what is no command, of another or of nobody, is refused', async () => {
  const failed = await send('POST', '/triggers', command({ ...PURGE, type: 'warm-up' }));
  expect(failed).toMatchObject({ status: 201, body: { status: 'failed', errors: [{ error: 'eunsupported' }] } });
  expect((await send('POST', '/triggers', { trigger: PURGE })).status).toBe(400);
  expect((await send('POST', '/triggers', { ...command(PURGE), 'cdn-path': ['AS64496:0'] })).status).toBe(400);
  const foreign = await send('POST', '/triggers', command({ type: 'purge', 'content.urls': ['/other/b.mp4'] }));
  expect(foreign).toMatchObject({ status: 403, body: { detail: expect.stringContaining('/acme/') as string } });
  const wrongType = { 'content-type': 'application/cdni; ptype=ci-trigger-status' };
  expect((await send('POST', '/triggers', command(PURGE), wrongType)).status).toBe(415);
  for (const authorization of ['', 'Bearer another-token-of-nobody', `Basic ${TOKEN}`]) {
    const refused = await send('POST', '/triggers', command(PURGE), { authorization });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  }
});

test('a stranger who opens connections and asks nothing does not have them all', async () => {
  const { hostname, port } = new URL(planner.triggersUrl);
  const connected: Promise<unknown>[] = [];
  const sockets = Array.from({ length: 250 }, () => {
    const socket = connect({ host: hostname, port: Number(port), localAddress: '127.0.0.2' });
    connected.push(new Promise((resolve) => socket.once('connect', resolve).once('error', resolve)));
    return socket.on('error', () => undefined);
  });
  await Promise.all(connected);
  // Not over a connection that is open from before.
  const headers = { authorization: `Bearer ${TOKEN}` };
  const status = await new Promise((resolve) => {
    get(`${planner.triggersUrl}/triggers`, { agent: false, headers }, (answer) =>
      resolve(answer.resume().statusCode),
    ).on('error', resolve);
  });
  expect(status).toBe(200);
  for (const socket of sockets) socket.destroy();
});

test('the listener is never open: without senders, or beyond this machine without TLS, the planner does not start', async () => {
  await expect(RunningPlanner.start({ triggerListen: '127.0.0.1:0' })).rejects.toThrow(/--trigger-tokens FILE/);
  await expect(RunningPlanner.start({ triggerListen: '0.0.0.0:0', triggerTokens: senders })).rejects.toThrow(
    /needs --tls-cert and --tls-key/,
  );
});
