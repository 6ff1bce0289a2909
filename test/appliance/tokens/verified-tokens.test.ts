import { expect, test } from 'vitest';
import type { VerifiedToken } from '../../../appliance/tokens/verified-token.ts';
import { VerifiedTokens } from '../../../appliance/tokens/verified-tokens.ts';
import { TokenVerifier } from '../../../src/tokens/token-verifier.ts';
import { NOW_MS, SigningKey } from '../../src/tokens/signing-key.ts';
import { FakeClock } from '../../support/fake-world.ts';

const TOKEN: VerifiedToken = {
  token: 'h.p.s',
  facts: { use: 'url', keyId: 'k', expiresAtSec: 10, notBeforeSec: 0, scope: { kind: 'folder', path: '/a/' } },
  keyNotAfterMs: 100,
};

function listening(): { clock: FakeClock; tokens: VerifiedTokens; heard: string[] } {
  const clock = new FakeClock(NOW_MS);
  const tokens = new VerifiedTokens(clock);
  const heard: string[] = [];
  tokens.listen({ onVerified: ({ token }) => heard.push(token), onForget: () => heard.push('forget') });
  return { clock, tokens, heard };
}

test('a token is told once a second at most, and again when somebody may have forgotten it', async () => {
  const { clock, tokens, heard } = listening();
  tokens.opened(TOKEN);
  tokens.opened(TOKEN);
  expect(heard).toEqual(['h.p.s']);
  await clock.advance(1000);
  tokens.opened(TOKEN);
  expect(heard).toEqual(['h.p.s', 'h.p.s']);
});

test('what is to be forgotten is told before anything that is verified after it', () => {
  const { tokens, heard } = listening();
  tokens.opened(TOKEN);
  tokens.forget();
  tokens.opened(TOKEN);
  expect(heard).toEqual(['h.p.s', 'forget', 'h.p.s']);
});

test('with nobody to tell nothing is remembered', () => {
  const { tokens, heard } = listening();
  tokens.listen(undefined);
  tokens.opened(TOKEN);
  tokens.forget();
  expect(heard).toEqual([]);
});

test('tokens are to be forgotten when a key is taken back or ends sooner, and not with each heartbeat', () => {
  let forgotten = 0;
  const verifier = new TokenVerifier({
    nowMs: () => NOW_MS,
    audience: 'oca-1',
    onForget: () => {
      forgotten += 1;
    },
  });
  const { tokenKey: one } = new SigningKey('k1');
  const { tokenKey: two } = new SigningKey('k2');
  const after = (keys: readonly (typeof one)[]): number => {
    const before = forgotten;
    verifier.useKeys(keys);
    return forgotten - before;
  };
  expect(after([one, two])).toBe(1);
  expect(after([one, two])).toBe(0);
  expect(after([one, { ...two, notAfterMs: two.notAfterMs + 1000 }])).toBe(0);
  expect(after([one, { ...two, notAfterMs: NOW_MS + 5 }])).toBe(1);
  expect(after([one])).toBe(1);
});
