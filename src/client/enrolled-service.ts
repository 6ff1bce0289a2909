import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ContractError, parseContract } from '../contracts/contract.ts';
import { publicKeySchema, type ServiceRole } from '../contracts/enrolment.ts';
import { isOperational, messageOf, OperationalError } from '../errors/operational-error.ts';
import type { Service } from '../lifecycle/service.ts';
import { Alarm } from '../resilience/alarm.ts';
import { backoffMs } from '../resilience/backoff.ts';
import type { Identity } from '../signing/identity.ts';
import { readStateFile, writeStateFile } from '../state/state-file.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { World } from '../world/world.ts';
import type { HttpClient } from './http-client.ts';
import { type ServiceAnswer, ServiceClient, type StreamedAnswer } from './service-client.ts';

/**
 * Another service, as one that has to be enrolled with it sees it. Ways of talking to it:
 * - signed: it knows our key and we hold its key, pinned in a state file at enrolment;
 * - enrolling: the operator gave a token that is not spent yet. Nothing is sent meanwhile, because who gives a token
 *   wants signatures; enrolment is tried again for as long as it takes;
 * - unsigned: neither a pin nor a token, and the operator allowed it. Calls carry no signature, which receivers let
 *   through on loopback only, and what the service signed cannot be checked.
 * - unenrolled: nothing of the three. No call is made, and a log line says what to do.
 *
 * The pin holds for one URL and one key of ours. A new token for a service that is pinned already enrols anew (the
 * service lost its state or was reinstalled) while the old pin goes on.
 */
export interface EnrolledServiceOptions {
  /** For log lines: `planner`, `steering`. */
  readonly name: string;
  readonly baseUrl: string;
  /** One-time token, or '' when there is none. */
  readonly token: string;
  readonly allowUnsigned: boolean;
  readonly role: ServiceRole;
  readonly identity: Identity;
  /** Where the pin is kept. */
  readonly stateFile: string;
  readonly http: HttpClient;
  readonly world: World;
  readonly logger: Logger;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

const pinSchema = z.object({
  version: z.literal(1),
  url: z.string(),
  ownKeyId: z.string(),
  id: z.string(),
  keyId: z.string(),
  publicKey: publicKeySchema,
  tokenSha256: z.string(),
});
type Pin = z.infer<typeof pinSchema>;

export type EnrolmentMode = 'signed' | 'enrolling' | 'unsigned' | 'unenrolled';

const RETRY = { firstMs: 1000, maxMs: 60_000 };

export class EnrolledService implements Service {
  readonly #options: EnrolledServiceOptions;
  readonly #signed: ServiceClient;
  readonly #unsigned: ServiceClient;
  readonly #ended = new AbortController();
  readonly #usable = Promise.withResolvers<void>();
  #enrolling: Promise<void> = Promise.resolve();
  #mode: EnrolmentMode = 'unenrolled';
  #pin: Pin | undefined;

  constructor(options: EnrolledServiceOptions) {
    this.#options = options;
    const { http, baseUrl, timeoutMs, maxAnswerBytes, identity } = options;
    const call = { http, baseUrl, timeoutMs, maxAnswerBytes, clock: options.world.clock };
    this.#signed = new ServiceClient({ ...call, identity });
    this.#unsigned = new ServiceClient(call);
  }

