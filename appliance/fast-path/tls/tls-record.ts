import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { RefusalReason } from '../../delivery/check-head.ts';
import type { AbandonReason } from '../../metrics.ts';
import type { LoadBoard } from '../load-board.ts';
import type { WireLimits, WireView } from '../messages.ts';
import type { RequestHead } from '../request-head.ts';
import type { OutcomeLedger } from '../wire/outcome-ledger.ts';
import type { WireKey } from '../wire-key.ts';

/** Where what became of requests is added up. */
export interface TlsRecordSinks {
  readonly ledger: OutcomeLedger;
  readonly load: LoadBoard;
  readonly limits: WireLimits;
}

/** What of an answer is told when it has ended. */
interface OpenAnswer {
  readonly key: string;
  readonly path: string;
  readonly tokenOutcome: string | undefined;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly beganAtMs: number;
  readonly firstByteMs: number;
  bytes: number;
}

/**
 * What becomes of the requests of one connection, for the ledger and the load board; and how fast the client takes what
 * it is given, by the rule of send-answer.ts. A request that goes over is counted where it is answered.
 */
export class TlsRecord {
  readonly #sinks: TlsRecordSinks;
  readonly #address: string;
  #beganAtMs = 0;
  #answer: OpenAnswer | undefined;
  /** Since the client's rate was judged last. */
  #judgedAtMs = 0;
  #takenBytes = 0;
  /** Whether an answer has left by this thread. */
  hasAnswered = false;

  constructor(sinks: TlsRecordSinks, address: string) {
    this.#sinks = sinks;
    this.#address = address;
  }

  /** A whole head is there; counts from the first time on. */
  begin(): void {
    if (this.#beganAtMs === 0) this.#beganAtMs = performance.now();
  }

  headSent(key: WireKey, head: RequestHead): void {
    const nowMs = performance.now();
    this.#sinks.load.requestBegan();
    this.#judgedAtMs = nowMs;
    this.#takenBytes = 0;
    this.#answer = {
      key: key.key,
      path: key.path,
      tokenOutcome: key.tokenOutcome,
      target: head.target,
      headers: head.report ?? {},
      beganAtMs: this.#beganAtMs,
      firstByteMs: nowMs - this.#beganAtMs,
      bytes: 0,
    };
    this.#beganAtMs = 0;
  }

  sent(bytes: number): void {
    if (this.#answer !== undefined) this.#answer.bytes += bytes;
    this.#takenBytes += bytes;
    this.#sinks.load.sent(bytes);
  }

  /** Whether the client takes less than it must, over each time of a stall. To be asked while it is waited for. */
  isTooSlow(nowMs: number): boolean {
    const { minClientBytesPerSec, sendStallMs } = this.#sinks.limits;
    const passedMs = nowMs - this.#judgedAtMs;
    if (passedMs < sendStallMs) return false;
    const isTooSlow = this.#takenBytes / (passedMs / 1000) < minClientBytesPerSec;
    this.#judgedAtMs = nowMs;
    this.#takenBytes = 0;
    return isTooSlow;
  }

  /** The answer is out. */
  ended(): void {
    this.hasAnswered = true;
    this.#close(undefined);
  }

  /** The connection ends; says nothing where no answer is on its way. */
  abandoned(because: AbandonReason): void {
    if (this.#answer !== undefined) this.#close(because);
  }

  shed(): void {
    this.#beganAtMs = 0;
    this.#sinks.ledger.shed();
  }

  refused(reason: RefusalReason): void {
    this.#sinks.ledger.refused(reason);
  }

  /** It went over: what follows on this connection is no first request. */
  left(): void {
    this.#beganAtMs = 0;
    this.hasAnswered = true;
  }

  #close(abandoned: AbandonReason | undefined): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    this.#answer = undefined;
    const { ledger, load } = this.#sinks;
    load.requestEnded();
    const { key, path, bytes, beganAtMs, firstByteMs, headers, target, tokenOutcome } = answer;
    const durationMs = performance.now() - beganAtMs;
    const blocks = Math.ceil(bytes / BLOCK_BYTES);
    ledger.answered({ key, path, bytes, blocks, firstByteMs, tokenOutcome, abandoned });
    if (!ledger.wantsView()) return;
    const ending = abandoned === undefined ? 'whole' : abandoned === 'source-failed' ? 'failed' : 'left';
    ledger.view({ address: this.#address, target, headers, bytes, durationMs, ending } satisfies WireView);
  }
}
