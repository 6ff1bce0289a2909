import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { tokenKeySchema } from '../contracts/token-keys.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { readClaims, readHeader } from '../tokens/jwt.ts';
import { unpackTarget } from '../tokens/token-package.ts';
import { TokenVerifier } from '../tokens/token-verifier.ts';
import { systemWorld } from '../world/world.ts';
import { withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';
import { askSteering, steeringAdminOption } from './steering-admin.ts';
import { formatTable } from './table.ts';

const keysSchema = z.object({
  keys: z.array(tokenKeySchema.extend({ role: z.string(), madeAtMs: z.number() })),
});
const mintedSchema = z.object({ token: z.string(), expiresAtSec: z.number(), opens: z.string(), prefix: z.string() });

const MAX_TARGET_CHARS = 16_384;

const HELP = `
  oca token keys                                    the keys, who signs now and until when the others count
  oca token rotate                                  sign with the next key; nobody is cut
  oca token revoke u-3f2a...                        what this key signed ends with the next heartbeats
  oca token mint --title big-buck-bunny --hours 2   a token by hand, and the beginning of the URLs that it opens
  oca token inspect 'http://.../vod/t1;URISigningPackage=eyJ...'

Steering signs where it runs with --sign-urls; appliances ask for tokens where they run with --tokens require.`;

interface Options {
  readonly steeringAdmin: string;
}

export function tokenCommand(): Command {
  const command = new Command('token')
    .description('Show, rotate and revoke the keys of signed URLs; mint and inspect tokens.')
    .addHelpText('after', HELP);
  command
    .command('keys')
    .description('List the keys.')
    .addOption(steeringAdminOption())
    .action(async ({ steeringAdmin }: Options) => showKeys(await askSteering(steeringAdmin, '/v1/token-keys')));
  command
    .command('rotate')
    .description('Sign with the next key from now on.')
    .addOption(steeringAdminOption())
    .action(async ({ steeringAdmin }: Options) =>
      showKeys(await withAdmin(steeringAdmin, (admin) => admin.post('/v1/token-keys/rotate', {}))),
    );
  command
    .command('revoke')
    .argument('<KEY>', 'id of the key, as `oca token keys` lists it')
    .description('Forget a key: what it signed is refused from the next heartbeats on.')
    .addOption(steeringAdminOption())
    .action(async (keyId: string, { steeringAdmin }: Options) =>
      showKeys(await withAdmin(steeringAdmin, (admin) => admin.post('/v1/token-keys/revoke', { keyId }))),
    );
  command
    .command('mint')
    .description('Make a token for a title or a folder.')
    .option('--title <ID>', 'opens the folder of the title')
    .option('--folder <PATH>', 'opens everything below this path, for example /vod/trailers')
    .option('--hours <N>', 'how long it lasts', '1')
    .addOption(steeringAdminOption())
    .action(mint);
  command
    .command('inspect')
    .argument('<TOKEN_OR_URL>', 'a token, or a URL with one')
    .description('Say what a token opens, until when, and whether it counts now.')
    .addOption(steeringAdminOption())
    .action(inspect);
  return command;
}

function showKeys(answer: unknown): void {
  const { keys } = parseContract('keys of signed URLs', keysSchema, answer);
  const rows = keys.map(({ keyId, role, madeAtMs, notAfterMs }) => [keyId, role, dateOf(madeAtMs), dateOf(notAfterMs)]);
  process.stdout.write(`${formatTable(['KEY', 'ROLE', 'MADE', 'COUNTS UNTIL'], rows)}\n`);
}

async function mint({
  title,
  folder,
  hours,
  steeringAdmin,
}: Options & { readonly title?: string; readonly folder?: string; readonly hours: string }): Promise<void> {
  const ttlSec = Math.round(Number(hours) * 3600);
  if (!(ttlSec > 0)) throw new OperationalError('CONFIG_INVALID', `--hours must be a positive number, not '${hours}'`);
  const answer = await withAdmin(steeringAdmin, (admin) => admin.post('/v1/tokens', { title, folder, ttlSec }));
  const { token, expiresAtSec, opens, prefix } = parseContract('minted token', mintedSchema, answer);
  process.stdout.write(
    `token    ${token}\nopens    ${opens}\nuntil    ${dateOf(expiresAtSec * 1000)}\nURLs     http://APPLIANCE${prefix}...\n`,
  );
}

async function inspect(text: string, { steeringAdmin }: Options): Promise<void> {
  const token = tokenIn(text);
  const claims = readClaims(token);
  const read = readHeader(token);
  if (claims === undefined || read === undefined) throw new OperationalError('CONFIG_INVALID', 'that is no token');
  const { keys } = parseContract('keys of signed URLs', keysSchema, await askSteering(steeringAdmin, '/v1/token-keys'));
  const verifier = new TokenVerifier({ nowMs: () => systemWorld.clock.nowMs(), audience: '' });
  verifier.useKeys(keys);
  const found = await verifier.verify(token, 'url');
  const lines = [
    ['key', read.keyId],
    ...Object.entries(claims).map(([name, value]) => [
      name,
      typeof value === 'number' && (name === 'exp' || name === 'nbf' || name === 'iat')
        ? dateOf(value * 1000)
        : JSON.stringify(value),
    ]),
    ['counts', typeof found === 'string' ? `no: ${found}` : 'yes'],
  ];
  process.stdout.write(`${lines.map(([name = '', value = '']) => `${name.padEnd(8)} ${value}`).join('\n')}\n`);
}

/** The token itself, or the one in a URL or path. */
function tokenIn(text: string): string {
  if (!text.includes('/')) return text;
  const unpacked = unpackTarget(text, { maxTargetChars: MAX_TARGET_CHARS });
  return unpacked.kind === 'ok' ? (unpacked.token ?? '') : '';
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}
