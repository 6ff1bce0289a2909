import { expect, test } from 'vitest';
import { FillPace } from '../../../../appliance/fill/pace/fill-pace.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import type { FillWindow } from '../../../../src/contracts/fill-plan.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const HOUR_MS = 3_600_000;

test("a window's caps close the link when they are used up, counted since long before the window, and not the peers", () => {
  const { clock } = new FakeWorld();
  const nowMs = clock.nowMs();
  let monthBytes = 0;
  const pace = new FillPace({ clock, linkUse: { fillBytes: (sinceMs) => (sinceMs < nowMs ? monthBytes : 0) } });
  const window: FillWindow = {
    startsAtMs: nowMs,
    endsAtMs: nowMs + HOUR_MS,
    fillBitsPerSec: 1e9,
    peerBitsPerSec: 1e9,
    caps: [
      { sinceMs: nowMs, untilMs: nowMs + HOUR_MS, maxBytes: 100 * BLOCK_BYTES },
      { sinceMs: nowMs - 200 * HOUR_MS, untilMs: nowMs + 200 * HOUR_MS, maxBytes: 50 * BLOCK_BYTES },
      { sinceMs: nowMs - 2 * HOUR_MS, untilMs: nowMs - HOUR_MS, maxBytes: 0 },
    ],
  };
  pace.follow(window, 1);
  expect(pace.linkLeftBytes()).toBe(50 * BLOCK_BYTES);
  expect(pace.mayAsk('origin')).toBe(true);
  monthBytes = 49.5 * BLOCK_BYTES;
  expect(pace.mayAsk('origin')).toBe(false);
  expect(pace.mayAsk('tier')).toBe(false);
  expect(pace.mayAsk('peer')).toBe(true);
});
