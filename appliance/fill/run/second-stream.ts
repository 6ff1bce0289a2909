import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { BlockFlight } from '../blocks/block-flight.ts';
import type { OpenObject } from '../blocks/open-object.ts';
import type { FillSource } from '../fill-source.ts';
import type { BlockIntake } from './block-intake.ts';
import { askForBytes } from './fill-run.ts';

/** A second request for the block in hand. */
export interface SecondStream {
  readonly flight: BlockFlight;
  readonly abort: AbortController;
  /** Whether it brought it. */
  readonly won: Promise<boolean>;
}

/**
 * The rest of a block from a second source, beside the first that goes on. Whoever brings the last byte has filled it.
 * @param onFull called when this one has, before anybody is told; rejects as it rejects
 * @returns whether this one has. @throws OperationalError of the source
 */
export async function bringRest(
  object: OpenObject,
  flight: BlockFlight,
  stream: {
    readonly source: FillSource;
    readonly abort: AbortController;
    readonly intake: BlockIntake;
    readonly onFull: () => Promise<void>;
  },
): Promise<boolean> {
  const { source, abort, intake } = stream;
  const startByte = flight.blockIndex * BLOCK_BYTES;
  const [first, endByte] = [startByte + flight.arrivedBytes, startByte + flight.lengthBytes];
  const question = {
    source,
    first,
    endByte,
    isBackground: false,
    takesWhole: false,
    abort,
    onAnswer: () => undefined,
  };
  const open = await askForBytes(object, question);
  let position = open.startByte;
  for await (const piece of open.body) {
    for (let rest = piece; rest.length > 0 && flight.isArriving && !flight.isFull; ) {
      const taken = intake.append(flight, position, rest, source);
      rest = rest.subarray(taken);
      position += taken;
    }
    if (!flight.isArriving) return false;
    if (!flight.isFull) continue;
    await stream.onFull();
    return true;
  }
  return false;
}
