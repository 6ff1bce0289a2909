import { join } from 'node:path';
import { z } from 'zod';
import { ContractError, parseContract } from '../../src/contracts/contract.ts';
import type { HeartbeatAnswer } from '../../src/contracts/heartbeat.ts';
import { tokenKeysSchema } from '../../src/contracts/token-keys.ts';
import { type UrlGrant, urlGrantSchema } from '../../src/contracts/url-grant.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import { readStateFile, writeStateFile } from '../../src/state/state-file.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { TokenVerifier } from '../../src/tokens/token-verifier.ts';
import type { Clock } from '../../src/world/world.ts';

export interface HeldKeysOptions {
  readonly stateDir: string;
  readonly verifier: TokenVerifier;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const fileSchema = z.object({ version: z.literal(1), keys: tokenKeysSchema, grant: urlGrantSchema.optional() });

/** Tokens end at a time of day without leeway, so this is already a lot. */
const MAX_SKEW_MS = 2000;

/**
 * The keys that signed URLs are checked with and the grant to fill with, as steering last told them. They are kept on
 * disk: with steering away, and after a restart, what was signed goes on to count until it ends. A file that is damaged
 * is as none, because the next heartbeat brings it again.
 *
 * A clock that is wrong shows in nothing but viewers who are refused, or served too long. So each answer's time is
 * compared with ours, and a difference that the way there and back cannot explain is said once, and once when it is over.
 */
export class HeldKeys {
  readonly #options: HeldKeysOptions;
  readonly #file: string;
  #kept = '';
  #grant: UrlGrant | undefined;
  #skewMs = 0;

  constructor(options: HeldKeysOptions) {
    this.#options = options;
    this.#file = join(options.stateDir, 'token-keys.json');
    options.metrics.gauge(
      'token_keys',
      'Keys that signed URLs are checked with. 0 with --tokens require: nobody is served; does steering sign, and answer heartbeats?',
      [],
      (gauge) => gauge.set(options.verifier.keyCount),
    );
    options.metrics.gauge(
      'steering_clock_skew_seconds',
      "How far this machine's clock is before (positive) or behind steering's, beyond what the way there explains. Not 0: repair NTP, signed URLs end at a time of day.",
      [],
      (gauge) => gauge.set(this.#skewMs / 1000),
    );
  }

  /** Takes up what was kept. Never throws: without it the next heartbeat brings the keys. */
  load(): void {
    const { verifier, logger } = this.#options;
    try {
      const document = readStateFile(this.#file);
      if (document === undefined) return;
      const { keys, grant } = parseContract('kept token keys', fileSchema, document);
      verifier.useKeys(keys);
      this.#grant = grant;
      this.#kept = JSON.stringify({ version: 1, keys, grant });
    } catch (error) {
      if (!isOperational(error) && !(error instanceof ContractError)) throw error;
      logger.warn({ error }, 'the kept keys of signed URLs cannot be read: the next heartbeat brings them');
    }
  }

  /** What steering has told. @param sentAtMs when it was asked, on our clock */
  take({ tokenKeys, grant, answeredAtMs }: HeartbeatAnswer, sentAtMs: number): void {
    this.#options.verifier.useKeys(tokenKeys);
    this.#grant = grant;
    this.#keep(JSON.stringify({ version: 1, keys: tokenKeys, grant }));
    if (answeredAtMs !== undefined) this.#compareClocks(sentAtMs, answeredAtMs, this.#options.clock.nowMs());
  }

  /** What peers and the tier are asked with; undefined where steering gave none, or its time is over. */
  grant(): string | undefined {
    if (this.#grant === undefined || this.#options.clock.nowMs() >= this.#grant.notAfterMs) return undefined;
    return this.#grant.token;
  }

  #keep(text: string): void {
    if (text === this.#kept) return;
    try {
      writeStateFile(this.#file, JSON.parse(text), { durable: false });
      this.#kept = text;
    } catch (error) {
      if (!isOperational(error)) throw error;
      // Tried again with each heartbeat; who looks after the disk is told by others.
      this.#options.logger.debug({ error }, 'the keys of signed URLs cannot be kept for a restart');
    }
  }

  /** Steering's time lies between our asking and our hearing, if both clocks are right. */
  #compareClocks(sentAtMs: number, answeredAtMs: number, heardAtMs: number): void {
    const behindMs = answeredAtMs - heardAtMs;
    const aheadMs = sentAtMs - answeredAtMs;
    const skewMs = behindMs > MAX_SKEW_MS ? -behindMs : aheadMs > MAX_SKEW_MS ? aheadMs : 0;
    const { logger } = this.#options;
    if (skewMs !== 0 && this.#skewMs === 0) {
      const which = skewMs > 0 ? 'ahead of' : 'behind';
      logger.error(
        { skewMs },
        `the clock of this machine is ${Math.abs(skewMs / 1000).toFixed(1)} s ${which} steering's: signed URLs end and begin at the wrong time; check NTP on both`,
      );
    }
    if (skewMs === 0 && this.#skewMs !== 0) logger.info({}, "the clocks of this machine and steering's agree again");
    this.#skewMs = skewMs;
  }
}
