import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Enrolment, ServiceRole } from '../../../src/contracts/enrolment.ts';
import { TrustedKeys } from '../../../src/server/trusted-keys.ts';
import { loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const DAY_MS = 86_400_000;
let dir: string;
let world: FakeWorld;
let trusted: TrustedKeys;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-trust-'));
  world = new FakeWorld();
  trusted = new TrustedKeys(join(dir, 'trust.sqlite'), world);
});

afterEach(async () => {
  trusted.close();
  await rm(dir, { recursive: true });
});

const identity = (id: string, file = id) => loadOrCreateIdentity(id, join(dir, `${file}.pem`));
const enrolment = (id: string, token: string, role: ServiceRole = 'appliance', file = id): Enrolment => ({
  version: 1,
  id,
  role,
  publicKey: identity(id, file).publicKey,
  token,
});

describe('enrolment', () => {
  it('registers a key with a token that was minted for it', () => {
    const result = trusted.enrol(enrolment('a1', trusted.mintToken('a1', 'appliance')));
    expect(result).toEqual({ kind: 'enrolled', keyId: identity('a1').keyId });
    expect(trusted.find(identity('a1').keyId)).toEqual({
      id: 'a1',
      role: 'appliance',
      publicKey: identity('a1').publicKey,
    });
  });

  it('is refused without a token, with a made-up one, and with one for another id or role', () => {
    const token = trusted.mintToken('a1', 'appliance');
    for (const wrong of [
      enrolment('a1', 'made-up-token-of-somebody'),
      enrolment('a2', token),
      enrolment('a1', token, 'steering'),
    ])
      expect(trusted.enrol(wrong).kind).toBe('refused');
    expect(trusted.enrol(enrolment('a1', token)).kind).toBe('enrolled');
  });

  it('takes a token once, and again only from the very key that it registered', () => {
    const token = trusted.mintToken('a1', 'appliance');
    expect(trusted.enrol(enrolment('a1', token)).kind).toBe('enrolled');
    expect(trusted.enrol(enrolment('a1', token, 'appliance', 'thief')).kind).toBe('refused');
    // The answer got lost, and the appliance asks again.
    expect(trusted.enrol(enrolment('a1', token))).toEqual({ kind: 'enrolled', keyId: identity('a1').keyId });
  });

  it('gives a key that comes in another role that role instead', () => {
    trusted.enrol(enrolment('a1', trusted.mintToken('a1', 'appliance')));
    const again = trusted.enrol(enrolment('a1', trusted.mintToken('a1', 'steering'), 'steering'));
    expect(again.kind).toBe('enrolled');
    expect(trusted.find(identity('a1').keyId)?.role).toBe('steering');
  });

  it('belongs to one process: a second one is told so', () => {
    expect(() => new TrustedKeys(join(dir, 'trust.sqlite'), world)).toThrow(
      expect.objectContaining({ code: 'STATE_IN_USE' }),
    );
  });

  it('lets a token expire after a day', () => {
    const token = trusted.mintToken('a1', 'appliance');
    world.clock.jumpWallClock(DAY_MS + 1);
    expect(trusted.enrol(enrolment('a1', token)).kind).toBe('refused');
  });

  it('replaces the key of a reinstalled service, and the old key is dead, also for its old token', () => {
    const first = trusted.mintToken('a1', 'appliance');
    trusted.enrol(enrolment('a1', first, 'appliance', 'old'));
    trusted.enrol(enrolment('a1', trusted.mintToken('a1', 'appliance'), 'appliance', 'new'));
    expect(trusted.find(identity('a1', 'old').keyId)).toBeUndefined();
    expect(trusted.find(identity('a1', 'new').keyId)?.id).toBe('a1');
    expect(trusted.enrol(enrolment('a1', first, 'appliance', 'old')).kind).toBe('refused');
  });

  it('is remembered over a restart; tokens are kept as hashes only', async () => {
    trusted.enrol(enrolment('a1', trusted.mintToken('a1', 'appliance')));
    const token = trusted.mintToken('a2', 'appliance');
    trusted.close();
    for (const name of ['trust.sqlite']) expect((await readFile(join(dir, name))).includes(token)).toBe(false);
    trusted = new TrustedKeys(join(dir, 'trust.sqlite'), world);
    expect(trusted.find(identity('a1').keyId)?.id).toBe('a1');
    expect(trusted.enrol(enrolment('a2', token)).kind).toBe('enrolled');
  });
});

describe('a service that would rather go on than lose its keys', () => {
  const file = (): string => join(dir, 'trust.sqlite');
  const reopen = (): void => {
    trusted = new TrustedKeys(file(), world, silentLogger);
  };

  it('takes the keys from their copy when the database is damaged, and goes on enrolling', async () => {
    trusted.close();
    reopen();
    trusted.enrol(enrolment('a1', trusted.mintToken('a1', 'appliance')));
    trusted.close();
    await writeFile(file(), 'no database at all '.repeat(1000));
    reopen();
    expect(trusted.find(identity('a1').keyId)?.id).toBe('a1');
    expect((await readFile(`${file()}.damaged`)).length).toBeGreaterThan(0);
    expect(trusted.enrol(enrolment('a2', trusted.mintToken('a2', 'appliance'))).kind).toBe('enrolled');
    trusted.close();
    reopen();
    expect(trusted.find(identity('a2').keyId)?.id).toBe('a2');
  });

  it('begins anew when the copy is damaged as well', async () => {
    trusted.close();
    reopen();
    trusted.enrol(enrolment('a1', trusted.mintToken('a1', 'appliance')));
    trusted.close();
    await writeFile(file(), 'no database at all '.repeat(1000));
    await writeFile(`${file()}.copy.json`, '{');
    reopen();
    expect(trusted.find(identity('a1').keyId)).toBeUndefined();
  });

  it('and one that would not says what is wrong', async () => {
    trusted.close();
    await writeFile(file(), 'no database at all '.repeat(1000));
    expect(() => new TrustedKeys(file(), world)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
    await rm(file());
    reopen();
  });
});
