import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeldKeys } from '../../../appliance/tokens/held-keys.ts';
import type { HeartbeatAnswer } from '../../../src/contracts/heartbeat.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { TokenVerifier } from '../../../src/tokens/token-verifier.ts';
import { NOW_MS, SigningKey } from '../../src/tokens/signing-key.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const key = new SigningKey('k1');
let dir: string;
let world: FakeWorld;
let verifier: TokenVerifier;
let lines: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'oca-held-keys-'));
  world = new FakeWorld({ nowMs: NOW_MS });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function open(stateDir = dir): HeldKeys {
  lines = [];
  const note =
    (level: string) =>
    (_fields: object, text: string): void =>
      void lines.push(`${level}: ${text}`);
  const logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') } as Logger;
  verifier = new TokenVerifier({ nowMs: () => world.clock.nowMs(), audience: 'oca-1' });
  const keys = new HeldKeys({ stateDir, verifier, clock: world.clock, logger, metrics: new Metrics('appliance') });
  keys.load();
  return keys;
}

const answer = (changes: Partial<HeartbeatAnswer> = {}): HeartbeatAnswer => ({
  version: 1,
  leaseMs: 6000,
  tokenKeys: [key.tokenKey],
  grant: { token: 'a.b.c', notAfterMs: NOW_MS + 1000 },
  ...changes,
});

it('keeps keys and grant over a restart without steering, for its owner alone', async () => {
  open().take(answer(), NOW_MS);
  const keys = open();
  expect(verifier.keyCount).toBe(1);
  expect(keys.grant()).toBe('a.b.c');
  expect(statSync(join(dir, 'token-keys.json')).mode & 0o777).toBe(0o600);
  await world.clock.advance(1000);
  expect(keys.grant()).toBeUndefined();
});

it('TOK-7: a key that is missing in the next answer is gone, also after a restart', async () => {
  const token = key.token();
  const keys = open();
  keys.take(answer(), NOW_MS);
  expect(await verifier.verify(token, 'url')).toMatchObject({ use: 'url' });
  keys.take(answer({ tokenKeys: [] }), NOW_MS);
  expect(await verifier.verify(token, 'url')).toBe('unknown-key');
  open();
  expect(verifier.keyCount).toBe(0);
});

it('does without a file that is damaged, and without a disk', () => {
  writeFileSync(join(dir, 'token-keys.json'), '{"version":1,"keys":[{}]}');
  const keys = open();
  expect(lines).toEqual([expect.stringContaining('warn: the kept keys of signed URLs cannot be read')]);
  keys.take(answer(), NOW_MS);
  expect(verifier.keyCount).toBe(1);
  const file = join(dir, 'no-folder');
  writeFileSync(file, '');
  open(file).take(answer(), NOW_MS);
  expect(verifier.keyCount).toBe(1);
});

describe('a clock that is wrong', () => {
  it.each([
    [-60_000, '60.0 s ahead of'],
    [60_000, '60.0 s behind'],
  ])('by %i ms is said once, and once that it is right again', (offsetMs, words) => {
    const keys = open();
    for (let beat = 0; beat < 3; beat += 1) keys.take(answer({ answeredAtMs: NOW_MS + offsetMs }), NOW_MS);
    expect(lines).toEqual([expect.stringContaining(`error: the clock of this machine is ${words} steering's`)]);
    keys.take(answer({ answeredAtMs: NOW_MS }), NOW_MS);
    expect(lines[1]).toContain('agree again');
  });

  it('is not what a slow way there and back looks like', async () => {
    const keys = open();
    await world.clock.advance(30_000);
    keys.take(answer({ answeredAtMs: NOW_MS + 29_000 }), NOW_MS);
    keys.take(answer({ answeredAtMs: NOW_MS + 1000 }), NOW_MS);
    expect(lines).toEqual([]);
  });
});
