import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpClient } from '../../../src/client/http-client.ts';
import { ServiceClient } from '../../../src/client/service-client.ts';
import { addEnrolmentRoute, addTokenMintingRoute } from '../../../src/server/enrolment-routes.ts';
import { createJsonServer, formatHostPort, type JsonServer, listen } from '../../../src/server/json-server.ts';
import { createSignatureGuard, isLoopback } from '../../../src/server/signature-guard.ts';
import { TrustedKeys } from '../../../src/server/trusted-keys.ts';
import { type Identity, loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { signRequest } from '../../../src/signing/request-signature.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../support/fake-world.ts';

let dir: string;
let world: FakeWorld;
let trusted: TrustedKeys;
let server: JsonServer;
let http: HttpClient;
let url: string;
let receiver: Identity;
let bodiesRead = 0;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-guard-'));
  world = new FakeWorld();
  trusted = new TrustedKeys(join(dir, 'trust.sqlite'), world);
  receiver = loadOrCreateIdentity('planner', join(dir, 'planner.pem'));
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 2 });
  await build(false);
});

afterEach(async () => {
  await http.destroy();
  await server.close();
  trusted.close();
  await rm(dir, { recursive: true });
});

async function build(allowUnsignedLoopback: boolean): Promise<void> {
  server = createJsonServer({ logger: silentLogger, bodyLimitBytes: 10_000 });
  const guard = createSignatureGuard({ trusted, clock: world.clock, logger: silentLogger, allowUnsignedLoopback });
  server.addHook('preParsing', (_request, _reply, _payload, done) => {
    bodiesRead += 1;
    done();
  });
  server.post<{ Params: { id: string } }>('/of/:id', { onRequest: guard.beforeBody }, (request, reply) => {
    const sender = guard(request, reply, ['appliance'], request.params.id);
    return sender === 'refused' ? reply : { sender: sender?.id ?? 'unsigned' };
  });
  addEnrolmentRoute(server, trusted, receiver, silentLogger);
  addTokenMintingRoute(server, trusted);
  url = `http://${formatHostPort(await listen(server, { host: '127.0.0.1', port: 0 }))}`;
}

const clientOf = (identity?: Identity): ServiceClient =>
  new ServiceClient({
    http,
    clock: world.clock,
    baseUrl: url,
    timeoutMs: 5000,
    maxAnswerBytes: 10_000,
    ...(identity === undefined ? {} : { identity }),
  });

function enrolled(id: string, role: 'appliance' | 'steering' = 'appliance'): Identity {
  const identity = loadOrCreateIdentity(id, join(dir, `${id}.pem`));
  trusted.enrol({ version: 1, id, role, publicKey: identity.publicKey, token: trusted.mintToken(id, role) });
  return identity;
}

describe('the guard between services', () => {
  it('lets an enrolled service speak for itself', async () => {
    expect(await clientOf(enrolled('a1')).post('/of/a1', { n: 1 })).toEqual({ sender: 'a1' });
  });

  it('does not let it speak for another, nor one of another role', async () => {
    await expect(clientOf(enrolled('a1')).post('/of/a2', {})).rejects.toMatchObject({ answeredStatus: 403 });
    await expect(clientOf(enrolled('s1', 'steering')).post('/of/s1', {})).rejects.toMatchObject({
      answeredStatus: 403,
    });
  });

  it('refuses the unsigned and the unknown, and says what to do', async () => {
    await expect(clientOf().post('/of/a1', {})).rejects.toMatchObject({
      answeredStatus: 401,
      detail: expect.stringContaining('oca enrol'),
    });
    const stranger = loadOrCreateIdentity('a1', join(dir, 'stranger.pem'));
    await expect(clientOf(stranger).post('/of/a1', {})).rejects.toMatchObject({ answeredStatus: 401 });
  });

  it('reads no body of who is not enrolled, whatever its size says', async () => {
    bodiesRead = 0;
    await expect(clientOf().post('/of/a1', { n: 'x'.repeat(9000) })).rejects.toMatchObject({ answeredStatus: 401 });
    const stranger = loadOrCreateIdentity('a1', join(dir, 'stranger.pem'));
    await expect(clientOf(stranger).post('/of/a1', {})).rejects.toMatchObject({ answeredStatus: 401 });
    expect(bodiesRead).toBe(0);
    await clientOf(enrolled('a1')).post('/of/a1', {});
    expect(bodiesRead).toBe(1);
  });

  it('refuses a request that was caught and sent to another path or with another body', async () => {
    const sender = enrolled('a1');
    enrolled('a2');
    const body = '{"n":1}';
    const headers = {
      'content-type': 'application/json',
      ...signRequest({ method: 'POST', target: '/of/a1', body: Buffer.from(body) }, sender, world.clock.nowMs()),
    };
    const send = async (path: string, text: string) =>
      (await fetch(url + path, { method: 'POST', headers, body: text })).status;
    expect(await send('/of/a1', body)).toBe(200);
    expect(await send('/of/a2', body)).toBe(401);
    expect(await send('/of/a1?x=1', body)).toBe(401);
    expect(await send('/of/a1', '{"n":2}')).toBe(401);
    world.clock.jumpWallClock(600_000);
    expect(await send('/of/a1', body)).toBe(401);
  });

  it('lets the unsigned through from loopback only where the operator allowed it, never the wrongly signed', async () => {
    await server.close();
    await build(true);
    expect(await clientOf().post('/of/a1', {})).toEqual({ sender: 'unsigned' });
    const stranger = loadOrCreateIdentity('a1', join(dir, 'stranger.pem'));
    await expect(clientOf(stranger).post('/of/a1', {})).rejects.toMatchObject({ answeredStatus: 401 });
  });

  it('knows loopback in its spellings', () => {
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) expect(isLoopback(address)).toBe(true);
    for (const address of ['10.0.0.1', '::', '1::1', '::ffff:10.0.0.1', '128.127.0.0.1', '', undefined])
      expect(isLoopback(address)).toBe(false);
  });
});

describe('enrolling over the network', () => {
  it('takes a token that the operator minted, and gives the receiver’s own key', async () => {
    const minted = (await clientOf().post('/v1/enrolment-tokens', { id: 'a1', role: 'appliance' })) as {
      token: string;
    };
    const identity = loadOrCreateIdentity('a1', join(dir, 'a1.pem'));
    expect(await clientOf(identity).enrol('appliance', minted.token)).toEqual({
      version: 1,
      id: 'planner',
      keyId: receiver.keyId,
      publicKey: receiver.publicKey,
    });
    expect(await clientOf(identity).post('/of/a1', {})).toEqual({ sender: 'a1' });
  });

  it('refuses a token that is none with 403 and a reason', async () => {
    const identity = loadOrCreateIdentity('a1', join(dir, 'a1.pem'));
    await expect(clientOf(identity).enrol('appliance', 'x'.repeat(32))).rejects.toMatchObject({
      answeredStatus: 403,
      detail: expect.stringContaining('no such token'),
    });
  });

  it('mints no token for an id or role that does not exist', async () => {
    for (const wrong of [{ id: 'A 1', role: 'appliance' }, { id: 'a1', role: 'king' }, {}])
      await expect(clientOf().post('/v1/enrolment-tokens', wrong)).rejects.toMatchObject({ answeredStatus: 400 });
  });
});
