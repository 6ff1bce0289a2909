import { describe, expect, it } from 'vitest';
import type { WireThreadData } from '../../../../appliance/fast-path/messages.ts';
import { WireThreadLink } from '../../../../appliance/fast-path/owner/wire-thread-link.ts';
import { loadLibc } from '../../../../appliance/kernel/libc.ts';

const loaded = loadLibc();

// Without Linux and koffi there are no wire threads.
describe.skipIf(loaded.kind === 'missing')('a wire thread that dies (needs Linux and koffi)', () => {
  const link = (program: URL): Promise<unknown> =>
    new Promise((resolve) => {
      if (loaded.kind === 'missing') return;
      const { libc } = loaded;
      new WireThreadLink({
        libc,
        program,
        data: { number: 0, wakeFd: libc.eventfd() } as unknown as WireThreadData,
        onMessage: () => undefined,
        onDied: resolve,
      });
    });

  it('by an error is told once, with the error', async () => {
    expect(await link(new URL('./dying-thread.ts', import.meta.url))).toMatchObject({
      message: 'a wire thread with a bug',
    });
  });

  it('by coming to its end unasked is told as well', async () => {
    expect(await link(new URL('./ending-thread.ts', import.meta.url))).toMatchObject({
      message: 'wire thread 0 ended with 0',
    });
  });
});
