import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock } from '../../../src/world/world.ts';

/** What the work gives, if it does so in time; it goes on after that. @throws OperationalError VOLUME_IO when it is late */
export async function within<T>(clock: Clock, limitMs: number, what: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.setTimer(limitMs, () => {
    late.reject(new OperationalError('VOLUME_IO', `${what}: no answer within ${limitMs} ms`));
  });
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
  }
}

/** Those who wait for a disk, so that all of them can be told at once that it is given up. */
export class Waiting {
  readonly #rejects = new Set<(error: OperationalError) => void>();

  /** What the work gives, unless it is cut off before. @throws the error of the cut */
  async for<T>(work: Promise<T>): Promise<T> {
    const cut = Promise.withResolvers<never>();
    this.#rejects.add(cut.reject);
    try {
      return await Promise.race([work, cut.promise]);
    } finally {
      this.#rejects.delete(cut.reject);
    }
  }

  cutOff(error: OperationalError): void {
    for (const reject of this.#rejects) reject(error);
  }
}
