import { cpus } from 'node:os';

/**
 * How much of the processors nobody used, at any time of the last minutes. A browser that draws in software stops when
 * it gets no processor, and nothing inside of it can tell that from a fault of its own: its timers wake in time also
 * where its decoders wait for seconds.
 *
 * Idle time is counted against the wall clock, so time that the host of a virtual machine took is not idle.
 */
interface Sample {
  readonly atMs: number;
  readonly idleMs: number;
}

const SAMPLE_MS = 100;
const SAMPLES_KEPT = 3000;

export class MachineMeter {
  readonly #samples: Sample[] = [look()];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      this.#samples.push(look());
      if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift();
    }, SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @returns processors that had nothing to do, on average between two times of `Date.now()` */
  idleProcessors(fromMs: number, toMs: number): number {
    const first = this.#samples.findLast(({ atMs }) => atMs <= fromMs) ?? this.#samples[0];
    const last = this.#samples.find(({ atMs }) => atMs >= toMs) ?? this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return (last.idleMs - first.idleMs) / (last.atMs - first.atMs);
  }
}

function look(): Sample {
  return { atMs: Date.now(), idleMs: cpus().reduce((sum, { times }) => sum + times.idle, 0) };
}
