import type { ServerResponse } from 'node:http';
import type { HttpClient } from '../../src/client/http-client.ts';
import { cmsdDynamic } from '../../src/http/cmsd.ts';
import { crossOriginHeaders } from '../../src/http/cors.ts';
import type { World } from '../../src/world/world.ts';
import type { ApplianceConfig } from '../config.ts';
import type { LocalSteering } from '../local-steering/local-steering.ts';
import type { Passage } from '../purge/purge-barrier.ts';
import type { PurgeTarget } from '../purge/purge-rule.ts';
import type { RunningAnswer } from '../purge/running-answers.ts';
import type { TokenGate } from '../tokens/token-gate.ts';
import { isFull, type Load } from './admit.ts';
import { cutAnswer } from './cut-answer.ts';
import type { DeliveryRecord, RecordContext } from './delivery-record.ts';
import type { Finder } from './find-object.ts';
import { type Head, type SendOptions, sendWhole } from './send-answer.ts';

export interface DeliveryContext extends RecordContext {
  readonly config: ApplianceConfig;
  readonly world: World;
  readonly finder: Finder;
  /** Whether clients are asked to connect elsewhere next time. */
  readonly isDraining: () => boolean;
  readonly forwarding: Forwarding;
  readonly tokenGate: TokenGate;
  /** Answers content steering while steering is away; undefined where it is not wanted. */
  readonly localSteering?: LocalSteering | undefined;
  /** What this appliance holds, for others: JSON, or 'busy'; undefined without a plan. */
  readonly inventory?: (address: string) => Buffer | 'busy' | undefined;
}

/** What methods that change something need. */
export interface Forwarding {
  readonly methods: ReadonlySet<string>;
  readonly http: HttpClient;
  /** Forgets what is held under a key. Never rejects: what could come back with a restart is logged. */
  readonly invalidate: (key: string) => Promise<void>;
}

/** One request with what it needs on its way. */
export interface Exchange {
  readonly response: ServerResponse;
  readonly context: DeliveryContext;
  readonly record: DeliveryRecord;
  /** Aborts when the client has left. */
  readonly left: AbortSignal;
}

/** What is carried beside the request that asks. */
export const loadBeside = ({ load, config }: DeliveryContext): Load => ({
  activeRequests: load.activeRequests - 1,
  maxActiveRequests: config.maxActiveRequests,
  egressBitsPerSec: load.egressBitsPerSec(),
  hardEgressBitsPerSec: config.hardEgressBitsPerSec,
});

/**
 * CMSD-Dynamic of an answer that goes out now; undefined where it is switched off.
 * @param upstream the field as it came with this very answer
 */
export function cmsdNow(context: DeliveryContext, upstream: string | undefined): string | undefined {
  if (context.config.cmsd === 'off') return undefined;
  return cmsdDynamic(upstream, context.config.id, isFull(loadBeside(context)));
}

/** The same as a field. */
export function cmsdHeader(context: DeliveryContext, upstream: string | undefined): Record<string, string> {
  const dynamic = cmsdNow(context, upstream);
  return dynamic === undefined ? {} : { 'CMSD-Dynamic': dynamic };
}

export const NO_BYTES = new Uint8Array();

/** A refusal of our own: no body, and readable for players on other sites. */
export function sendHead({ response, record }: Exchange, status: number, headers: Head['headers']): void {
  record.status = status;
  const length: Head['headers'] = status === 204 ? {} : { 'Content-Length': '0' };
  sendWhole(response, { status, headers: { ...length, ...crossOriginHeaders, ...headers } }, NO_BYTES, record);
}

/** How an answer of content is sent: nothing of what is purged before its head is out (see purge-barrier). */
export function sendOptions({ context, left, record, response }: Exchange, gate: PurgeGate): SendOptions {
  return {
    clock: context.world.clock,
    stallMs: context.config.sendStallMs,
    minBytesPerSec: context.config.minClientBytesPerSec,
    signal: left,
    progress: {
      headSent: () => record.headSent(),
      bodySent: (bytes) => record.bodySent(bytes),
    },
    beforeHead: () =>
      gate.pass(() => {
        record.abandoned('purged');
        cutAnswer(response);
      }),
  };
}

/** Where an answer meets the purges: once right before its head, and from then on as a running answer. */
export class PurgeGate implements Disposable {
  readonly #passage: Passage;
  readonly #target: PurgeTarget;
  readonly #context: DeliveryContext;
  #running: RunningAnswer | undefined;

  constructor(passage: Passage, target: PurgeTarget, context: DeliveryContext) {
    this.#passage = passage;
    this.#target = target;
    this.#context = context;
  }

  /** @throws OperationalError PURGED: nothing of it may be sent any more, and the request begins anew */
  pass(cut: () => void): void {
    this.#passage.check(this.#target);
    this.#passage[Symbol.dispose]();
    this.#running = { target: this.#target, cut };
    this.#context.finder.fills.purges.running.add(this.#running);
  }

  [Symbol.dispose](): void {
    if (this.#running !== undefined) this.#context.finder.fills.purges.running.delete(this.#running);
  }
}
