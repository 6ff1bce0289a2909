import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';
import type { BlockFlight } from '../blocks/block-flight.ts';

/** After so long it shows how fast the stream is; who seeks notices no less. */
const LOOK_AFTER_MS = 200;

/**
 * Notices who waits in vain for a block behind others of the same stream. Asking for it at once would be quick, and
 * wrong: a good source has sent it by then, and sends it twice. So the stream is measured while somebody waits, and the
 * block is called far only when it would not be reached within as long again.
 */
export class WaitBehind {
  readonly #clock: Clock;
  readonly #receivedBytes: () => number;
  /** The blocks of the stream that have not come, ascending. */
  readonly #flights: () => readonly BlockFlight[];
  readonly #onFar: (flight: BlockFlight) => void;
  #timer: Timer | undefined;

  constructor(
    clock: Clock,
    stream: {
      readonly receivedBytes: () => number;
      readonly flights: () => readonly BlockFlight[];
      readonly onFar: (flight: BlockFlight) => void;
    },
  ) {
    this.#clock = clock;
    this.#receivedBytes = stream.receivedBytes;
    this.#flights = stream.flights;
    this.#onFar = stream.onFar;
  }

  /** Somebody waits for a block, maybe for the one that is coming. */
  begins(): void {
    if (this.#timer !== undefined || this.#awaited === undefined) return;
    const seenBytes = this.#receivedBytes();
    this.#timer = this.#clock.setTimer(LOOK_AFTER_MS, () => {
      this.#timer = undefined;
      const awaited = this.#awaited;
      if (awaited === undefined) return;
      if (isFar(this.#flights()[0], awaited, this.#receivedBytes() - seenBytes)) this.#onFar(awaited);
      this.begins();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  get #awaited(): BlockFlight | undefined {
    return this.#flights().find((flight, place) => place > 0 && flight.isAwaited && flight.arrivedBytes === 0);
  }
}

/** Whether a stream that brought `passedBytes` in one look needs more than another to come to the block. */
function isFar(inHand: BlockFlight | undefined, awaited: BlockFlight, passedBytes: number): boolean {
  if (inHand === undefined) return false;
  const isNext = awaited.blockIndex === inHand.blockIndex + 1;
  if (isNext && inHand.arrivedBytes * 2 >= inHand.lengthBytes) return false;
  return (awaited.blockIndex - inHand.blockIndex) * BLOCK_BYTES - inHand.arrivedBytes > passedBytes;
}
