import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApplianceRig, startAppliance } from '../appliance/support/appliance-rig.ts';
import { talk } from '../appliance/support/raw-client.ts';

// One appliance for all, as an attacker would have it.
describe('what nobody gets through an appliance', () => {
  let dir: string;
  let rig: ApplianceRig;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'oca-doors-'));
    rig = await startAppliance({ dir });
  });

  afterAll(async () => {
    await rig.stop();
    await rig.origin.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const get = (target: string, host = 'a') =>
    talk(rig.url, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  it('another server: whatever host the request names, the configured origin is asked', async () => {
    let connections = 0;
    const other: Server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    rig.origin.files.set('/film', { bytes: Buffer.from('film'), etag: '"v1"' });
    for (const [target, host] of [
      [`http://${address}/film`, 'a'],
      [`http://${address}/film`, address],
      ['/film', address],
      [`//${address}/film`, 'a'],
      [`/\\${address}/film`, 'a'],
      [`/@${address}/film`, 'a'],
      [`http://a@${address}/film`, 'a'],
      [`${address}`, address],
    ] as const) {
      await get(target, host);
    }
    await talk(rig.url, `CONNECT ${address} HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
    expect(connections).toBe(0);
    await new Promise((resolve) => other.close(resolve));
  });

  it.each([
    '/../secret',
    '/a/../../secret',
    '/%2e%2e/secret',
    '/..%2fsecret',
    '/%2e%2e%2fsecret',
    '/..%5csecret',
    '/a/./../secret',
    '/secret%00.mp4',
    '/%c0%ae%c0%ae/secret',
    '/....//secret',
    '/%252e%252e/secret',
    `/${'x'.repeat(3000)}`,
  ])('a file outside the volume: %.40s', async (target) => {
    writeFileSync(join(dir, 'secret'), 'SECRET');
    const before = readdirSync(dir).sort();
    // Whatever the origin has there is stored, if the name is one.
    rig.origin.files.set(target, {
      bytes: Buffer.from('content'),
      etag: '"v1"',
      headers: { 'cache-control': 'max-age=60' },
    });
    const { text, statuses } = await get(target);
    expect(statuses).toHaveLength(1);
    expect(text).not.toContain('SECRET');
    expect(readdirSync(dir).sort()).toEqual(before);
  });

  it.each([
    ['a query', '/film?x=%0d%0aX-Injected:%20yes'],
    ['a path', '/film%0d%0aX-Injected:%20yes'],
    ['a query that is not encoded', '/film?x=\rX-Injected: yes'],
  ])('a field of its own in an answer: by %s', async (_, target) => {
    rig.origin.files.set(target, {
      bytes: Buffer.from('film'),
      etag: '"v1"',
      headers: { 'cache-control': 'max-age=60' },
    });
    for (let round = 0; round < 2; round += 1) {
      const { text } = await get(target);
      expect(text.split('\r\n\r\n', 1)[0]).not.toMatch(/^X-Injected/im);
    }
  });
});
