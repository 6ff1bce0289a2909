import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EnrolledService } from '../../../src/client/enrolled-service.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import { loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { ServiceStandIn } from '../../support/service-stand-in.ts';

let dir: string;
let world: FakeWorld;
let other: ServiceStandIn;
let http: HttpClient;
let lines: string[];
let running: EnrolledService[];

const record = (_fields: object, message: string): void => void lines.push(message);
const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-enrolled-'));
  world = new FakeWorld();
  other = await ServiceStandIn.start(world, { allowUnsigned: false });
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 2 });
  lines = [];
  running = [];
});

afterEach(async () => {
  const stopped = Promise.all(running.map((service) => service.stop(1000)));
  await world.clock.advance(1000);
  await stopped;
  await http.destroy();
  await other.stop();
  await rm(dir, { recursive: true });
});

async function start(token: string, options: { key?: string; url?: string; allowUnsigned?: boolean } = {}) {
  const service = new EnrolledService({
    name: 'planner',
    baseUrl: options.url ?? other.url,
    token,
    allowUnsigned: options.allowUnsigned ?? false,
    role: 'appliance',
    identity: loadOrCreateIdentity('a1', join(dir, `${options.key ?? 'a1'}.pem`)),
    stateFile: join(dir, 'enrolment.json'),
    http,
    world,
    logger,
    timeoutMs: 5000,
    maxAnswerBytes: 10_000,
  });
  running.push(service);
  await service.start();
  return service;
}

const usable = (service: EnrolledService): Promise<void> => world.clock.advanceUntil(() => service.isUsable);
const never = new AbortController().signal;

describe('a service that one enrols with', () => {
  it('is called signed after enrolment, and its key is pinned', async () => {
    const service = await start(other.mintToken('a1'));
    expect(service.mode).toBe('enrolling');
    await expect(service.get('/v1/plan/a1')).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
    await usable(service);
    expect(service.mode).toBe('signed');
    expect(service.publicKey).toBe(other.identity.publicKey);
    await expect(service.get('/v1/plan/a1')).rejects.toMatchObject({ answeredStatus: 404 });
  });

  it('is known after a restart, with or without the old token', async () => {
    const token = other.mintToken('a1');
    await usable(await start(token));
    const enrolments = (): number => other.asked.filter((asked) => asked === 'POST /v1/enrol').length;
    expect((await start('')).mode).toBe('signed');
    expect((await start(token)).mode).toBe('signed');
    await world.clock.advance(120_000);
    expect(enrolments()).toBe(1);
  });

  it('is tried again until it is there', async () => {
    const token = other.mintToken('a1');
    await other.goAway();
    const service = await start(token);
    await world.clock.advance(300_000);
    expect(service.mode).toBe('enrolling');
    await other.comeBack();
    await usable(service);
    expect(lines).toEqual(['cannot enrol with planner yet: trying again', 'enrolled with planner']);
  });

  it('is enrolled with although the answer that spent the token got lost', async () => {
    other.loseAnswers = true;
    const service = await start(other.mintToken('a1'));
    await world.clock.advanceUntil(() => other.asked.length >= 2);
    expect(service.isUsable).toBe(false);
    other.loseAnswers = false;
    await usable(service);
  });

  it('is enrolled with anew by a new token, while the old enrolment goes on', async () => {
    await usable(await start(other.mintToken('a1')));
    const stolen = await start('x'.repeat(32));
    expect(stolen.mode).toBe('signed');
    await world.clock.advance(120_000);
    expect(stolen.mode).toBe('signed');
    const replaced = await ServiceStandIn.start(world, { allowUnsigned: false });
    const moved = await start(replaced.mintToken('a1'), { url: replaced.url });
    expect(moved.mode).toBe('enrolling');
    await usable(moved);
    expect(moved.publicKey).toBe(replaced.identity.publicKey);
    await replaced.stop();
  });

  it('is not taken for the one at another URL, nor is another key of ours taken for enrolled', async () => {
    await usable(await start(other.mintToken('a1')));
    expect((await start('', { url: 'http://127.0.0.1:9' })).mode).toBe('unenrolled');
    expect((await start('', { key: 'reinstalled' })).mode).toBe('unenrolled');
  });

  it('is called unsigned only by permission', async () => {
    expect((await start('', { allowUnsigned: true })).mode).toBe('unsigned');
    const barred = await start('');
    expect(barred.mode).toBe('unenrolled');
    await expect(barred.get('/v1/plan/a1')).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
    expect(lines).toEqual([
      expect.stringContaining('calls are unsigned'),
      expect.stringContaining('it is not called at all'),
    ]);
  });

  it('lets callers wait until it can be called, and stop waiting', async () => {
    const service = await start(other.mintToken('a1'));
    const waiting = service.usable(never);
    const given = new AbortController();
    const impatient = service.usable(given.signal);
    given.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('enough');
    await expect(service.usable(given.signal)).rejects.toThrow('enough');
    await usable(service);
    await waiting;
    await service.usable(never);
  });

  it('refuses to start on an enrolment that was damaged', async () => {
    await writeFile(join(dir, 'enrolment.json'), '{"version":1}');
    await expect(start('')).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });
});
