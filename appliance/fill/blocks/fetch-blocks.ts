/**
 * One fill on its way: a run of blocks from one source after another.
 *
 * A fill that dies with its connection costs viewers their answer and the origin everything sent so far, once more.
 * So bytes are counted, not requests: when a source fails, the next request asks from the byte that is missing
 * (`Range` with `If-Range`, so that two generations are never joined), of the same source while it makes progress, else
 * of the next. Viewers who wait see a pause, not an end. Blocks that carry checksums are taken from any mix of sources;
 * one bad block ends a source's part in the run.
 *
 * A run goes on while somebody wants what comes next. The block in hand is finished in any case: its bytes are paid for.
 */
import type { HttpResponse } from '../../../src/client/http-client.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import { parseContentRange } from '../../../src/http/byte-range.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';
import type { ApplianceMetrics } from '../../metrics.ts';
import { chosenBy, targetOf } from '../../store/object-description.ts';
import type { FillSource } from '../fill-source.ts';
import { isSameGeneration, strongValidator } from '../origin/read-answer.ts';
import type { BlockFlight } from './block-flight.ts';
import type { FillSlots } from './fill-slots.ts';
import type { OpenObject } from './open-object.ts';
import { isGenuineBlock } from './verify-blocks.ts';

/** A body that is open already, from a source whose head has been read. */
export interface OpenBody {
  readonly source: FillSource;
  readonly body: AsyncIterable<Uint8Array>;
  /** Positions in the object: of the body's first byte, and one past its last. */
  readonly startByte: number;
  readonly endByte: number;
  readonly abort: AbortController;
}

export interface RunOptions {
  readonly object: OpenObject;
  /** The blocks to fill, ascending; their flights are the run's to end. */
  readonly flights: readonly BlockFlight[];
  readonly sources: readonly FillSource[];
  /** Takes every block that passes, wanted or not: the origin would have to send them all again for one of them. */
  readonly keepsAll: boolean;
  readonly begun?: OpenBody;
  /**
   * Given for planned fill, which may cost nothing outside its window and budget: when it aborts, the run ends at once
   * unless a viewer waits for the block; and a source that sends the whole file for a range is refused.
   */
  readonly planSignal?: AbortSignal;
}

export interface RunContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ApplianceMetrics;
  readonly slots: FillSlots;
  readonly blockTimeoutMs: number;
  /** Whether nothing is to be asked again. */
  readonly isStopping: () => boolean;
  /** The origin has other bytes now: nobody should find the object any more. */
  readonly onChanged: (object: OpenObject) => void;
}

const MAX_ATTEMPTS_PER_BLOCK = 32;
/** Waits before asking again after a failure that brought nothing; their number is how often. */
const RETRY_DELAYS_MS = [50, 250, 1000];

/** Fills the flights; how it goes shows in them. Resolves when all have ended. Rejects only for a bug. */
export async function fetchBlocks(options: RunOptions, context: RunContext): Promise<void> {
  const run = new Run(options, context);
  options.object.retain();
  try {
    await run.go();
  } finally {
    options.object.release();
  }
}

