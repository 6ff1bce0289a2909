import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { FailureLog } from '../../../src/telemetry/failure-log.ts';
import type { ApplianceMetrics } from '../../metrics.ts';
import type { BlockFlight } from './block-flight.ts';
import type { OpenObject } from './open-object.ts';
import { UnkeptBlocks } from './unkept-blocks.ts';

/**
 * Brings blocks that have come in to the store, and shares those that it does not take while their object is open. What
 * waits for the disk takes memory: when that is as much as all fills may have, viewers' blocks are not stored at all.
 */
export class BlockKeeper {
  readonly #metrics: ApplianceMetrics;
  readonly #storeLog: FailureLog;
  readonly #maxWritingBytes: number;
  readonly #unkept: UnkeptBlocks<OpenObject>;
  readonly #onCame: (object: OpenObject, flight: BlockFlight) => void;
  /** Of blocks that the store has not taken yet. */
  #writingBytes = 0;

  constructor(options: {
    readonly metrics: ApplianceMetrics;
    readonly storeLog: FailureLog;
    readonly maxFills: number;
    /** For blocks that are not stored. */
    readonly unkeptBytes: number;
    /** Told of each block, stored or not. */
    readonly onCame: (object: OpenObject, flight: BlockFlight) => void;
  }) {
    this.#metrics = options.metrics;
    this.#storeLog = options.storeLog;
    this.#maxWritingBytes = options.maxFills * BLOCK_BYTES;
    this.#unkept = new UnkeptBlocks(options.unkeptBytes);
    this.#onCame = options.onCame;
  }

  /** Ends the flight when the store has its block, or will not have it. Rejects only for a bug. */
  async keep(object: OpenObject, flight: BlockFlight): Promise<void> {
    object.retain();
    this.#writingBytes += flight.lengthBytes;
    try {
      if (flight.audience === 'viewers' && this.#writingBytes > this.#maxWritingBytes) {
        throw new OperationalError('OVERLOADED', 'volumes are slower than what comes in');
      }
      const urgency = flight.audience === 'plan' ? 'planned' : 'demand';
      const outcome = await object.stored.write(flight.blockIndex, flight.bytes, urgency);
      // Viewers who come while the object is open share the bytes, as those of a block that no volume could take.
      if (outcome === 'not-admitted') this.#unkept.add(object, flight.blockIndex, flight.bytes);
      flight.settleKept();
      this.#storeLog.worked();
      this.#onCame(object, flight);
    } catch (error) {
      if (!isOperational(error)) throw error;
      if (error.code !== 'OVERLOADED') this.#storeLog.failed(error);
      this.#metrics.blockUnkept();
      this.#unkept.add(object, flight.blockIndex, flight.bytes);
      this.#onCame(object, flight);
      flight.settleKept(error);
    } finally {
      this.#writingBytes -= flight.lengthBytes;
      object.endFlight(flight);
      object.release();
    }
  }

  /** The bytes of a block that the store did not take, while there is room for them. */
  unkept(object: OpenObject, blockIndex: number): Uint8Array | undefined {
    return this.#unkept.find(object, blockIndex);
  }

  forget(object: OpenObject): void {
    this.#unkept.forget(object);
  }
}
