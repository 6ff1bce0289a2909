import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { TokenVerifier } from '../../../src/tokens/token-verifier.ts';
import { formatScope } from '../../../src/tokens/url-scope.ts';
import { TokenKeyRing } from '../../../steering/tokens/key-ring.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const POLICY = { rotateMs: 100_000, maxTokenMs: 30_000 };
let folder: string;
let world: FakeWorld;
let ring: TokenKeyRing;

const open = (): TokenKeyRing =>
  new TokenKeyRing({
    file: join(folder, 'token-keys.json'),
    issuer: 'steering',
    clock: world.clock,
    logger: silentLogger,
    policy: POLICY,
  });
const roles = (): string[] => ring.describe().map(({ role }) => role);
/** A token that lives as long as any may. */
const token = (): string =>
  ring.sign('JWT', {
    exp: Math.floor((world.clock.nowMs() + POLICY.maxTokenMs) / 1000),
    cdniuc: formatScope({ kind: 'folder', path: '/vod/a/' }),
  });
/** What an appliance finds that was told the keys at some moment. */
async function verdict(text: string, keys = ring.publicKeys()): Promise<string> {
  const verifier = new TokenVerifier({ nowMs: () => world.clock.nowMs(), audience: 'oca-1' });
  verifier.useKeys(keys);
  const found = await verifier.verify(text, 'url');
  return typeof found === 'string' ? found : 'good';
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-key-ring-'));
  world = new FakeWorld();
  ring = open();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('TOK-7: rotation', () => {
  it('tells of the next key before it signs, so an appliance knows it that was last heard before the rotation', async () => {
    const told = ring.publicKeys();
    expect(roles()).toEqual(['current', 'next']);
    expect(ring.rotate()).toBe(true);
    expect(await verdict(token(), told)).toBe('good');
    expect(roles()).toEqual(['retired', 'current', 'next']);
  });

  it('cuts nobody: what the old key signed at its last moment counts until its own end', async () => {
    await world.clock.advance(POLICY.rotateMs - 1);
    const last = token();
    await world.clock.advance(1);
    expect(roles()).toEqual(['retired', 'current', 'next']);
    expect(await verdict(last)).toBe('good');
    await world.clock.advance(POLICY.maxTokenMs - 1001);
    expect(await verdict(last)).toBe('good');
    await world.clock.advance(1001);
    expect(await verdict(last)).toBe('unknown-key');
    expect(roles()).toEqual(['current', 'next']);
  });

  it('tells ends of keys that no token outlives, also to an appliance that hears nothing more', async () => {
    const told = ring.publicKeys();
    await world.clock.advance(POLICY.rotateMs - 1);
    const last = token();
    await world.clock.advance(POLICY.maxTokenMs - 1000);
    expect(await verdict(last, told)).toBe('good');
  });

  it('goes on after a restart with the same keys, and only its owner can read them', async () => {
    const before = token();
    ring = open();
    expect(await verdict(before)).toBe('good');
    expect(statSync(join(folder, 'token-keys.json')).mode & 0o777).toBe(0o600);
  });

  it('refuses another one when the answer to a heartbeat has no room for it', () => {
    while (ring.rotate()) expect(ring.publicKeys().length).toBeLessThanOrEqual(16);
    expect(ring.publicKeys()).toHaveLength(15);
  });
});

describe('TOK-7: revocation', () => {
  it('takes the current key away and signs with one that is known already', async () => {
    const told = ring.publicKeys();
    const old = token();
    expect(ring.revoke(ring.currentId())).toBe(true);
    expect(await verdict(old)).toBe('unknown-key');
    expect(await verdict(token(), told)).toBe('good');
    expect(roles()).toEqual(['current', 'next']);
    ring = open();
    expect(await verdict(old)).toBe('unknown-key');
  });

  it('takes a retired key away, and says when there is none of that name', async () => {
    const old = token();
    const id = ring.currentId();
    ring.rotate();
    expect(await verdict(old)).toBe('good');
    expect([ring.revoke(id), ring.revoke(id)]).toEqual([true, false]);
    expect(await verdict(old)).toBe('unknown-key');
    expect(roles()).toEqual(['current', 'next']);
  });
});

it('puts a damaged file aside and makes new keys', () => {
  const file = join(folder, 'token-keys.json');
  const before = ring.currentId();
  writeFileSync(file, readFileSync(file, 'utf8').replace('BEGIN', 'END'));
  ring = open();
  expect(roles()).toEqual(['current', 'next']);
  expect(ring.currentId()).not.toBe(before);
  expect(readFileSync(`${file}.damaged`, 'utf8')).toContain('END');
});

it('signs also where the keys cannot be kept', async () => {
  writeFileSync(join(folder, 'file'), '');
  const unkept = new TokenKeyRing({
    file: join(folder, 'folder'),
    issuer: 'steering',
    clock: world.clock,
    logger: silentLogger,
    policy: POLICY,
  });
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'a file where the folder was');
  unkept.rotate();
  ring = unkept;
  expect(await verdict(token())).toBe('good');
});
