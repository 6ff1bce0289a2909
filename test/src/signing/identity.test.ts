import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyIdOf, loadOrCreateIdentity, verifySignature } from '../../../src/signing/identity.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-identity-'));
});

afterEach(() => rm(dir, { recursive: true }));

describe('the identity of a service', () => {
  it('is made at the first start, readable by the service alone, and stays', async () => {
    const file = join(dir, 'state', 'identity.pem');
    const first = loadOrCreateIdentity('a1', file);
    const again = loadOrCreateIdentity('a1', file);
    expect(again.publicKey).toBe(first.publicKey);
    expect(again.keyId).toBe(keyIdOf('a1', first.publicKey));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(verifySignature(first.publicKey, 'text', again.sign('text'))).toBe(true);
  });

  it('has a public key of the size that contracts expect', () => {
    expect(loadOrCreateIdentity('a1', join(dir, 'i.pem')).publicKey).toHaveLength(44);
  });

  it('is refused when its file holds no Ed25519 key, and the file is left as it is', async () => {
    const file = join(dir, 'identity.pem');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    for (const text of ['', 'nonsense', rsa.export({ type: 'pkcs8', format: 'pem' }).toString()]) {
      await writeFile(file, text);
      expect(() => loadOrCreateIdentity('a1', file)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
      expect(await readFile(file, 'utf8')).toBe(text);
    }
  });
});

describe('an identity that cannot be read or kept', () => {
  it('is not replaced by a new one when its file cannot be read', async () => {
    const file = join(dir, 'identity.pem');
    await mkdir(file);
    expect(() => loadOrCreateIdentity('a1', file)).toThrow(expect.objectContaining({ code: 'VOLUME_IO' }));
    expect((await stat(file)).isDirectory()).toBe(true);
  });

  it('is an operational failure that names the file', async () => {
    await writeFile(join(dir, 'state'), '');
    const failure = { code: 'VOLUME_IO', detail: expect.stringContaining(join(dir, 'state')) };
    expect(() => loadOrCreateIdentity('a1', join(dir, 'state', 'identity.pem'))).toThrow(
      expect.objectContaining(failure),
    );
  });
});

describe('checking a signature', () => {
  it('answers no, and never throws, for anything that is no signature or key', () => {
    const identity = loadOrCreateIdentity('a1', join(dir, 'i.pem'));
    const { publicKey } = identity;
    const signature = identity.sign('text');
    expect(verifySignature(publicKey, 'other', signature)).toBe(false);
    for (const wrong of ['', 'AAAA', '!!!', signature.slice(4)]) {
      expect(verifySignature(publicKey, 'text', wrong)).toBe(false);
      expect(verifySignature(wrong, 'text', signature)).toBe(false);
    }
  });
});