  /**
   * Reads the pin and, where a new token was given, begins to enrol in the background. Never waits for the service.
   * @throws OperationalError STATE_CORRUPT, VOLUME_IO
   */
  start(): Promise<void> {
    const { logger, name, baseUrl, token, allowUnsigned } = this.#options;
    this.#pin = this.#readPin();
    if (this.#pin !== undefined) this.#use('signed');
    const where = { with: name, url: baseUrl };
    const mint = "mint a token with 'oca enrol' and start with it";
    if (token !== '' && this.#pin?.tokenSha256 !== hashOf(token)) {
      if (this.#pin === undefined) this.#mode = 'enrolling';
      this.#enrolling = this.#enrolUntilDone(this.#ended.signal);
    } else if (this.#pin === undefined && allowUnsigned) {
      this.#use('unsigned');
      logger.warn(where, `not enrolled with ${name}: calls are unsigned, which it takes from loopback only; ${mint}`);
    } else if (this.#pin === undefined) {
      logger.error(where, `not enrolled with ${name}: it is not called at all; ${mint}`);
    }
    return Promise.resolve();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#ended.abort(new Error('stopped'));
    await Promise.race([this.#enrolling, this.#options.world.clock.delay(deadlineMs)]);
  }

  get mode(): EnrolmentMode {
    return this.#mode;
  }

  /** Whether calls can be made: enrolled, or unsigned by permission. */
  get isUsable(): boolean {
    return this.#mode === 'signed' || this.#mode === 'unsigned';
  }

  /** The service's own key, to check what it signed; undefined when nothing is pinned. */
  get publicKey(): string | undefined {
    return this.#pin?.publicKey;
  }

  /** Resolves when calls can be made; rejects with the signal's reason. */
  async usable(signal: AbortSignal): Promise<void> {
    if (this.isUsable) return;
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      await Promise.race([this.#usable.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** @throws OperationalError SERVICE_*; an aborted signal's reason */
  async get(target: string, etag?: string, signal?: AbortSignal): Promise<ServiceAnswer> {
    return this.#client().get(target, etag, signal);
  }

  /** As `get`, with the body as it comes. @throws OperationalError SERVICE_*; an aborted signal's reason */
  async getStreamed(target: string, etag?: string, signal?: AbortSignal): Promise<StreamedAnswer> {
    return this.#client().getStreamed(target, etag, signal);
  }

  /** @throws OperationalError SERVICE_*; an aborted signal's reason */
  async post(target: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    return this.#client().post(target, body, signal);
  }

  #client(): ServiceClient {
    if (this.#mode === 'signed') return this.#signed;
    if (this.#mode === 'unsigned') return this.#unsigned;
    throw new OperationalError('SERVICE_UNREACHABLE', `${this.#options.name}: not enrolled`);
  }

  #use(mode: 'signed' | 'unsigned'): void {
    this.#mode = mode;
    this.#usable.resolve();
  }

  #readPin(): Pin | undefined {
    const { stateFile, baseUrl, identity, logger, name } = this.#options;
    const document = readStateFile(stateFile);
    if (document === undefined) return undefined;
    let pin: Pin;
    try {
      pin = parseContract('enrolment state', pinSchema, document);
    } catch (error) {
      throw new OperationalError('STATE_CORRUPT', `${stateFile}: ${messageOf(error)}`, { cause: error });
    }
    if (pin.url === baseUrl && pin.ownKeyId === identity.keyId) return pin;
    logger.warn({ with: name, pinnedUrl: pin.url, url: baseUrl }, 'the enrolment is for another URL or key: ignored');
    return undefined;
  }

  async #enrolUntilDone(signal: AbortSignal): Promise<void> {
    const { name, logger, world } = this.#options;
    const alarm = new Alarm(world.clock);
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.#enrol(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!isOperational(error) && !(error instanceof ContractError)) throw error;
        if (failures === 1) logger.warn({ with: name, error }, `cannot enrol with ${name} yet: trying again`);
      }
      await alarm.wait(backoffMs(failures, RETRY, world.random.next()), signal);
    }
  }

  async #enrol(signal: AbortSignal): Promise<void> {
    const { name, role, token, stateFile, baseUrl, identity, logger } = this.#options;
    const { id, keyId, publicKey } = await this.#signed.enrol(role, token, signal);
    const ownKeyId = identity.keyId;
    const pin: Pin = { version: 1, url: baseUrl, ownKeyId, id, keyId, publicKey, tokenSha256: hashOf(token) };
    writeStateFile(stateFile, pin, { durable: true });
    this.#pin = pin;
    this.#use('signed');
    logger.info({ with: name, url: baseUrl, keyId }, `enrolled with ${name}`);
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
