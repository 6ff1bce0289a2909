import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createJsonServer,
  formatHostPort,
  type JsonServer,
  listen,
  listenFailure,
  readTls,
} from '../../../src/server/json-server.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

const TLS = join(import.meta.dirname, '../../support/tls');
const CERT = join(TLS, 'test-only-cert.pem');
const KEY = join(TLS, 'test-only-key.pem');
const folder = mkdtempSync(join(tmpdir(), 'oca-listening-'));
afterAll(() => rmSync(folder, { recursive: true }));

const create = (tls?: { certFile: string; keyFile: string }): JsonServer =>
  createJsonServer({ logger: silentLogger, bodyLimitBytes: 1000, ...(tls === undefined ? {} : { tls }) });

describe('listening', () => {
  it('names an address that is taken, as something that may pass', async () => {
    const first = create();
    const second = create();
    const { port } = await listen(first, { host: '127.0.0.1', port: 0 });
    await expect(listen(second, { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'ADDRESS_UNAVAILABLE',
      detail: expect.stringContaining(`127.0.0.1:${port}`),
    });
    await first.close();
    await second.close();
  });

  it.each([
    ['EADDRINUSE', 'ADDRESS_UNAVAILABLE'],
    ['EADDRNOTAVAIL', 'ADDRESS_UNAVAILABLE'],
    ['EAI_AGAIN', 'ADDRESS_UNAVAILABLE'],
    ['EACCES', 'CONFIG_INVALID'],
    ['EAFNOSUPPORT', 'CONFIG_INVALID'],
  ])('tells by %s whether time or only an operator can mend it', (code, expected) => {
    const error = Object.assign(new Error('no'), { code });
    expect(listenFailure({ host: '::1', port: 80 }, error)).toMatchObject({
      code: expected,
      detail: 'cannot listen on [::1]:80: no',
    });
  });

  it.each([
    ['::1', /^\[::1\]:\d+$/],
    ['::', /^\[::\]:\d+$/],
  ])('takes %s, and says so in brackets', async (host, shape) => {
    const server = create();
    const bound = await listen(server, { host, port: 0 });
    expect(formatHostPort(bound)).toMatch(shape);
    const reachable = host === '::' ? [`127.0.0.1:${bound.port}`, `[::1]:${bound.port}`] : [`[::1]:${bound.port}`];
    for (const address of reachable) expect((await fetch(`http://${address}/none`)).status).toBe(404);
    await server.close();
  });

  it('writes IPv4 addresses as they are', () => {
    expect(formatHostPort({ host: '127.0.0.1', port: 80 })).toBe('127.0.0.1:80');
  });
});

describe('certificate and key', () => {
  it('are read as they are', () => {
    expect(readTls(CERT, KEY).cert).toContain('BEGIN CERTIFICATE');
  });

  it.each([
    ['a certificate alone', CERT, '', '--tls-key is missing'],
    ['a key alone, which must not mean plain HTTP', '', KEY, '--tls-cert is missing'],
    ['a certificate that is not there', '/nowhere/cert.pem', KEY, '/nowhere/cert.pem'],
    ['a key that is not there', CERT, '/nowhere/key.pem', '/nowhere/key.pem'],
    ['text that is no certificate', import.meta.filename, KEY, import.meta.filename],
    ['text that is no key', CERT, import.meta.filename, import.meta.filename],
  ])('are refused as wrong configuration: %s', (_what, certFile, keyFile, named) => {
    const wrong = { code: 'CONFIG_INVALID', detail: expect.stringContaining(named) };
    expect(() => create({ certFile, keyFile })).toThrow(expect.objectContaining(wrong));
  });

  it('are refused when the key is that of another certificate', () => {
    const other = join(folder, 'other.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    writeFileSync(other, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(() => readTls(CERT, other)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', detail: expect.stringContaining(other) }),
    );
  });
});
