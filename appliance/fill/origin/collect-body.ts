import type { Clock } from '../../../src/world/world.ts';

/** A body that ended within the limits, or one that goes on, with what came so far put before the rest. */
export type CollectedBody =
  | { readonly kind: 'ended'; readonly bytes: Uint8Array }
  | { readonly kind: 'open'; readonly body: AsyncIterable<Buffer> };

/** Reads a body to its end, unless it is too large or takes too long: then nothing is lost. Rejects as the body does. */
export async function collectBody(
  body: AsyncIterable<Buffer>,
  limits: { readonly maxBytes: number; readonly maxWaitMs: number; readonly clock: Clock },
): Promise<CollectedBody> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  const iterator = body[Symbol.asyncIterator]();
  const { promise: tooLate, resolve } = Promise.withResolvers<'too-late'>();
  const timer = limits.clock.setTimer(limits.maxWaitMs, () => resolve('too-late'));
  try {
    for (;;) {
      const next = iterator.next();
      const step = await Promise.race([next, tooLate]);
      if (step === 'too-late') return { kind: 'open', body: resume(pieces, next, iterator) };
      if (step.done === true) return { kind: 'ended', bytes: Buffer.concat(pieces, sizeBytes) };
      pieces.push(step.value);
      sizeBytes += step.value.length;
      if (sizeBytes > limits.maxBytes) return { kind: 'open', body: resume(pieces, iterator.next(), iterator) };
    }
  } finally {
    timer.cancel();
  }
}

/** Not a generator: one that was never begun could not end the body. */
function resume(
  pieces: readonly Buffer[],
  pending: Promise<IteratorResult<Buffer>>,
  iterator: AsyncIterator<Buffer>,
): AsyncIterable<Buffer> {
  // Whoever reads on meets the failure there.
  pending.catch(() => undefined);
  const upcoming = [...pieces.map((value) => Promise.resolve<IteratorResult<Buffer>>({ done: false, value })), pending];
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => upcoming.shift() ?? iterator.next(),
      return: async () => {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
