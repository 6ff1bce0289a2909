import { messageOf, OperationalError } from '../../../../src/errors/operational-error.ts';
import type { KeptPlan, PlanFile } from '../plan-file.ts';
import { judgePlan, type PlanQuestion } from './judge-plan.ts';
import { PlanThread } from './plan-thread-client.ts';
import type { TakenPlan } from './taken-plan.ts';

/** What is taken on the event loop: about 300 files, less than ten milliseconds. */
const SMALL_BYTES = 128 * 1024;

/**
 * Makes a plan out of the bytes that the planner sent, or that are kept on disk.
 *
 * To decode, verify and check a plan takes 26 us for each of its files, and all of that was time in which no viewer was
 * answered: 5 s for 200,000 files. So it is done in a thread, which also writes what is to be kept. But a thread cannot
 * give objects away, only copies, and to take a copy of the whole costs a second for a million files again; so files
 * come a few hundred at a time, each lot asked for when the one before is in its place, which leaves the event loop to
 * others in between. The thread begins with a plan and ends with it: what it took of memory goes back.
 *
 * A thread costs a tenth of a second of processor to begin with, so a plan that is small is taken right here.
 */
export class PlanTaker {
  readonly #file: PlanFile;
  readonly #smallBytes: number;

  constructor(file: PlanFile, smallBytes = SMALL_BYTES) {
    this.#file = file;
    this.#smallBytes = smallBytes;
  }

  /**
   * The plan in these pieces of JSON, and what is to be done with it.
   * @throws OperationalError SERVICE_PROTOCOL when it is none; whatever the pieces throw
   */
  async take(pieces: AsyncIterable<Buffer>, question: PlanQuestion): Promise<TakenPlan> {
    const first: Buffer[] = [];
    let sizeBytes = 0;
    let thread: PlanThread | undefined;
    try {
      for await (const piece of pieces) {
        sizeBytes += piece.length;
        if (thread === undefined) first.push(piece);
        if (thread === undefined && sizeBytes > this.#smallBytes) {
          thread = new PlanThread(this.#file.stateDir);
          for (const early of first) thread.send({ kind: 'piece', bytes: early });
        } else thread?.send({ kind: 'piece', bytes: piece });
      }
      if (thread === undefined) return this.#takeHere(Buffer.concat(first), question);
      return await thread.judge({ kind: 'judge', question });
    } catch (error) {
      await thread?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * The plan that was kept, and the entity tag that it came with; undefined when there is none.
   * @throws OperationalError STATE_CORRUPT, VOLUME_IO
   */
  async takeKept(question: PlanQuestion): Promise<(TakenPlan & Pick<KeptPlan, 'etag'>) | undefined> {
    const sizeBytes = this.#file.planBytes();
    if (sizeBytes === undefined) return undefined;
    if (sizeBytes > this.#smallBytes) {
      const thread = new PlanThread(this.#file.stateDir);
      return thread.judge({ kind: 'judge-kept', question });
    }
    const kept = this.#file.readPlan();
    if (kept === undefined) return undefined;
    return { ...this.#taken(kept.plan, question), etag: kept.etag };
  }

  #takeHere(bytes: Buffer, question: PlanQuestion): TakenPlan {
    let document: unknown;
    try {
      document = JSON.parse(bytes.toString());
    } catch (error) {
      throw new OperationalError('SERVICE_PROTOCOL', `the plan: ${messageOf(error)}`, { cause: error });
    }
    return this.#taken(document, question);
  }

  #taken(document: unknown, question: PlanQuestion): TakenPlan {
    return {
      verdict: judgePlan(document, question),
      keep: (etag) =>
        new Promise((resolve) => {
          this.#file.writePlan({ etag, plan: document });
          resolve();
        }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}
