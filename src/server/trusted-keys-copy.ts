import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { publicKeySchema, serviceRoleSchema } from '../contracts/enrolment.ts';
import { applianceIdSchema, epochMsSchema } from '../contracts/ids.ts';
import { readStateFile, writeStateFile } from '../state/state-file.ts';

/**
 * All registered keys once more, in a file of its own beside their database. Without them every appliance would have to
 * be enrolled again by hand, and until then nobody is heard: too much to lose by one bad block.
 */
const rowSchema = z.object({
  keyId: z.string().max(200),
  id: applianceIdSchema,
  role: serviceRoleSchema,
  publicKey: publicKeySchema,
  tokenSha256: z.string().max(64),
  enrolledAtMs: epochMsSchema,
});
export type TrustedRow = z.infer<typeof rowSchema>;

const copySchema = z.object({ version: z.literal(1), keys: z.array(rowSchema).max(100_000) });

const copyOf = (file: string): string => `${file}.copy.json`;

/** @param file of the database @throws OperationalError VOLUME_FULL, VOLUME_IO */
export function writeCopy(file: string, keys: readonly TrustedRow[]): void {
  writeStateFile(copyOf(file), { version: 1, keys }, { durable: true });
}

/** @throws OperationalError STATE_CORRUPT, VOLUME_IO; ContractError */
export function readCopy(file: string): TrustedRow[] {
  const document = readStateFile(copyOf(file));
  return document === undefined ? [] : parseContract('copy of the trusted keys', copySchema, document).keys;
}
