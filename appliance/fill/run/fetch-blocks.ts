/**
 * One fill on its way: a run of blocks from one source after another.
 *
 * A fill that dies with its connection costs viewers their answer and the origin everything sent so far, once more.
 * So bytes are counted, not requests: when a source fails, the next one, or the only one again, is asked from the byte that
 * is missing (`Range` with `If-Range`: two generations are never joined). Viewers who wait see a pause, not an end. Blocks
 * with checksums may come from any mix; a bad block ends its source's part.
 *
 * A run goes on while somebody wants what comes next, or by another request further on. The block in hand is finished.
 * Who waits for a block far behind the one in hand, by the speed of the stream, gets a run made of the rest of this one.
 *
 * A source may also hang, which is worse than an end, for nothing tells. While a viewer waits for the block in hand and
 * it comes later than the source usually gives, a second source is asked for the rest of the block; whoever fills it goes
 * on, the other is cut off. Both give the same bytes, by manifest or strong validator, so they fill one buffer.
 */
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { BlockFlight } from '../blocks/block-flight.ts';
import { DigestCheck } from '../blocks/check-digest.ts';
import type { OpenObject } from '../blocks/open-object.ts';
import type { FillSource } from '../fill-source.ts';
import { BlockIntake } from './block-intake.ts';
import { askForBytes, endOfRequest, type OpenBody, type RunContext, type RunOptions } from './fill-run.ts';
import { BlockDeadline, LateWatch } from './fill-watch.ts';
import { bringRest, type SecondStream } from './second-stream.ts';
import { SourceCircle } from './source-circle.ts';
import { WaitBehind } from './wait-behind.ts';

