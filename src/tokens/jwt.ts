/**
 * Signed JWTs with Ed25519 (RFC 7515, 7519, 8037): the one place that `jose` is used in.
 *
 * The algorithm belongs to the key, never to the token: what the header says is compared, not followed, so neither
 * `none` nor a MAC made with a public key as its secret gets anywhere (RFC 8725 sections 2.1 and 3.1). Verifying goes
 * through `jose`, off the main thread. Signing, and verifying where there is no time to wait, are three lines each over
 * Node's own Ed25519, because an answer that carries a token is made in one go.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { compactVerify, decodeProtectedHeader, errors } from 'jose';

const ALGORITHM = 'EdDSA';
/** A token of ours has about 350 characters; nothing longer is looked at. */
const MAX_TOKEN_CHARS = 2048;
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/;
// DER of an Ed25519 SubjectPublicKeyInfo is this prefix and the 32 raw bytes (RFC 8410 section 4).
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

export type Claims = Readonly<Record<string, unknown>>;

/** @param type the header's `typ`. @param privateKey Ed25519 */
export function signJwt(type: string, keyId: string, claims: Claims, privateKey: KeyObject): string {
  const input = `${encoded({ alg: ALGORITHM, typ: type, kid: keyId })}.${encoded(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

/** @param publicKey raw 32 bytes, base64 */
export function importPublicKey(publicKey: string): KeyObject {
  return createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, Buffer.from(publicKey, 'base64')]),
    format: 'der',
    type: 'spki',
  });
}

/** The header of what may be a token of ours, unverified; undefined for all that cannot be one. Never throws. */
export function readHeader(token: string): { readonly keyId: string; readonly header: Claims } | undefined {
  if (token.length > MAX_TOKEN_CHARS || !COMPACT.test(token)) return undefined;
  try {
    const header: Claims = { ...decodeProtectedHeader(token) };
    const { alg, kid, crit, b64 } = header;
    if (alg !== ALGORITHM || typeof kid !== 'string' || crit !== undefined || b64 !== undefined) return undefined;
    return { keyId: kid, header };
  } catch (error) {
    if (error instanceof TypeError || error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

/** The claims, unverified; undefined where there are none. */
export function readClaims(token: string): Claims | undefined {
  try {
    return claimsOf(Buffer.from(token.split('.')[1] ?? '', 'base64url'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The claims of a token that this key signed; undefined for every other. */
export async function verifyJwt(token: string, publicKey: KeyObject): Promise<Claims | undefined> {
  try {
    const { payload } = await compactVerify(token, publicKey, { algorithms: [ALGORITHM] });
    return claimsOf(payload);
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The same at once, on the main thread: for who cannot wait, and asks seldom. */
export function verifyJwtNow(token: string, publicKey: KeyObject): Claims | undefined {
  const signatureAt = token.lastIndexOf('.');
  const input = Buffer.from(token.slice(0, signatureAt));
  if (!verify(null, input, publicKey, Buffer.from(token.slice(signatureAt + 1), 'base64url'))) return undefined;
  return readClaims(token);
}

function claimsOf(payload: Uint8Array): Claims | undefined {
  const claims: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
  return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? { ...claims } : undefined;
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
