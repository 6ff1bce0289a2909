import { createHash } from 'node:crypto';
import { type Identity, verifySignature } from './identity.ts';

/**
 * Signatures of requests between services: HTTP Message Signatures (RFC 9421) with one fixed profile. Covered are the
 * method, path, query and the body's digest (RFC 9530), with creation time and key id. The profile is fixed so that the
 * verifier needs no negotiation: any other list of components is refused. A replay within the allowed clock skew
 * changes nothing, because every signed body is idempotent (sequence, sample id, whole replacement).
 */
const COMPONENTS = '("@method" "@path" "@query" "content-digest")';
const INPUT =
  /^oca=\("@method" "@path" "@query" "content-digest"\);created=(\d{1,12});keyid="([a-z0-9._:-]{1,128})";alg="ed25519"$/;

export interface SignableRequest {
  readonly method: string;
  /** Path with query, as on the request line. */
  readonly target: string;
  readonly body: Uint8Array;
}

export type SignatureVerdict =
  | { readonly kind: 'valid'; readonly id: string; readonly keyId: string }
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'invalid'; readonly reason: string };

const digestOf = (body: Uint8Array): string => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

function signatureBase(request: Omit<SignableRequest, 'body'>, contentDigest: string, parameters: string): string {
  const queryAt = request.target.indexOf('?');
  const path = queryAt < 0 ? request.target : request.target.slice(0, queryAt);
  const query = queryAt < 0 ? '?' : request.target.slice(queryAt);
  return [
    `"@method": ${request.method}`,
    `"@path": ${path}`,
    `"@query": ${query}`,
    `"content-digest": ${contentDigest}`,
    `"@signature-params": ${COMPONENTS}${parameters}`,
  ].join('\n');
}

/** The three headers to add to the request. */
export function signRequest(request: SignableRequest, identity: Identity, nowMs: number): Record<string, string> {
  const contentDigest = digestOf(request.body);
  const parameters = `;created=${Math.floor(nowMs / 1000)};keyid="${identity.keyId}";alg="ed25519"`;
  const signature = identity.sign(signatureBase(request, contentDigest, parameters));
  return {
    'content-digest': contentDigest,
    'signature-input': `oca=${COMPONENTS}${parameters}`,
    signature: `oca=:${signature}:`,
  };
}

/** A head whose signature is good, if the body is what its digest says. */
export type HeadVerdict =
  | { readonly kind: 'valid'; readonly id: string; readonly keyId: string; readonly contentDigest: string }
  | Exclude<SignatureVerdict, { kind: 'valid' }>;

/**
 * Checks all that can be checked before the body is read: the signature is over the body's digest, not the body.
 * @param publicKeyOf the registered public key and owner of a key id, or undefined
 * @param maxSkewMs how far the sender's clock may differ from ours
 */
export function checkSignedHead(
  request: Omit<SignableRequest, 'body'>,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  publicKeyOf: (keyId: string) => { id: string; publicKey: string } | undefined,
  nowMs: number,
  maxSkewMs: number,
): HeadVerdict {
  const input = headers['signature-input'];
  const signature = headers['signature'];
  const contentDigest = headers['content-digest'];
  if (input === undefined && signature === undefined) return { kind: 'unsigned' };
  const invalid = (reason: string): HeadVerdict => ({ kind: 'invalid', reason });
  if (typeof input !== 'string' || typeof signature !== 'string' || typeof contentDigest !== 'string') {
    return invalid('Signature-Input, Signature and Content-Digest must each be given once');
  }
  const parsed = INPUT.exec(input);
  const bytes = /^oca=:([A-Za-z0-9+/]+={0,2}):$/.exec(signature)?.[1];
  if (parsed === null || bytes === undefined) return invalid('not the profile that services use between each other');
  const createdMs = Number(parsed[1]) * 1000;
  if (Math.abs(nowMs - createdMs) > maxSkewMs) {
    return invalid(
      `made ${Math.round((nowMs - createdMs) / 1000)} s from this clock: check the time of both machines (NTP)`,
    );
  }
  const keyId = parsed[2] ?? '';
  const key = publicKeyOf(keyId);
  if (key === undefined)
    return invalid(`key ${keyId} is not enrolled here: mint a token with 'oca enrol' and start the service with it`);
  const base = signatureBase(request, contentDigest, input.slice(`oca=${COMPONENTS}`.length));
  if (!verifySignature(key.publicKey, base, bytes)) return invalid('signature does not verify');
  return { kind: 'valid', id: key.id, keyId, contentDigest };
}

/** The rest of the check: whether the body is the one that the head was signed for. */
export function checkSignedBody(head: HeadVerdict, body: Uint8Array): SignatureVerdict {
  if (head.kind !== 'valid') return head;
  if (digestOf(body) !== head.contentDigest)
    return { kind: 'invalid', reason: 'Content-Digest does not match the body' };
  return { kind: 'valid', id: head.id, keyId: head.keyId };
}
