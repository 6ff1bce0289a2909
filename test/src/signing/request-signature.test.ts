import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Identity, loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import {
  checkSignedBody,
  checkSignedHead,
  type SignableRequest,
  signRequest,
} from '../../../src/signing/request-signature.ts';

const dir = mkdtempSync(join(tmpdir(), 'oca-signature-'));
afterAll(() => rmSync(dir, { recursive: true }));

const sender = loadOrCreateIdentity('a1', join(dir, 'a1.pem'));
const stranger = loadOrCreateIdentity('a2', join(dir, 'a2.pem'));
const NOW_MS = 1_900_000_000_000;
const SKEW_MS = 300_000;

const request: SignableRequest = {
  method: 'POST',
  target: '/v1/demand?dry=1',
  body: Buffer.from('{"version":1}'),
};
const known = (keyId: string) => (keyId === sender.keyId ? { id: sender.id, publicKey: sender.publicKey } : undefined);

type Headers = Record<string, string | string[] | undefined>;

const check = (asked: SignableRequest, headers: Headers, nowMs: number) =>
  checkSignedBody(checkSignedHead(asked, headers, known, nowMs, SKEW_MS), asked.body);

function verdict(
  changes: Partial<SignableRequest> = {},
  headerChanges: Headers = {},
  nowMs = NOW_MS,
  by: Identity = sender,
) {
  const headers = { ...signRequest(request, by, NOW_MS), ...headerChanges };
  return check({ ...request, ...changes }, headers, nowMs);
}

describe('a signed request', () => {
  it('is its sender’s', () => {
    expect(verdict()).toEqual({ kind: 'valid', id: 'a1', keyId: sender.keyId });
  });

  it('may have no body and no query', () => {
    const bare: SignableRequest = { method: 'GET', target: '/v1/plan/a1', body: Buffer.alloc(0) };
    const headers = signRequest(bare, sender, NOW_MS);
    expect(check(bare, headers, NOW_MS).kind).toBe('valid');
  });

  it.each<[string, Partial<SignableRequest>]>([
    ['with another body', { body: Buffer.from('{"version":2}') }],
    ['with a body cut short', { body: Buffer.from('{"version":1') }],
    ['with no body', { body: Buffer.alloc(0) }],
    ['sent to another path', { target: '/v1/heartbeat?dry=1' }],
    ['with another query', { target: '/v1/demand?dry=0' }],
    ['with its query taken away', { target: '/v1/demand' }],
    ['with another method', { method: 'PUT' }],
  ])('is refused %s', (_how, changes) => {
    expect(verdict(changes)).toMatchObject({ kind: 'invalid' });
  });

  it('is refused with a body changed together with its digest', () => {
    const body = Buffer.from('{"version":2}');
    const digest = signRequest({ ...request, body }, stranger, NOW_MS)['content-digest'];
    expect(verdict({ body }, { 'content-digest': digest })).toMatchObject({
      kind: 'invalid',
      reason: 'signature does not verify',
    });
  });

  it('is good for some minutes of clock difference either way, and refused beyond with a word on clocks', () => {
    expect(verdict({}, {}, NOW_MS + SKEW_MS).kind).toBe('valid');
    expect(verdict({}, {}, NOW_MS - SKEW_MS).kind).toBe('valid');
    for (const nowMs of [NOW_MS + SKEW_MS + 1000, NOW_MS - SKEW_MS - 1000]) {
      expect(verdict({}, {}, nowMs)).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('NTP') });
    }
  });

  it('is refused when its date is moved to now', () => {
    const headers = signRequest(request, sender, NOW_MS);
    const moved = headers['signature-input']!.replace(/created=\d+/, `created=${(NOW_MS + 3_600_000) / 1000}`);
    expect(verdict({}, { 'signature-input': moved }, NOW_MS + 3_600_000)).toMatchObject({
      kind: 'invalid',
      reason: 'signature does not verify',
    });
  });

  it('is refused from an unknown key, with a word on enrolment', () => {
    expect(verdict({}, {}, NOW_MS, stranger)).toMatchObject({
      kind: 'invalid',
      reason: expect.stringContaining('oca enrol'),
    });
  });

  it('is refused when a stranger signs under a known key’s name', () => {
    const forged = { ...stranger, keyId: sender.keyId };
    expect(verdict({}, {}, NOW_MS, forged)).toMatchObject({ kind: 'invalid', reason: 'signature does not verify' });
  });

  it('is unsigned only when nothing of a signature is there', () => {
    expect(check(request, {}, NOW_MS)).toEqual({ kind: 'unsigned' });
    expect(verdict({}, { signature: undefined }).kind).toBe('invalid');
    expect(verdict({}, { 'signature-input': undefined }).kind).toBe('invalid');
    expect(verdict({}, { 'content-digest': undefined }).kind).toBe('invalid');
  });

  it('is refused in any other profile: components left out, another algorithm, several signatures', () => {
    const { 'signature-input': input = '', signature = '' } = signRequest(request, sender, NOW_MS);
    for (const other of [
      input.replace(' "content-digest"', ''),
      input.replace('ed25519', 'hmac-sha256'),
      input.replace('oca=', 'sig1='),
      `${input}, ${input}`,
      `${input};expires=1`,
      '',
    ]) {
      expect(verdict({}, { 'signature-input': other }).kind).toBe('invalid');
    }
    expect(verdict({}, { signature: `${signature}, ${signature}` }).kind).toBe('invalid');
    expect(verdict({}, { signature: [signature, signature] }).kind).toBe('invalid');
    expect(verdict({}, { signature: 'oca=:AAAA:' }).kind).toBe('invalid');
  });
});
