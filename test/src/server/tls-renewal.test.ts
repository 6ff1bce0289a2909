import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createJsonServer, type JsonServer, listen } from '../../../src/server/json-server.ts';
import { renewTls } from '../../../src/server/tls-renewal.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../support/fake-world.ts';

let folder: string;
let server: JsonServer;
let port: number;
const world = new FakeWorld();
const files = () => ({ certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') });

function makeCertificate(name: string): void {
  const { certFile, keyFile } = files();
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}`.split(
    ' ',
  );
  const { status, stderr } = spawnSync('openssl', [...words, '-keyout', keyFile, '-out', certFile], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}

/** The name in the certificate that a new connection is shown. */
const shownName = (): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const { CN } = socket.getPeerCertificate().subject;
      resolve(Array.isArray(CN) ? CN[0] : CN);
      socket.destroy();
    });
    socket.once('error', reject);
  });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'oca-tls-'));
  makeCertificate('first');
  server = createJsonServer({ logger: silentLogger, bodyLimitBytes: 1024, tls: files() });
  ({ port } = await listen(server, { host: '127.0.0.1', port: 0 }));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a renewed certificate is shown to new connections, and a half replaced pair changes nothing', async () => {
  const renewal = renewTls(server, files(), { world, logger: silentLogger });
  await renewal.start();
  expect(await shownName()).toBe('first');

  writeFileSync(files().certFile, 'not yet');
  await world.clock.advance(15_000);
  expect(await shownName()).toBe('first');

  makeCertificate('second');
  let name: string | undefined;
  for (let tries = 0; name !== 'second' && tries < 100; tries += 1) {
    await world.clock.advance(15_000);
    name = await shownName();
  }
  expect(name).toBe('second');
  await renewal.stop(1000);
});
