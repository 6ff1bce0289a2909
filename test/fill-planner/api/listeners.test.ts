import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { RunningPlanner } from '../running-planner.ts';

const TLS = resolve(import.meta.dirname, '../../support/tls');
const [tlsCert, tlsKey] = [join(TLS, 'test-only-cert.pem'), join(TLS, 'test-only-key.pem')];

test('with a certificate the service listener speaks HTTPS, and the admin listener stays as it is', async () => {
  await using planner = await RunningPlanner.start({ tlsCert, tlsKey });
  expect(planner.listenUrl).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  expect(planner.adminUrl).toMatch(/^http:\/\//);
  const ca = await readFile(tlsCert);
  const status = await new Promise((resolvePromise, reject) => {
    const asked = request(
      `${planner.listenUrl}/v1/catalogue`,
      { ca, checkServerIdentity: () => undefined },
      (response) => {
        response.resume();
        resolvePromise(response.statusCode);
      },
    );
    asked.on('error', reject).end();
  });
  expect(status).toBe(401);
});

test('a certificate without its key keeps the planner from starting', async () => {
  await expect(RunningPlanner.start({ tlsCert })).rejects.toThrow(/--tls-key is missing/);
});

test('the service listener takes IPv6', async () => {
  await using planner = await RunningPlanner.start({ listen: { host: '::1', port: 0 } });
  expect(planner.listenUrl).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await fetch(`${planner.listenUrl}/v1/catalogue`)).status).toBe(401);
});
