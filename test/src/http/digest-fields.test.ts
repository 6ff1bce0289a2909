import { describe, expect, it } from 'vitest';
import { readDigest } from '../../../src/http/digest-fields.ts';

// RFC 9530 appendix B.1: {"hello": "world"} and a line feed.
const SHA_256 = 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:';
const SHA_512 = 'sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:';

describe('a digest field', () => {
  it('gives the digest to check by, sha-256 before sha-512', () => {
    expect(readDigest(SHA_256)).toMatchObject({ algorithm: 'sha-256' });
    expect(readDigest(SHA_512)).toMatchObject({ algorithm: 'sha-512' });
    expect(readDigest(`${SHA_512}, ${SHA_256}`)).toMatchObject({ algorithm: 'sha-256' });
    expect(Buffer.from(readDigest(SHA_256)?.bytes ?? []).toString('hex')).toMatch(/^44aff4ab/);
  });

  it.each([undefined, '', 'sha-256=RK', 'sha-256=:AAAA:', 'md5=:AAAA:', 'sha-256', 'sha-256=(', 'SHA-256=:AAAA:'])(
    '%s gives none',
    (field) => expect(readDigest(field)).toBeUndefined(),
  );
});
