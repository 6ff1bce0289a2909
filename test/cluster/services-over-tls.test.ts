import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { ask } from '../appliance/support/http-client.ts';
import { until } from '../support/until.ts';

/** The three services as processes that trust nobody but the authority that the operator names. */
const TLS = join(import.meta.dirname, '../support/tls');
const CERT = join(TLS, 'test-only-cert.pem');
const TRUSTING = { NODE_EXTRA_CA_CERTS: CERT };

let folder: string;
const children: ChildService[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-tls-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.end('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function start(
  service: string,
  parameters: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<ChildService> {
  const words = serviceWords(service, {
    listen: '127.0.0.1:0',
    adminListen: '127.0.0.1:0',
    state: join(folder, service),
    tlsCert: CERT,
    tlsKey: join(TLS, 'test-only-key.pem'),
    ...parameters,
  });
  const child = await ChildService.start({ words, logFile: join(folder, `${service}.log`), environment });
  children.push(child);
  expect(child.addresses['listen']).toMatch(/^https:/);
  return child;
}

const listener = (child: ChildService): string => child.addresses['listen'] ?? '';
const admin = (child: ChildService): string => child.addresses['admin'] ?? '';

async function mint(child: ChildService, id: string, role: string): Promise<string> {
  const response = await fetch(`${admin(child)}/v1/enrolment-tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id, role }),
  });
  return ((await response.json()) as { token: string }).token;
}

const json = async (url: string): Promise<unknown> => (await fetch(url)).json();

describe('services over TLS', () => {
  it('enrol with each other and talk, where they trust the certificate', async () => {
    const planner = await start('fill-planner');
    const steering = await start(
      'steering',
      { planner: listener(planner), plannerToken: await mint(planner, 'steering', 'steering') },
      TRUSTING,
    );
    const appliance = await start(
      'appliance',
      {
        id: 'a1',
        volume: join(folder, 'volume'),
        planner: listener(planner),
        plannerToken: await mint(planner, 'a1', 'appliance'),
        steering: listener(steering),
        steeringToken: await mint(steering, 'a1', 'appliance'),
      },
      TRUSTING,
    );
    const signed = { mode: 'signed' };
    await until(async () => {
      const { control } = (await json(`${admin(appliance)}/v1/state`)) as { control: Record<string, unknown> };
      return [control['planner'], control['steering']].every((each) => (each as typeof signed).mode === 'signed');
    });
    await until(async () => JSON.stringify(await json(`${admin(steering)}/v1/fleet`)).includes('"id":"a1"'));
    const answer = await ask(`${listener(steering)}/v1/steering/hls?a=none`, { insecure: true });
    expect(JSON.parse(answer.body.toString())).toMatchObject({ VERSION: 1 });
  });

  it('start without trust as well, and say in the log what is wrong with the certificate', async () => {
    const planner = await start('fill-planner');
    const plannerToken = await mint(planner, 'steering', 'steering');
    const steering = await start('steering', { planner: listener(planner), plannerToken });
    await until(() => readFileSync(join(folder, 'steering.log'), 'utf8').includes('self-signed certificate'));
    expect((await fetch(`${admin(steering)}/healthz`)).status).toBe(200);
    expect(readFileSync(join(folder, 'steering.log'), 'utf8')).not.toContain(plannerToken);
  });
});
