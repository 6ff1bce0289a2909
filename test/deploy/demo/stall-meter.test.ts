import { afterEach, beforeEach, expect, test, vi } from 'vitest';

/** The page is plain JavaScript without types; this is what the test sees of it. */
interface Standstill {
  readonly dryMs: number;
  readonly heldMs: number;
  readonly aheadSec: number;
  readonly lateMs: number;
}

interface Meter {
  readonly dryStalls: number;
  readonly longestDryMs: number;
  readonly heldStalls: number;
  readonly longestHeldMs: number;
  readonly skippedMs: number;
  readonly aheadSec: number;
  readonly standstills: readonly Standstill[];
  readonly standing: Standstill | undefined;
}

type MeterClass = new (video: FakeVideo, onStall: (standstill: Standstill) => void) => Meter;

const PAGE = new URL('../../../deploy/demo/page/stall-meter.js', import.meta.url).href;
const { StallMeter } = (await import(PAGE)) as { StallMeter: MeterClass };

/** A video of 60 s whose playhead and buffer the test moves. */
class FakeVideo extends EventTarget {
  currentTime = 0;
  readonly duration = 60;
  paused = false;
  ended = false;
  playbackRate = 1;
  bufferedTo = 0;

  get buffered() {
    return { length: 1, start: () => 0, end: () => this.bufferedTo };
  }
}

let video: FakeVideo;
let meter: Meter;
let told: Standstill[];
let viewerActs = false;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  vi.stubGlobal('navigator', {
    userActivation: {
      get isActive() {
        return viewerActs;
      },
    },
  });
  viewerActs = false;
  video = new FakeVideo();
  told = [];
  meter = new StallMeter(video, (standstill) => told.push(standstill));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The playhead moves with the wall clock, in steps as small as the meter's. */
function play(ms: number, aheadSec = 8): void {
  for (let at = 0; at < ms; at += 10) {
    video.currentTime += 0.01;
    video.bufferedTo = Math.min(video.duration, video.currentTime + aheadSec);
    vi.advanceTimersByTime(10);
  }
}

function stand(ms: number, aheadSec: number): void {
  video.bufferedTo = video.currentTime + aheadSec;
  vi.advanceTimersByTime(ms);
}

test('a video that plays has no stall', () => {
  play(5000);
  expect(meter).toMatchObject({ dryStalls: 0, heldStalls: 0, longestDryMs: 0, longestHeldMs: 0, skippedMs: 0 });
  expect(meter.aheadSec).toBeCloseTo(8);
  expect(told).toEqual([]);
});

test('standing with nothing to play is dry, and what the browser needs to go on once it has data is not', () => {
  play(1000, 0.2);
  stand(1200, 0.1);
  stand(300, 4);
  expect(meter.standing).toMatchObject({ heldMs: 300 });
  play(1000);
  expect(meter).toMatchObject({ dryStalls: 1, heldStalls: 0 });
  expect(meter.longestDryMs).toBeGreaterThanOrEqual(1200);
  expect(meter.longestDryMs).toBeLessThanOrEqual(1300);
  expect(told).toEqual(meter.standstills);
  expect(told).toHaveLength(1);
});

test('standing with media ahead is held: the delivery had no part in it', () => {
  play(1000);
  stand(1300, 8);
  play(1000);
  expect(meter).toMatchObject({ dryStalls: 0, longestDryMs: 0, heldStalls: 1 });
  expect(meter.longestHeldMs).toBeGreaterThanOrEqual(1250);
  expect(told).toMatchObject([{ dryMs: 0, lateMs: 0 }]);
  expect(told[0]?.aheadSec).toBeCloseTo(8, 1);
});

test('a hole in the media is an empty buffer', () => {
  play(1000);
  Object.defineProperty(video, 'buffered', {
    value: { length: 2, start: (n: number) => [0, 3][n], end: (n: number) => [1.1, 9][n] },
  });
  vi.advanceTimersByTime(500);
  expect(meter.longestDryMs).toBeGreaterThanOrEqual(450);
  // The sample before the hole saw media.
  expect(meter.longestHeldMs).toBeLessThanOrEqual(50);
});

test('where the buffer reaches the end of the title nothing is missing', () => {
  play(1000);
  video.currentTime = 59.9;
  video.bufferedTo = 60;
  vi.advanceTimersByTime(50);
  vi.advanceTimersByTime(400);
  expect(meter.longestDryMs).toBe(0);
  expect(meter.longestHeldMs).toBeGreaterThanOrEqual(400);
});

test('what is as short as the jitter of the sampler is no stall', () => {
  play(1000);
  stand(90, 8);
  play(1000);
  expect(told).toEqual([]);
});

test('time that the page itself was away is counted by both clocks, and told as lateness', () => {
  play(1000);
  // The page's thread is held for two seconds; the playhead moves for half of one.
  const now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now + 2000);
  video.currentTime += 0.5;
  video.bufferedTo = video.currentTime + 8;
  vi.advanceTimersByTime(50);
  expect(told).toHaveLength(1);
  expect(told[0]?.heldMs).toBeGreaterThan(1400);
  expect(told[0]?.lateMs).toBeGreaterThan(1900);
  vi.restoreAllMocks();
});

test('before the first frame, while paused and after the end nothing is counted', () => {
  stand(3000, 0);
  play(1000);
  video.paused = true;
  stand(3000, 0);
  video.paused = false;
  play(1000);
  video.ended = true;
  stand(3000, 0);
  expect(meter).toMatchObject({ dryStalls: 0, heldStalls: 0 });
});

test("the viewer's seek is no stall, the player's is, and so is what it jumps over", () => {
  play(1000);
  viewerActs = true;
  video.dispatchEvent(new Event('seeking'));
  stand(2000, 0);
  video.dispatchEvent(new Event('seeked'));
  play(1000);
  expect(told).toEqual([]);
  viewerActs = false;
  video.dispatchEvent(new Event('seeking'));
  stand(2000, 0);
  video.currentTime += 3;
  video.dispatchEvent(new Event('seeked'));
  play(1000);
  expect(meter.dryStalls).toBe(1);
  expect(meter.skippedMs).toBeGreaterThan(2500);
});

test('a player that stops the playback rate while it waits for media stands still all the same, and skips nothing', () => {
  play(1020, 0.2);
  // Shaka does so, between two looks.
  video.playbackRate = 0;
  video.currentTime += 0.01;
  stand(1500, 0.1);
  expect(meter.standing).toBeDefined();
  video.playbackRate = 1;
  play(1000);
  expect(meter).toMatchObject({ dryStalls: 1, skippedMs: 0 });
  expect(meter.longestDryMs).toBeGreaterThanOrEqual(1400);
});
