import { z } from 'zod';
import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { parseContract } from '../../src/contracts/contract.ts';
import { filePathSchema, titleIdSchema } from '../../src/contracts/ids.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { packIntoPath } from '../../src/tokens/token-package.ts';
import type { Clock } from '../../src/world/world.ts';
import type { TokenKeyRing } from './key-ring.ts';
import type { TokenMint } from './token-mint.ts';
import { folderOf } from './url-signature.ts';

const revocationSchema = z.object({ keyId: z.string().min(1).max(64) });
const mintSchema = z.object({
  /** One of both says what the token opens. */
  title: titleIdSchema.optional(),
  folder: filePathSchema.refine((path) => !path.endsWith('/'), 'must not end with a slash').optional(),
  ttlSec: z.number().int().positive(),
});

export interface TokenAdmin {
  readonly ring: TokenKeyRing;
  readonly mint: TokenMint;
  readonly clock: Clock;
  readonly findTitle: (titleId: string) => CatalogueTitle | undefined;
}

/** For operators, on the admin listener (`oca token`): the keys of signed URLs, and tokens by hand. */
export function addTokenRoutes(adminServer: JsonServer, { ring, mint, clock, findTitle }: TokenAdmin): void {
  adminServer.get('/v1/token-keys', () => ({ keys: ring.describe() }));

  adminServer.post('/v1/token-keys/rotate', (_request, reply) =>
    ring.rotate()
      ? { keys: ring.describe() }
      : sendProblem(reply, 409, 'TOO_MANY_KEYS', 'too many keys still have tokens in use: revoke one, or wait'),
  );

  adminServer.post('/v1/token-keys/revoke', (request, reply) => {
    const { keyId } = parseContract('revocation', revocationSchema, request.body);
    if (!ring.revoke(keyId)) return sendProblem(reply, 404, 'UNKNOWN_KEY', `no key '${keyId}'`);
    return { keys: ring.describe() };
  });

  adminServer.post('/v1/tokens', (request, reply) => {
    const { title, folder: given, ttlSec } = parseContract('token request', mintSchema, request.body);
    if ((title === undefined) === (given === undefined))
      return sendProblem(reply, 400, 'QUESTION', 'say what the token opens: a title or a folder');
    if (ttlSec > mint.maxTokenSec)
      return sendProblem(reply, 400, 'TOO_LONG', `no token lasts longer than ${mint.maxTokenSec} s (maxTokenSec)`);
    const found = title === undefined ? undefined : findTitle(title);
    const folder = given ?? (found && folderOf(found));
    if (folder === undefined)
      return sendProblem(reply, 404, 'NO_FOLDER', `no title '${title}' with a folder of its own in the catalogue`);
    try {
      const { token, expiresAtSec } = mint.mint(folder, Math.floor(clock.nowMs() / 1000) + ttlSec);
      return { token, expiresAtSec, opens: `${folder}/`, prefix: packIntoPath(`${folder}/`, folder, token) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return sendProblem(reply, 400, 'FOLDER', error.message);
    }
  });
}
