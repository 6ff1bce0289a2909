import { createHmac } from 'node:crypto';
import { SignJWT } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkTarget, type TargetVerdict } from '../../../src/tokens/check-target.ts';
import { GRANT_TYPE, type TokenRefusal } from '../../../src/tokens/judge-claims.ts';
import { TokenVerifier } from '../../../src/tokens/token-verifier.ts';
import { hashOfUri } from '../../../src/tokens/url-scope.ts';
import { NOW_MS, NOW_SEC, SigningKey } from './signing-key.ts';

const LIMITS = { maxTargetChars: 4096 };
const key = new SigningKey('k1');
let nowMs: number;
let verifier: TokenVerifier;

beforeEach(() => {
  nowMs = NOW_MS;
  verifier = new TokenVerifier({ nowMs: () => nowMs, audience: 'oca-1', maxTokens: 100, maxAtOnce: 4 });
  verifier.useKeys([key.tokenKey]);
});

/** What a request with the token comes to: 'open', or why not. */
async function ask(token: string, path = '/v720/seg_0042.m4s', base = '/vod/t123'): Promise<'open' | TokenRefusal> {
  const rawTarget = `${base};URISigningPackage=${token}${path}`;
  const check = (): TargetVerdict =>
    checkTarget({ rawTarget, host: 'oca-1.example', nowMs }, LIMITS, (text) => verifier.known(text));
  let verdict = check();
  if (verdict.kind === 'unverified') {
    const found = await verifier.verify(verdict.token, 'url');
    if (typeof found === 'string') return found;
    verdict = check();
  }
  if (verdict.kind === 'open') return 'open';
  if (verdict.kind !== 'closed') throw new Error(verdict.kind);
  return verdict.reason;
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const CLAIMS = { exp: NOW_SEC + 60, cdniuc: 'regex:[^:]*://[^/]*/vod/t123/.*' };

describe('TOK-1: exp and nbf count without leeway', () => {
  it('takes a token until the very second that it ends', async () => {
    const token = key.token({ exp: NOW_SEC + 10 });
    expect(await ask(token)).toBe('open');
    nowMs = NOW_MS + 9999;
    expect(await ask(token)).toBe('open');
    nowMs = NOW_MS + 10_000;
    expect(await ask(token)).toBe('expired');
  });

  it('refuses an end that is now or before from the first', async () => {
    expect(await ask(key.token({ exp: NOW_SEC }))).toBe('expired');
    expect(await ask(key.token({ exp: NOW_SEC - 1 }))).toBe('expired');
  });

  it('refuses a token before it begins and takes it from then on', async () => {
    const token = key.token({ nbf: NOW_SEC + 5 });
    expect(await ask(token)).toBe('not-yet');
    nowMs = NOW_MS + 5000;
    expect(await ask(token)).toBe('open');
  });

  it.each([undefined, null, '1900000000', Number.NaN])('refuses exp %s', async (exp) => {
    expect(await ask(key.token({ exp }))).toBe('claims');
  });
});

describe('TOK-2: what is not understood is refused', () => {
  it.each([
    [{ cdniv: 2 }],
    [{ cdniv: '1' }],
    [{ cdnicrit: 'private', private: 1 }],
    [{ cdnicrit: '' }],
    [{ iss: 'somebody' }],
    [{ aud: 'another appliance' }],
    [{ aud: [] }],
    [{ sub: 'viewer' }],
    [{ cdniip: 'x' }],
    [{ cdnistt: 1, cdniets: 30 }],
    [{ cdniuc: undefined }],
    [{ cdniuc: 'regex:.*' }],
    [{ cdniuc: 'regex:(a+)+$' }],
    [{ cdniuc: 'regex:[^:]*://[^/]*/.*' }],
    [{ cdniuc: 'regex:[^:]*://[^/]*/vod/(a|b)/.*' }],
    [{ cdniuc: 'prefix:/vod/' }],
    [{ nbf: 'now' }],
  ])('refuses the claims %j', async (changes) => {
    expect(await ask(key.token(changes))).toBe('claims');
  });

  it('takes version 1, itself as audience, and claims that are not critical', async () => {
    expect(await ask(key.token({ cdniv: 1, aud: ['other', 'oca-1'], iat: NOW_SEC, news: true, cdnistt: 0 }))).toBe(
      'open',
    );
    expect(await ask(key.token({ iss: undefined }))).toBe('open');
  });

  it('refuses a key that it does not know, and one whose time is over', async () => {
    expect(await ask(key.token({}, 'JWT', 'k2'))).toBe('unknown-key');
    expect(await ask(new SigningKey('k1').token())).toBe('signature');
    nowMs = key.tokenKey.notAfterMs;
    expect(await ask(key.token({ exp: nowMs / 1000 + 60 }))).toBe('unknown-key');
  });

  it('refuses what it remembers as good from the moment that the time of its key is over', async () => {
    const exp = key.tokenKey.notAfterMs / 1000 + 60;
    const [token, grant] = [key.token({ exp }), key.sign(GRANT_TYPE, { iss: 'steering', exp })];
    expect(await ask(token)).toBe('open');
    expect(verifier.verifyNow(grant, 'grant')).toMatchObject({ use: 'grant' });
    nowMs = key.tokenKey.notAfterMs;
    expect(await ask(token)).toBe('unknown-key');
    expect(await verifier.verify(token, 'url')).toBe('unknown-key');
    expect(verifier.verifyNow(grant, 'grant')).toBe('unknown-key');
  });

  it('refuses no algorithm, and a MAC made with the public key as its secret', async () => {
    for (const alg of ['none', 'HS256', 'HS512', 'ES256', 'Ed448', 'eddsa']) {
      const input = `${base64url({ alg, kid: 'k1' })}.${base64url(CLAIMS)}`;
      const secrets = [key.tokenKey.publicKey, Buffer.from(key.tokenKey.publicKey, 'base64')];
      for (const secret of secrets) {
        const mac = createHmac('sha512', secret).update(input).digest('base64url');
        expect(await ask(`${input}.${mac}`)).toBe('malformed');
      }
      expect(await ask(`${input}.`)).toBe('malformed');
      expect(await ask(`${input}.${'A'.repeat(86)}`)).toBe('malformed');
    }
    const hs = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'HS512', kid: 'k1' })
      .sign(Buffer.from(key.tokenKey.publicKey, 'base64'));
    expect(await ask(hs)).toBe('malformed');
  });

  it('refuses critical header members and a body that is not encoded', async () => {
    for (const more of [{ crit: ['b64'], b64: false }, { b64: false }, { crit: [] }, { kid: 7 }, { kid: undefined }]) {
      const input = `${base64url({ alg: 'EdDSA', kid: 'k1', ...more })}.${base64url(CLAIMS)}`;
      expect(await ask(`${input}.${'A'.repeat(86)}`)).toBe('malformed');
    }
  });

  it('keeps grants and URL tokens apart', async () => {
    const grant = key.sign(GRANT_TYPE, { iss: 'steering', exp: NOW_SEC + 60 });
    expect(await ask(grant)).toBe('claims');
    expect(await verifier.verify(grant, 'grant')).toMatchObject({ use: 'grant' });
    expect(await verifier.verify(key.token(), 'grant')).toBe('claims');
    // Known by now, and still of no use in a URL.
    expect(await ask(grant)).toBe('claims');
  });
});

