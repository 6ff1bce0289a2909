import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { OperationalError } from '../../../src/errors/operational-error.ts';
import { BACKGROUND_PRIORITY } from '../../../src/http/priority.ts';
import type { ShareBudget } from '../../../src/resilience/share-budget.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { ApplianceMetrics } from '../../metrics.ts';
import type { Passage } from '../../purge/purge-barrier.ts';
import { chosenBy, type ObjectDescription, targetOf } from '../../store/object-description.ts';
import type { BlockFlight } from '../blocks/block-flight.ts';
import type { OpenObject } from '../blocks/open-object.ts';
import type { FillSource } from '../fill-source.ts';
import { strongValidator } from '../origin/read-answer.ts';
import type { FillSlots } from './fill-slots.ts';
import { placeBody } from './place-body.ts';
import type { BanJudge, LinkMeter, TrafficMeter } from './run-meters.ts';

/** A body that is open already, from a source whose head has been read. */
export interface OpenBody {
  readonly source: FillSource;
  readonly body: AsyncIterable<Uint8Array>;
  /** Positions in the object: of the body's first byte, and one past its last. */
  readonly startByte: number;
  readonly endByte: number;
  readonly abort: AbortController;
  /** As the field came with it: of this body's bytes. */
  readonly contentDigest?: string | undefined;
  /** Ends it unread. */
  readonly discard?: () => void;
}

/** A body that begins a new object: its first blocks are filled from it. */
export interface NewObject {
  readonly description: ObjectDescription;
  readonly fillsByRange: boolean;
  /** Undefined when only the head is known. */
  readonly body: OpenBody | undefined;
  /** Blocks that the asker wants of it, as far as is known. */
  readonly wanted: { readonly firstBlock: number; readonly lastBlock: number };
  /** Of the question that it answers. */
  readonly passage?: Passage;
}

export interface RunOptions {
  readonly object: OpenObject;
  /** The blocks to fill, ascending; their flights are the run's to end. */
  readonly flights: readonly BlockFlight[];
  /** In the order to ask. */
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
  /** Who is told whose blocks pass their check and whose do not. */
  readonly bans?: BanJudge | undefined;
  /** What counts all bytes that come in, by purpose and source. */
  readonly traffic?: TrafficMeter | undefined;
  /** What counts the bytes that come across the site's link. */
  readonly link?: LinkMeter | undefined;
  readonly blockTimeoutMs: number;
  /** For second requests. */
  readonly hedges: ShareBudget;
  /** Whether the origin may be asked a second time for what it is late with. */
  readonly hedgesOrigin: boolean;
  /** Whether nothing is to be asked again. */
  readonly isStopping: () => boolean;
  /** The origin has other bytes now: nobody should find the object any more. */
  readonly onChanged: (object: OpenObject) => void;
  /** A source gave bytes that do not match their digest: the object is not to be served. */
  readonly onWrong: (object: OpenObject, source: FillSource, error: OperationalError) => void;
  /** Begins another run. */
  readonly begin: (options: RunOptions) => void;
}

const PLANNED_TAG = /^"[0-9a-f]{32}"$/;

/** Asks a source for bytes `first` to before `endByte` of an object. @throws OperationalError as `placeBody`, or as the source */
export async function askForBytes(
  object: OpenObject,
  asked: {
    readonly source: FillSource;
    readonly first: number;
    readonly endByte: number;
    readonly takesWhole: boolean;
    /** Nobody waits for it. */
    readonly isBackground: boolean;
    readonly abort: AbortController;
    readonly onAnswer: () => void;
  },
): Promise<OpenBody> {
  const { description, planned } = object;
  const { source, first, endByte, abort } = asked;
  const validator = planned === undefined ? strongValidator(description) : undefined;
  const isWhole = first === 0 && endByte === description.sizeBytes;
  const response = await source.ask({
    target: targetOf(object.key),
    // A whole object needs no range, unless it must be exactly this generation.
    ...(isWhole && validator === undefined ? {} : { range: { first, last: endByte - 1 } }),
    headers: {
      ...chosenBy(description),
      ...(validator === undefined ? {} : { 'if-range': validator }),
      ...(asked.isBackground ? { priority: BACKGROUND_PRIORITY } : {}),
    },
    signal: abort.signal,
  });
  asked.onAnswer();
  try {
    const { status, headers } = response;
    if (isOfOtherPlan(object, headers['etag'])) object.otherwise.add(source);
    else object.otherwise.delete(source);
    const place = placeBody({ ...asked, status, headers, description, isPlanned: planned !== undefined });
    return { source, body: response.body, ...place, abort, contentDigest: headers['content-digest'] };
  } catch (error) {
    response.discard();
    throw error;
  }
}

/** Whether a tag is that of another planned content (planned-object.ts). One of an origin says nothing about the plan. */
const isOfOtherPlan = ({ planned, description }: OpenObject, etag: string | undefined): boolean =>
  planned !== undefined && etag !== undefined && PLANNED_TAG.test(etag) && etag !== description.etag;

/** One past the last byte to ask for: the end of the blocks that follow each other without a gap. `flights` ascend. */
export function endOfRequest(flights: readonly BlockFlight[], sizeBytes: number): number {
  let last = flights[0]?.blockIndex ?? 0;
  for (const { blockIndex } of flights) {
    if (blockIndex <= last + 1) last = Math.max(last, blockIndex);
  }
  return Math.min((last + 1) * BLOCK_BYTES, sizeBytes);
}
