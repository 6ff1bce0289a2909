import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../src/signing/canonical-json.ts';
import { loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { documentVerifies, signDocument } from '../../../src/signing/signed-document.ts';

const dir = mkdtempSync(join(tmpdir(), 'oca-document-'));
afterAll(() => rmSync(dir, { recursive: true }));
const planner = loadOrCreateIdentity('planner', join(dir, 'planner.pem'));
const other = loadOrCreateIdentity('planner', join(dir, 'other.pem'));

describe('a signed document', () => {
  it('survives JSON, and its members in any order', () => {
    const signed = signDocument({ b: [1, { y: 2, x: 'é' }], a: null }, planner);
    const { keyId, signature, ...rest } = JSON.parse(JSON.stringify(signed)) as Record<string, unknown>;
    expect(documentVerifies({ signature, ...rest, keyId }, planner.publicKey)).toBe(true);
    expect(keyId).toBe(planner.keyId);
  });

  it('is refused with any member changed, added or taken away, and under another key', () => {
    const signed = signDocument({ a: 1, b: { c: [1, 2] } }, planner);
    expect(documentVerifies(signed, other.publicKey)).toBe(false);
    for (const changed of [
      { ...signed, a: 2 },
      { ...signed, b: { c: [2, 1] } },
      { ...signed, d: 1 },
      { ...signed, keyId: other.keyId },
      { keyId: signed.keyId, b: signed.b, signature: signed.signature },
      { ...signed, signature: `${signed.signature.startsWith('A') ? 'B' : 'A'}${signed.signature.slice(1)}` },
      { ...signed, signature: 5 },
    ])
      expect(documentVerifies(changed, planner.publicKey)).toBe(false);
  });

  it('is none without a signature or a form, and that is no error', () => {
    for (const document of [undefined, null, 'text', 5, [], {}, { a: 1 }])
      expect(documentVerifies(document, planner.publicKey)).toBe(false);
    expect(documentVerifies(signDocument({ a: 1 }, planner), 'not a key')).toBe(false);
  });
});

describe('a document from a stranger', () => {
  it('that is nested beyond all reason is one that nobody signed, and exhausts no stack', () => {
    const deep: unknown = JSON.parse(`{"signature":"AAAA","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    expect(documentVerifies(deep, planner.publicKey)).toBe(false);
  });
});

describe('canonical JSON', () => {
  it('is one text per value, whatever the order and the way over the wire', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        const overTheWire: unknown = JSON.parse(JSON.stringify(value));
        expect(canonicalJson(overTheWire)).toBe(text);
        expect(canonicalJson(reversed(overTheWire))).toBe(text);
        expect(JSON.parse(text)).toEqual(overTheWire);
      }),
    );
  });

  it('leaves members out that are undefined, as JSON does', () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