describe('TOK-4: what a stranger wrote is read after the signature', () => {
  it('looks at no claim of a token that does not verify', async () => {
    const [header, , signature] = key.token().split('.');
    const forged = `${header}.${base64url({ ...CLAIMS, cdniuc: `regex:${'(a+)+'.repeat(150)}$` })}.${signature}`;
    expect(await ask(forged)).toBe('signature');
  });

  it('refuses what is longer than any token of ours unread', async () => {
    expect(await ask(key.token({ news: 'x'.repeat(2000) }))).toBe('malformed');
  });
});

describe('TOK-5: one-time tokens', () => {
  it('refuses a jti, since nothing here remembers what was used', async () => {
    expect(await ask(key.token({ jti: 'a' }))).toBe('claims');
  });
});

describe('TOK-7: several keys count at once, and one can be taken away', () => {
  it('takes tokens of both keys, and none of the one that is gone, at once', async () => {
    const second = new SigningKey('k2');
    verifier.useKeys([key.tokenKey, second.tokenKey]);
    const [old, young] = [key.token(), second.token()];
    expect([await ask(old), await ask(young)]).toEqual(['open', 'open']);
    verifier.useKeys([second.tokenKey]);
    expect([await ask(old), await ask(young)]).toEqual(['unknown-key', 'open']);
  });

  it('takes no token of a key that was replaced under its own name while it was checked', async () => {
    const checking = verifier.verify(key.token(), 'url');
    verifier.useKeys([new SigningKey('k1').tokenKey]);
    expect(await checking).toBe('unknown-key');
    expect(verifier.remembered).toEqual({ good: 0, refused: 0 });
  });
});

