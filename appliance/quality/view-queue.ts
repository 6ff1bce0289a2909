import { cmcdOfRequest } from '../../src/cmcd/cmcd-of-request.ts';
import { readCmcd } from '../../src/cmcd/read-cmcd.ts';
import type { DeliveredView, ViewEnding } from './viewer-sketches.ts';

/** What of a request tells who asks and what its player reports; taken as it came. */
export interface Viewer {
  readonly address: string;
  /** Of the request line, with its query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** The session that the player names, undefined when it names none. */
export function sessionOfViewer({ target, headers }: Viewer): string | undefined {
  const text = cmcdOfRequest(target, headers);
  const reading = text === undefined ? undefined : readCmcd(text);
  return typeof reading === 'object' ? reading.sessionId : undefined;
}

/**
 * Delivered views on their way from the answer to the sketches. Reading what a player reports takes microseconds, which
 * an answer should not wait for; putting a view down here takes a few nanoseconds, and everything else is done in
 * batches between answers. When more come than are taken the rest is left out and counted: a sample is as good.
 */
const CAPACITY = 8192;

export class ViewQueue {
  readonly #viewers: (Viewer | undefined)[] = Array.from({ length: CAPACITY }, () => undefined);
  readonly #bytes = new Float64Array(CAPACITY);
  readonly #durationMs = new Float64Array(CAPACITY);
  readonly #endings: ViewEnding[] = Array.from({ length: CAPACITY }, () => 'whole');
  #length = 0;
  #leftOut = 0;

  /** Views that found no room since it was asked last. */
  takeLeftOut(): number {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }

  /** So many views were left out before they came here. */
  leaveOut(views: number): void {
    this.#leftOut += views;
  }

  put(viewer: Viewer, bytes: number, durationMs: number, ending: ViewEnding): void {
    const at = this.#length;
    if (at === CAPACITY) {
      this.#leftOut += 1;
      return;
    }
    this.#viewers[at] = viewer;
    this.#bytes[at] = bytes;
    this.#durationMs[at] = durationMs;
    this.#endings[at] = ending;
    this.#length = at + 1;
  }

  /** Hands over what is there, at most so many, and forgets it. @returns whether more is left */
  drain(most: number, take: (view: DeliveredView) => void): boolean {
    for (let taken = 0; taken < most && this.#length > 0; taken += 1) {
      const at = this.#length - 1;
      this.#length = at;
      const viewer = this.#viewers[at];
      this.#viewers[at] = undefined;
      if (viewer === undefined) continue;
      const { address, target, headers } = viewer;
      take({
        address,
        cmcd: cmcdOfRequest(target, headers),
        bytes: this.#bytes[at] ?? 0,
        durationMs: this.#durationMs[at] ?? 0,
        ending: this.#endings[at] ?? 'whole',
      });
    }
    return this.#length > 0;
  }
}
