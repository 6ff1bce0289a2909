import { join } from 'node:path';
import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import { ContractError } from '../../src/contracts/contract.ts';
import { parseSiteSnapshot, type SiteSnapshot } from '../../src/contracts/site-snapshot.ts';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { documentVerifies } from '../../src/signing/signed-document.ts';
import { readStateFile, writeStateFile } from '../../src/state/state-file.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';

export interface SiteSnapshotsOptions {
  readonly siteId: string;
  readonly stateDir: string;
  readonly steering: EnrolledService;
  readonly pollMs: number;
  readonly world: World;
  readonly logger: Logger;
}

/**
 * The snapshot of our site, asked of steering again and again and kept for when it is away. It says where players are
 * sent, so only steering's own word is taken: for our site, with the pinned key's signature, not past its end. The
 * signature is checked again at a start, since the disk is not steering. What is refused changes nothing.
 */
export class SiteSnapshots implements Service {
  readonly #options: SiteSnapshotsOptions;
  readonly #file: string;
  readonly #log: FailureLog;
  readonly #task: PeriodicTask;
  #held: SiteSnapshot | undefined;
  #etag: string | undefined;

  constructor(options: SiteSnapshotsOptions) {
    this.#options = options;
    this.#file = join(options.stateDir, 'site-snapshot.json');
    this.#log = new FailureLog(options.logger, 'get the snapshot of the site from steering');
    this.#task = new PeriodicTask(options.world, options.pollMs, (signal) => this.#poll(signal));
  }

  /** The snapshot in force; undefined when there is none, or its time is over. */
  current(): SiteSnapshot | undefined {
    const held = this.#held;
    return held !== undefined && this.#options.world.clock.nowMs() < held.notAfterMs ? held : undefined;
  }

  /** Steering's part must have started: its key is what the kept one is checked with. */
  start(): Promise<void> {
    try {
      const document = readStateFile(this.#file);
      if (document !== undefined) this.#held = this.#judge(document);
    } catch (error) {
      if (!isOperational(error) && !(error instanceof ContractError)) throw error;
      this.#options.logger.warn({ error }, 'the kept snapshot of the site is not used: steering gives a new one');
    }
    return this.#task.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#task.stop(deadlineMs);
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { steering, siteId } = this.#options;
    await steering.usable(signal);
    try {
      const answer = await steering.get(`/v1/site-snapshot/${siteId}`, this.#etag, signal);
      if (answer.kind === 'body') {
        this.#held = this.#judge(answer.body);
        this.#etag = answer.etag;
        writeStateFile(this.#file, answer.body, { durable: false });
      }
      this.#log.worked();
    } catch (error) {
      if (signal.aborted) return;
      if (!isOperational(error) && !(error instanceof ContractError)) throw error;
      this.#log.failed(error);
    }
  }

  /** @throws ContractError, OperationalError SERVICE_PROTOCOL */
  #judge(document: unknown): SiteSnapshot {
    const { steering, siteId } = this.#options;
    const snapshot = parseSiteSnapshot(document);
    const { publicKey } = steering;
    if (publicKey !== undefined && !documentVerifies(document, publicKey)) {
      throw new OperationalError('SERVICE_PROTOCOL', "the snapshot does not carry steering's signature");
    }
    if (snapshot.siteId !== siteId) {
      throw new OperationalError('SERVICE_PROTOCOL', `the snapshot is of site ${snapshot.siteId}`);
    }
    return snapshot;
  }
}