describe('TOK-8: a flood of bad tokens', () => {
  it('pushes out no good one, and is remembered in bounds', async () => {
    const good = key.token();
    expect(await ask(good)).toBe('open');
    const [header, claims] = good.split('.');
    for (let count = 0; count < 200; count += 1) {
      const forged = `${header}.${claims}.${Buffer.alloc(64, count).toString('base64url')}`;
      expect(await ask(forged)).toBe('signature');
    }
    expect(verifier.remembered).toMatchObject({ good: 1 });
    expect(verifier.known(good)).toMatchObject({ use: 'url' });
  });

  it('checks so many signatures at a time and tells the others to come back, but not those who are known', async () => {
    const good = key.token();
    await ask(good);
    const answers = Array.from({ length: 20 }, (_, at) => ask(key.token({ news: at })));
    expect(await ask(good)).toBe('open');
    const outcomes = await Promise.all(answers);
    expect(outcomes.filter((outcome) => outcome === 'open')).toHaveLength(4);
    expect(outcomes.filter((outcome) => outcome === 'busy')).toHaveLength(16);
  });

  it('verifies a token that many send at once one time', async () => {
    const token = key.token();
    expect(await Promise.all(Array.from({ length: 50 }, () => ask(token)))).toEqual(Array(50).fill('open'));
  });
});

it('takes the token of RFC 9246 form hash: for its URI alone, with or without a player report', async () => {
  const digest = hashOfUri('https', { host: 'oca-1.example', cacheKey: '/vod/t123/a.mp4' });
  const token = key.token({ cdniuc: `hash:sha-256;${digest}` });
  expect(await ask(token, '/a.mp4')).toBe('open');
  expect(await ask(token, '/a.mp4?CMCD=br%3D1')).toBe('open');
  expect(await ask(token, '/b.mp4')).toBe('scope');
  expect(hashOfUri('http', { host: 'cdni.example', cacheKey: '/foo/bar' })).toBe(
    '2tderfWPa86Ku7YnzW51YUp7dGUjBS_3SW3ELx4hmWY',
  );
});

it('signs what other implementations read', async () => {
  const { jwtVerify, importJWK } = await import('jose');
  const x = Buffer.from(key.tokenKey.publicKey, 'base64').toString('base64url');
  const jwk = await importJWK({ kty: 'OKP', crv: 'Ed25519', x }, 'EdDSA');
  const { payload, protectedHeader } = await jwtVerify(key.token(), jwk, { currentDate: new Date(NOW_MS) });
  expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: 'k1' });
  expect(payload).toMatchObject({ iss: 'steering', cdniuc: 'regex:[^:]*://[^/]*/vod/t123/.*' });
});
