import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TlsKeys } from '../../../../appliance/fast-path/tls/tls-keys.ts';
import type { TlsSecrets } from '../../../../appliance/fast-path/tls/tls-messages.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { until } from '../../../support/until.ts';

const HOUR_MS = 3_600_000;

let folder: string;
const files = () => ({ certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') });

function makeCertificate(): void {
  const { certFile, keyFile } = files();
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test'.split(' ');
  const { status, stderr } = spawnSync('openssl', [...words, '-keyout', keyFile, '-out', certFile], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}

function makeKeys(world: FakeWorld): { keys: TlsKeys; told: TlsSecrets[] } {
  const told: TlsSecrets[] = [];
  const keys = new TlsKeys({ ...files(), world, logger: silentLogger, onChange: (secrets) => told.push(secrets) });
  return { keys, told };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-tls-'));
  makeCertificate();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the key of session tickets is replaced every hour, and the certificate stays', async () => {
  const world = new FakeWorld();
  const { keys } = makeKeys(world);
  const before = keys.secrets;
  expect(before.ticketKeys).toHaveLength(48);
  await keys.start();
  await world.clock.advance(HOUR_MS);
  expect(keys.secrets.ticketKeys).not.toEqual(before.ticketKeys);
  expect(keys.secrets.cert).toBe(before.cert);
  await keys.stop(0);
});

test('a renewed certificate is told, and a half replaced pair changes nothing', async () => {
  const world = new FakeWorld();
  const { keys, told } = makeKeys(world);
  await keys.start();
  const first = keys.secrets.cert;
  writeFileSync(files().certFile, 'not yet');
  await world.clock.advance(15_000);
  expect(keys.secrets.cert).toBe(first);

  makeCertificate();
  await until(async () => {
    await world.clock.advance(15_000);
    return keys.secrets.cert !== first;
  });
  expect(told.at(-1)).toEqual(keys.secrets);
  await keys.stop(0);
});

test('a certificate that is not there is a mistake of the configuration', () => {
  rmSync(files().certFile);
  expect(() => makeKeys(new FakeWorld())).toThrow(/--tls-cert/);
});
