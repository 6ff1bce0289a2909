import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { CALENDAR, OPERATOR, type TriggerOwner } from './trigger-desk.ts';

/**
 * Who may send triggers on the listener for other CDNs: a JSON file of senders, each with the SHA-256 of his bearer
 * token and the prefixes that his content has. The file holds nothing that opens anything; `oca trigger token` makes a
 * token and the lines for it. It is read again when it changes; one that is broken then leaves the senders as they were.
 */
const sendersSchema = z
  .array(
    z.strictObject({
      name: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, 'must be 1 to 32 of a-z 0-9 . _ -')
        .refine((name) => name !== OPERATOR.name && name !== CALENDAR.name, 'is a name of our own'),
      tokenSha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits: oca trigger token NAME'),
      prefixes: z
        .array(
          z
            .string()
            .max(1024)
            .regex(/^\/[\x21-\x7e]*$/, 'must begin with /'),
        )
        .min(1)
        .max(100),
    }),
  )
  .max(1000);

const LOOK_EVERY_MS = 1000;

export class TriggerTokens {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #monotonicMs: () => number;
  #senders: ReadonlyMap<string, TriggerOwner>;
  #identity: string;
  #lookedAtMs = 0;

  /** @throws OperationalError CONFIG_INVALID when the file is not there or says something wrong */
  constructor(file: string, monotonicMs: () => number, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
    this.#monotonicMs = monotonicMs;
    this.#identity = identityOf(file);
    this.#senders = readSenders(file);
  }

  /** Whose token it is. Its hash is looked up, so that nothing can be learned from how long a comparison takes. */
  ownerOf(token: string): TriggerOwner | undefined {
    this.#follow();
    return this.#senders.get(createHash('sha256').update(token).digest('hex'));
  }

  #follow(): void {
    const nowMs = this.#monotonicMs();
    if (nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    const identity = identityOf(this.#file);
    if (identity === this.#identity) return;
    this.#identity = identity;
    try {
      this.#senders = readSenders(this.#file);
      this.#logger.info({ file: this.#file, senders: this.#senders.size }, 'read the senders of triggers again');
    } catch (error) {
      this.#logger.error(
        { error, file: this.#file },
        'cannot read the senders of triggers: going on with the old ones',
      );
    }
  }
}

function readSenders(file: string): Map<string, TriggerOwner> {
  try {
    const senders = parseContract('list of senders', sendersSchema, JSON.parse(readFileSync(file, 'utf8')));
    return new Map(senders.map(({ name, tokenSha256, prefixes }) => [tokenSha256, { name, prefixes }]));
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `--trigger-tokens ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function identityOf(file: string): string {
  try {
    const { ctimeMs, size, ino } = statSync(file);
    return `${ctimeMs} ${size} ${ino}`;
  } catch (error) {
    return messageOf(error);
  }
}
