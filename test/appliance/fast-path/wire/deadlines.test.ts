import { afterEach, describe, expect, it } from 'vitest';
import { patterned } from '../../support/gated-origin.ts';
import { RawClient, requestFor } from './raw-client.ts';
import { BLOCK_BYTES, hasWireThreads, WireRig } from './wire-rig.ts';

/** More than one turn of the loop sends, and less than the kernel takes at once: the client is never waited for. */
const BODY = patterned(1.5 * BLOCK_BYTES, 1);
const CLIENTS = 16;
/** Ticks of the wheel in which bodies are under way. */
const TICKS = 8;
const TICK_MS = 250;

// Only where the calls of Linux can be had: elsewhere there are no wire threads.
describe.skipIf(!hasWireThreads)('a deadline for a head or a request', () => {
  let rig: WireRig;
  afterEach(() => rig.stop());

  it('never ends the body that came of it in time, nor speaks into it', async () => {
    rig = await WireRig.start({ limits: { headTimeoutMs: 1, idleTimeoutMs: 1 } });
    await rig.hold('/body', BODY);
    const untilMs = performance.now() + TICKS * TICK_MS;
    let wholeAnswers = 0;
    const askOnAndOn = async (): Promise<void> => {
      let client = await RawClient.open(rig.port);
      while (performance.now() < untilMs) {
        client.write(requestFor('/body'));
        const answer = await client.answer().catch(() => undefined);
        if (answer?.status === 200) {
          expect(answer.body.equals(BODY)).toBe(true);
          wholeAnswers += 1;
          continue;
        }
        // Between two answers it may end, in words or without.
        expect([undefined, 408]).toContain(answer?.status);
        expect(client.receivedBytes).toBe(0);
        client = await RawClient.open(rig.port);
      }
      client.socket.destroy();
    };
    await Promise.all(Array.from({ length: CLIENTS }, askOnAndOn));
    expect(wholeAnswers).toBeGreaterThan(CLIENTS);
  });
});