const MAX_ATTEMPTS_PER_BLOCK = 32;
/** Waits before asking all of them again after a round that brought nothing; their number is how often. */
const RETRY_DELAYS_MS = [50, 250, 1000];
/** A request that goes on after so much, or half of what a block lacked, is no extra one: it brings only what was to come. */
const WORTH_A_REQUEST_BYTES = 64 * 1024;
/** Why a stream was left when another source has brought its block. */
const OUTRUN = new OperationalError('SOURCE_TRUNCATED', 'another source was quicker');

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
  #flights: BlockFlight[] = [];
  readonly #circle: SourceCircle;
  #keepsAll: boolean;
  #begun: OpenBody | undefined;
  #second: SecondStream | undefined;
  readonly #intake: BlockIntake;
  readonly #behind: WaitBehind;
  #receivedBytes = 0;
  #blocksDone = 0;
  #isRunning = false;
  /** Whether the source has begun to answer: failures before that are counted where it is asked. */
  #isAnswered = false;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: RunOptions, context: RunContext) {
    this.#object = options.object;
    this.#context = context;
    this.#circle = new SourceCircle(options.sources);
    this.#intake = new BlockIntake(options.object, context);
    this.#keepsAll = options.keepsAll;
    this.#begun = options.begun;
    this.#planSignal = options.planSignal;
    this.#behind = new WaitBehind(context.clock, {
      receivedBytes: () => this.#receivedBytes,
      flights: () => this.#flights,
      onFar: (flight) => this.#makeWay(flight),
    });
    for (const flight of options.flights) this.#adopt(flight);
  }

  async go(): Promise<void> {
    const { slots, logger } = this.#context;
    try {
      await slots.acquire();
      this.#isRunning = true;
      try {
        await this.#attempt();
        await this.#second?.won;
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
      logger.debug({ code: error.code, detail: error.detail, key: this.#object.key }, 'a fill failed');
    } finally {
      this.#behind.cancel();
    }
  }

  /** Asks source after source until all blocks are there, or nobody wants the rest. */
  async #attempt(): Promise<void> {
    let fruitless = 0;
    let attemptsForBlock = 0;
    while (this.#flights.length > 0) {
      if (this.#object.condemned !== undefined) throw this.#object.condemned;
      if (this.#isCalledOff()) throw new OperationalError('SOURCE_TRUNCATED', `called off: ${this.#object.key}`);
      const source = this.#circle.current;
      if (source === undefined) throw new OperationalError('SOURCE_LACKS', `no source is left for ${this.#object.key}`);
      const [bytesBefore, blocksBefore] = [this.#receivedBytes, this.#blocksDone];
      try {
        // A source may answer with less than was asked for; then the rest is asked for in turn.
        await this.#fillFrom(source);
      } catch (error) {
        if (!isOperational(error)) throw error;
        const gotBytes = this.#receivedBytes - bytesBefore;
        attemptsForBlock = this.#blocksDone > blocksBefore ? 0 : attemptsForBlock + 1;
        fruitless = gotBytes > 0 ? 0 : fruitless + 1;
        if (gotBytes > 0) source.health.died();
        if (error === OUTRUN || (await this.#second?.won) === true) continue;
        this.#noteFailed(source, error);
        if (attemptsForBlock >= MAX_ATTEMPTS_PER_BLOCK || !this.#mayRetry(error, fruitless, gotBytes)) {
          throw this.#circle.explain(error);
        }
        await this.#pause(fruitless);
      }
    }
  }

  /** Draws from a failure what concerns the source and the object. Rethrows what no other source helps. */
  #noteFailed(source: FillSource, error: OperationalError): void {
    if (this.#isAnswered) this.#context.metrics.sourceFailed(error.code);
    if (error.code === 'SOURCE_CHANGED') {
      this.#context.onChanged(this.#object);
      throw error;
    }
    if (error.code !== 'CHECKSUM_MISMATCH') this.#circle.failed(source, error);
    else if (this.#object.planned === undefined) throw error;
    else this.#blame(source, error);
  }

  /** It may be broken or worse; which one it was is what the operator needs. */
  #blame(source: FillSource, error: OperationalError): void {
    if (!this.#intake.isAnswerable(source)) return;
    source.health.gaveWrongBytes();
    this.#context.metrics.wrongBytes(source.kind);
    const { code, detail } = error;
    this.#context.logger.warn({ code, detail, source: source.id }, 'a source gave wrong bytes');
    this.#circle.drop(source, error);
  }

  /** All sources once; more rounds only where viewers have bytes already, or a reused connection was just closed. */
  #mayRetry(error: OperationalError, fruitless: number, gotBytes: number): boolean {
    const { size } = this.#circle;
    if (this.#context.isStopping() || size === 0 || (this.#keepsAll && !this.#object.fillsByRange)) return false;
    const rounds = this.#receivedBytes > 0 ? RETRY_DELAYS_MS.length + 1 : error.code === 'SOURCE_TRUNCATED' ? 2 : 1;
    if (fruitless >= rounds * size) return false;
    const leftBytes = (this.#flights[0]?.lengthBytes ?? 0) - (this.#flights[0]?.arrivedBytes ?? 0);
    return gotBytes >= Math.min(WORTH_A_REQUEST_BYTES, leftBytes) || this.#circle.turnToOneThatMayBeAsked();
  }

  /** After a round that brought nothing: a moment, or until the first of them may be asked again. */
  async #pause(fruitless: number): Promise<void> {
    const { size, shortestRestMs } = this.#circle;
    if (fruitless === 0 || fruitless % size !== 0) return;
    await this.#context.clock.delay(Math.max(RETRY_DELAYS_MS[fruitless / size - 1] ?? 0, shortestRestMs));
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
    const deadline = this.#deadline(source, abort);
    const watch = this.#watchLate(source, abort);
    try {
      const open = this.#begun ?? (await this.#open(source, abort));
      this.#begun = undefined;
      await this.#take(open, deadline);
    } finally {
      deadline.cancel();
      watch?.cancel();
      this.#planSignal?.removeEventListener('abort', onPlanEnd);
      // Frees the connection when the body was left before its end; does nothing after it.
      abort.abort(new OperationalError('SOURCE_TRUNCATED', 'the fill has ended'));
    }
  }

  async #open(source: FillSource, abort: AbortController): Promise<OpenBody> {
    const next = this.#nextFlight();
    this.#intake.prepare(next);
    const first = next.blockIndex * BLOCK_BYTES + next.arrivedBytes;
    const takesWhole = this.#planSignal === undefined && source.kind === 'origin';
    const onAnswer = (): void => void (this.#isAnswered = true);
    const endByte = endOfRequest(this.#flights, this.#object.description.sizeBytes);
    const asked = { source, first, endByte, takesWhole, isBackground: this.#planSignal !== undefined, abort, onAnswer };
    const open = await askForBytes(this.#object, asked);
    // Ranges do not work there: what comes along is kept as well.
    this.#keepsAll ||= first > 0 && open.startByte === 0;
    return open;
  }

  /** Takes the body into flights. Returns when it ends or nobody wants more of it; throws when it ends early. */
  async #take(open: OpenBody, deadline: BlockDeadline): Promise<void> {
    const { source, endByte } = open;
    const { clock } = this.#context;
    const [beganAtMs, bytesBefore] = [clock.monotonicMs(), this.#receivedBytes];
    const check = this.#object.planned === undefined ? DigestCheck.of(open.contentDigest) : undefined;
    let position = open.startByte;
    let target = await this.#targetAt(position, endByte);
    if (target === 'end') return;
    for await (const piece of open.body) {
      // A second source has brought the block meanwhile.
      if (target !== 'skip' && position < endByte && !target.isArriving) return;
      this.#receivedBytes += piece.length;
      check?.add(piece);
      let offset = 0;
      // At the end of the body the loop goes round once more: a connection that is read to its end can be used again.
      while (offset < piece.length && position < endByte) {
        const toBlockEnd = BLOCK_BYTES - (position % BLOCK_BYTES);
        const rest = piece.subarray(offset, offset + Math.min(piece.length - offset, toBlockEnd, endByte - position));
        const taken =
          target === 'skip' ? this.#intake.skip(rest, source) : this.#intake.append(target, position, rest, source);
        offset += taken;
        position += taken;
        const isFull = target !== 'skip' && target.isFull;
        if (!isFull && position % BLOCK_BYTES !== 0) continue;
        if (target !== 'skip') await this.#finish(target, source);
        if (position >= endByte) break;
        const next = await this.#targetAt(position, endByte);
        if (next === 'end')
          return source.health.streamed(this.#receivedBytes - bytesBefore, clock.monotonicMs() - beganAtMs);
        target = next;
        deadline.restart();
      }
      if (offset < piece.length) {
        throw new OperationalError('SOURCE_PROTOCOL', `${source.id}${this.#object.key}: more bytes than it said`);
      }
    }
    if (position < endByte) {
      throw new OperationalError('SOURCE_TRUNCATED', `${source.id}${this.#object.key}: ended at byte ${position}`);
    }
    source.health.streamed(this.#receivedBytes - bytesBefore, clock.monotonicMs() - beganAtMs);
    if (check?.isRight() !== false) return;
    const error = new OperationalError('CHECKSUM_MISMATCH', `${source.id}${this.#object.key}: not its Content-Digest`);
    this.#context.onWrong(this.#object, source, error);
    throw error;
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
        this.#adopt(flight);
        this.#flights.sort((left, right) => left.blockIndex - right.blockIndex);
        return flight;
      }
      return this.#keepsAll || this.#flights.length > 0 ? 'skip' : 'end';
    }
    if (this.#keepsAll || this.#blocksDone === 0 || this.#object.isWanted(blockIndex)) return own;
    // Between two reads of one viewer nobody stands in the object for a moment.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#object.isWanted(blockIndex)) return own;
    const unwanted = this.#flights.filter((flight) => !this.#object.isWanted(flight.blockIndex));
    this.#endRest(new OperationalError('SOURCE_TRUNCATED', `nobody wants the rest of ${this.#object.key}`), unwanted);
    return 'end';
  }

  async #finish(flight: BlockFlight, source: FillSource): Promise<void> {
    this.#intake.complete(flight, source);
    this.#blocksDone += 1;
    this.#flights.splice(this.#flights.indexOf(flight), 1);
    if (this.#second?.flight === flight) this.#second.abort.abort(OUTRUN);
    // One block may wait for the disk beside the one that arrives: a slow disk slows the fill, not the memory.
    await this.#diskIsDone();
    this.#keeping = this.#object.keep(flight);
  }

  #adopt(flight: BlockFlight): void {
    this.#flights.push(flight);
    flight.onAwaited = () => this.#behind.begins();
  }

  /** A block that is far, and what follows it, becomes a run of its own, if that can begin now. */
  #makeWay(flight: BlockFlight): void {
    if (!this.#isRunning || this.#keepsAll || this.#planSignal !== undefined || !this.#context.slots.hasFree) return;
    if (!this.#context.hedges.tryTake(this.#context.clock.monotonicMs())) return;
    const flights = this.#flights.slice(this.#flights.indexOf(flight));
    this.#flights = this.#flights.filter((other) => !flights.includes(other));
    this.#context.begin({ object: this.#object, flights, sources: this.#circle.all, keepsAll: false });
  }

  /** Undefined where nobody else could be asked anyway. */
  #watchLate(source: FillSource, abort: AbortController): LateWatch | undefined {
    const { clock, hedgesOrigin } = this.#context;
    if (this.#planSignal !== undefined || this.#keepsAll || !this.#object.fillsByRange) return undefined;
    if (this.#circle.size < 2 && !hedgesOrigin) return undefined;
    const receivedBytes = (): number => this.#receivedBytes;
    return new LateWatch(clock, source.health, receivedBytes, () => this.#hedge(source, abort));
  }

  #hedge(slow: FillSource, slowAbort: AbortController): void {
    const { hedges, hedgesOrigin, clock, metrics, isStopping } = this.#context;
    const [flight] = this.#flights;
    if (flight?.isAwaited !== true || this.#second !== undefined || this.#intake.isUnmixed || isStopping()) return;
    const source = this.#circle.besides(slow, hedgesOrigin);
    if (source === undefined || !hedges.tryTake(clock.monotonicMs())) return;
    const abort = new AbortController();
    const won = this.#bring(flight, { source, slow, abort, slowAbort }).then((hasWon) => {
      this.#second = undefined;
      metrics.hedged(hasWon ? 'won' : 'lost');
      return hasWon;
    });
    this.#second = { flight, abort, won };
  }

  /** Has a second source send the rest of a block. @returns whether that filled it */
  async #bring(
    flight: BlockFlight,
    {
      source,
      slow,
      abort,
      slowAbort,
    }: Readonly<Record<'source' | 'slow', FillSource>> & Readonly<Record<'abort' | 'slowAbort', AbortController>>,
  ): Promise<boolean> {
    const deadline = this.#deadline(source, abort);
    const onFull = async (): Promise<void> => {
      const finishing = this.#finish(flight, source);
      if (flight.isComplete) {
        this.#circle.prefer(source, slow);
        slow.health.died();
        slowAbort.abort(OUTRUN);
      }
      await finishing;
    };
    try {
      return await bringRest(this.#object, flight, { source, abort, intake: this.#intake, onFull });
    } catch (error) {
      if (!isOperational(error)) throw error;
      if (error.code === 'SOURCE_CHANGED') this.#context.onChanged(this.#object);
      if (error.code === 'CHECKSUM_MISMATCH') this.#blame(source, error);
      return false;
    } finally {
      deadline.cancel();
      abort.abort(OUTRUN);
    }
  }

  #deadline(source: FillSource, abort: AbortController): BlockDeadline {
    return new BlockDeadline(this.#context, abort, `${source.id} for ${this.#object.key}`);
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

  #endRest(error: unknown, ended: readonly BlockFlight[] = this.#flights): void {
    this.#second?.abort.abort(error);
    this.#flights = this.#flights.filter((flight) => !ended.includes(flight));
    for (const flight of ended) {
      this.#object.endFlight(flight);
      flight.fail(error);
    }
  }
}