class Run {
  readonly #object: OpenObject;
  readonly #context: RunContext;
  readonly #planSignal: AbortSignal | undefined;
  /** Not ended yet, ascending. */
  readonly #flights: BlockFlight[];
  #sources: readonly FillSource[];
  #keepsAll: boolean;
  #begun: OpenBody | undefined;
  #receivedBytes = 0;
  #blocksDone = 0;
  /** Whether the source has begun to answer: failures before that are counted where it is asked. */
  #isAnswered = false;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: RunOptions, context: RunContext) {
    this.#object = options.object;
    this.#context = context;
    this.#flights = [...options.flights];
    this.#sources = options.sources;
    this.#keepsAll = options.keepsAll;
    this.#begun = options.begun;
    this.#planSignal = options.planSignal;
  }

  async go(): Promise<void> {
    const { slots } = this.#context;
    try {
      await slots.acquire();
      try {
        await this.#attempt();
        // The slot stands for memory, which a block takes until the disk has it.
        await this.#diskIsDone();
      } finally {
        slots.release();
      }
    } catch (error) {
      this.#endRest(error);
      // A body that never had its turn: nobody reads it, and nothing else would ever free its connection.
      this.#begun?.abort.abort(error);
      if (!isOperational(error)) throw error;
      this.#context.logger.debug({ code: error.code, detail: error.detail, key: this.#object.key }, 'a fill failed');
    }
  }

  /** Asks source after source until all blocks are there, or nobody wants the rest. */
  async #attempt(): Promise<void> {
    let sourceIndex = 0;
    let fruitless = 0;
    let attemptsForBlock = 0;
    while (this.#flights.length > 0) {
      if (this.#isCalledOff()) throw new OperationalError('SOURCE_TRUNCATED', `called off: ${this.#object.key}`);
      const source = this.#sources[sourceIndex % this.#sources.length];
      if (source === undefined) throw new OperationalError('SOURCE_LACKS', `no source is left for ${this.#object.key}`);
      const [bytesBefore, blocksBefore] = [this.#receivedBytes, this.#blocksDone];
      try {
        // A source may answer with less than was asked for; then the rest is asked for in turn.
        await this.#fillFrom(source);
      } catch (error) {
        if (!isOperational(error)) throw error;
        if (this.#isAnswered) this.#context.metrics.sourceFailed(error.code);
        if (error.code === 'SOURCE_CHANGED') {
          this.#context.onChanged(this.#object);
          throw error;
        }
        if (error.code === 'CHECKSUM_MISMATCH') this.#abandon(source, error);
        const gotBytes = this.#receivedBytes > bytesBefore;
        attemptsForBlock = this.#blocksDone > blocksBefore ? 0 : attemptsForBlock + 1;
        fruitless = gotBytes ? 0 : fruitless + 1;
        if (!gotBytes) sourceIndex += 1;
        if (attemptsForBlock >= MAX_ATTEMPTS_PER_BLOCK || !this.#mayRetry(error, fruitless)) throw error;
        const round = Math.floor((fruitless - 1) / Math.max(1, this.#sources.length));
        const delayMs = fruitless % Math.max(1, this.#sources.length) === 0 ? RETRY_DELAYS_MS[round] : undefined;
        if (fruitless > 0 && delayMs !== undefined) await this.#context.clock.delay(delayMs);
      }
    }
  }

  /** It may be broken or worse; which one it was is what the operator needs. */
  #abandon(source: FillSource, error: OperationalError): void {
    this.#context.logger.warn(
      { code: error.code, detail: error.detail, source: source.id },
      'a source gave wrong bytes',
    );
    this.#sources = this.#sources.filter((other) => other !== source);
  }

  /** All sources once; more rounds only where viewers have bytes already, or a reused connection was just closed. */
  #mayRetry(error: OperationalError, fruitless: number): boolean {
    if (this.#context.isStopping() || this.#sources.length === 0) return false;
    if (this.#keepsAll && !this.#object.fillsByRange) return false;
    const rounds = this.#receivedBytes > 0 ? RETRY_DELAYS_MS.length + 1 : error.code === 'SOURCE_TRUNCATED' ? 2 : 1;
    return fruitless < rounds * this.#sources.length;
  }

  /** The plan has no more time for it, and no viewer waits. */
  #isCalledOff(): boolean {
    if (this.#planSignal?.aborted !== true) return false;
    return !this.#flights.some(({ blockIndex }) => this.#object.isWanted(blockIndex));
  }

  async #fillFrom(source: FillSource): Promise<void> {
    this.#isAnswered = this.#begun !== undefined;
    const abort = this.#begun?.abort ?? new AbortController();
    // A turn later: who waited for the plan has left its place in the object by then, and only viewers still stand there.
    const onPlanEnd = (): void => {
      setImmediate(() => {
        if (this.#isCalledOff())
          abort.abort(new OperationalError('SOURCE_TRUNCATED', 'the plan has no more time for it'));
      });
    };
    this.#planSignal?.addEventListener('abort', onPlanEnd, { once: true });
    const deadline = new BlockDeadline(this.#context, abort, `${source.id} for ${this.#object.key}`);
    try {
      const open = this.#begun ?? (await this.#open(source, abort));
      this.#begun = undefined;
      await this.#take(open, deadline);
    } finally {
      deadline.cancel();
      this.#planSignal?.removeEventListener('abort', onPlanEnd);
      // Frees the connection when the body was left before its end; does nothing after it.
      abort.abort(new OperationalError('SOURCE_TRUNCATED', 'the fill has ended'));
    }
  }

  async #open(source: FillSource, abort: AbortController): Promise<OpenBody> {
    const { description } = this.#object;
    const next = this.#nextFlight();
    const first = next.blockIndex * BLOCK_BYTES + next.arrivedBytes;
    const last = this.#endOfRequest() - 1;
    const validator = this.#object.planned === undefined ? strongValidator(description) : undefined;
    const isWhole = first === 0 && last === description.sizeBytes - 1;
    const response = await source.ask({
      target: targetOf(this.#object.key),
      // A whole object needs no range, unless it must be exactly this generation.
      ...(isWhole && validator === undefined ? {} : { range: { first, last } }),
      headers: { ...chosenBy(description), ...(validator === undefined ? {} : { 'if-range': validator }) },
      signal: abort.signal,
    });
    this.#isAnswered = true;
    try {
      return { source, body: response.body, ...this.#placeOf(response, first, source), abort };
    } catch (error) {
      response.discard();
      throw error;
    }
  }

  /** Where the body of a source's answer lies in the object. @throws OperationalError when it is not of the object. */
  #placeOf(response: HttpResponse, first: number, source: FillSource): Pick<OpenBody, 'startByte' | 'endByte'> {
    const { description, planned, key } = this.#object;
    const where = `${source.id}${key}`;
    const { status, headers } = response;
    if (status === 504 && source.kind !== 'origin') throw new OperationalError('SOURCE_LACKS', where);
    const hasContent = status === 200 || status === 206;
    const isGone = status === 404 || status === 410 || status === 412 || status === 416;
    if (planned === undefined && (isGone || (hasContent && !isSameGeneration(description, headers)))) {
      throw new OperationalError('SOURCE_CHANGED', where);
    }
    if (!hasContent) throw new OperationalError('SOURCE_STATUS', `${where}: ${status}`);
    const range = status === 206 ? parseContentRange(headers['content-range'] ?? '') : undefined;
    if (status === 206) {
      if (range?.kind === 'range' && range.first === first && range.sizeBytes === description.sizeBytes) {
        return { startByte: first, endByte: range.last + 1 };
      }
    } else if (Number(headers['content-length'] ?? description.sizeBytes) === description.sizeBytes) {
      if (first > 0 && this.#planSignal !== undefined) {
        throw new OperationalError(
          'SOURCE_PROTOCOL',
          `${where}: sends the whole file for a range, planned fill needs ranges`,
        );
      }
      // Ranges do not work there, or the whole was asked for: what comes along is kept as well.
      this.#keepsAll ||= first > 0;
      return { startByte: 0, endByte: description.sizeBytes };
    }
    const got = headers['content-range'] ?? `${headers['content-length']} bytes`;
    // The same tag with another length: one of the answers was wrong, and would be in the way for as long as it is fresh.
    const isOther = status === 200 || (range?.sizeBytes ?? description.sizeBytes) !== description.sizeBytes;
    throw new OperationalError(
      planned === undefined && isOther ? 'SOURCE_CHANGED' : 'SOURCE_PROTOCOL',
      `${where}: asked for ${first}- of ${description.sizeBytes}, got ${got}`,
    );
  }

  /** Takes the body into flights. Returns when it ends or nobody wants more of it; throws when it ends early. */
  async #take(open: OpenBody, deadline: BlockDeadline): Promise<void> {
    let position = open.startByte;
    let target = await this.#targetAt(position, open.endByte);
    if (target === 'end') return;
    for await (const piece of open.body) {
      this.#receivedBytes += piece.length;
      this.#context.metrics.filled(open.source.kind, piece.length);
      let offset = 0;
      // At the end of the body the loop goes round once more: a connection that is read to its end can be used again.
      while (offset < piece.length && position < open.endByte) {
        const rest = offset === 0 ? piece : piece.subarray(offset);
        const toBlockEnd = BLOCK_BYTES - (position % BLOCK_BYTES);
        const taken = target === 'skip' ? Math.min(rest.length, toBlockEnd) : this.#append(target, position, rest);
        offset += taken;
        position += taken;
        const isFull = target !== 'skip' && target.isFull;
        if (!isFull && position % BLOCK_BYTES !== 0) continue;
        if (target !== 'skip') await this.#finish(target, open.source);
        if (position >= open.endByte) break;
        const next = await this.#targetAt(position, open.endByte);
        if (next === 'end') return;
        target = next;
        deadline.restart();
      }
    }
    if (position < open.endByte) {
      throw new OperationalError('SOURCE_TRUNCATED', `${open.source.id}${this.#object.key}: ended at byte ${position}`);
    }
  }

  /** A stream that began before the missing byte brings bytes again that are here: they are passed over. */
  #append(flight: BlockFlight, position: number, bytes: Uint8Array): number {
    const here = flight.blockIndex * BLOCK_BYTES + flight.arrivedBytes;
    if (position === here) return flight.append(bytes);
    return Math.min(bytes.length, here - position);
  }

  /** What to do with the bytes from `position` on: put them in a flight, pass over them, or stop. */
  async #targetAt(position: number, endByte: number): Promise<BlockFlight | 'skip' | 'end'> {
    if (position >= endByte) return 'end';
    const blockIndex = Math.floor(position / BLOCK_BYTES);
    const own = this.#flights.find((flight) => flight.blockIndex === blockIndex);
    if (own === undefined) {
      const isFree = this.#object.lacks(blockIndex);
      if (isFree && (this.#keepsAll || (this.#flights.length === 0 && this.#object.isWanted(blockIndex)))) {
        const flight = this.#object.beginFlight(blockIndex);
        this.#flights.push(flight);
        this.#flights.sort((left, right) => left.blockIndex - right.blockIndex);
        return flight;
      }
      return this.#keepsAll || this.#flights.length > 0 ? 'skip' : 'end';
    }
    if (this.#keepsAll || this.#blocksDone === 0 || this.#object.isWanted(blockIndex)) return own;
    // Between two reads of one viewer nobody stands in the object for a moment.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#object.isWanted(blockIndex)) return own;
    this.#endRest(new OperationalError('SOURCE_TRUNCATED', `nobody wants the rest of ${this.#object.key}`));
    return 'end';
  }

  async #finish(flight: BlockFlight, source: FillSource): Promise<void> {
    const { planned, key } = this.#object;
    if (planned !== undefined && !isGenuineBlock(planned.manifest, flight.blockIndex, flight.bytes)) {
      flight.restart();
      throw new OperationalError('CHECKSUM_MISMATCH', `block ${flight.blockIndex} of ${key} from ${source.id}`);
    }
    this.#blocksDone += 1;
    this.#flights.splice(this.#flights.indexOf(flight), 1);
    flight.complete();
    // One block may wait for the disk beside the one that arrives: a slow disk slows the fill, not the memory.
    await this.#diskIsDone();
    this.#keeping = this.#object.keep(flight);
  }

  /** Waits for the block that is being stored; not for a disk that hangs. */
  async #diskIsDone(): Promise<void> {
    const { clock, blockTimeoutMs } = this.#context;
    const { promise: hangs, resolve } = Promise.withResolvers<void>();
    const timer = clock.setTimer(blockTimeoutMs / 2, resolve);
    await Promise.race([this.#keeping, hangs]);
    timer.cancel();
  }

  #nextFlight(): BlockFlight {
    const [flight] = this.#flights;
    if (flight === undefined) throw new Error(`nothing is left to fill of ${this.#object.key}`);
    return flight;
  }

  /** One past the last byte to ask for: the end of the blocks that follow each other without a gap. */
  #endOfRequest(): number {
    let last = this.#nextFlight().blockIndex;
    for (const flight of this.#flights) {
      if (flight.blockIndex <= last + 1) last = Math.max(last, flight.blockIndex);
    }
    return Math.min((last + 1) * BLOCK_BYTES, this.#object.description.sizeBytes);
  }

  #endRest(error: unknown): void {
    for (const flight of this.#flights.splice(0)) {
      this.#object.endFlight(flight);
      flight.fail(error);
    }
  }
}

/** Cuts an attempt that trickles: each block has so long from its first byte. */
class BlockDeadline {
  readonly #context: RunContext;
  readonly #abort: AbortController;
  readonly #what: string;
  #timer: Timer | undefined;

  constructor(context: RunContext, abort: AbortController, what: string) {
    this.#context = context;
    this.#abort = abort;
    this.#what = what;
    this.restart();
  }

  restart(): void {
    this.#timer?.cancel();
    const { clock, blockTimeoutMs } = this.#context;
    this.#timer = clock.setTimer(blockTimeoutMs, () => {
      this.#abort.abort(
        new OperationalError('SOURCE_TIMEOUT', `${this.#what}: one block took over ${blockTimeoutMs} ms`),
      );
    });
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}
