/**
 * One playback of the title: the player, what it loaded from whom, and how smoothly it went.
 *
 * `window.demo` is the record that automated checks read; its fields are promises: `segments` in the order of loading with
 * `at` on the clock of `performance.now()` (which began at `timeOrigin`), times of the media in seconds, stalls in
 * milliseconds and told apart as in stall-meter.js, frames since the beginning.
 */
import { cameFromBrowserCache } from './browser-cache.js';
import { startDash } from './dash-player.js';
import { startHls } from './hls-player.js';
import { startShaka } from './shaka-player.js';
import { StallMeter } from './stall-meter.js';

/**
 * What a player tells, in the same words for all.
 * @typedef {object} PlayerReport
 * @property {(segment: LoadedSegment) => void} segment
 * @property {(failure: { url: string, why: string }) => void} requestFailed
 * @property {(order: readonly string[], how: string) => void} steered
 * @property {(why: string) => void} gaveUp
 * @property {() => void} clickNeeded the browser does not let a page play by itself
 */

/**
 * @typedef {object} LoadedSegment
 * @property {string} url
 * @property {'video' | 'audio'} kind
 * @property {number} startSeconds
 * @property {number} durationSeconds
 * @property {number} sizeBytes
 * @property {number} at
 */

/**
 * @typedef {LoadedSegment & { appliance: string, rendition: string, fromBrowserCache: boolean }} Segment
 * @typedef {'hls' | 'dash' | 'shaka'} PlayerName
 */

export const players = {
  hls: { name: 'hls.js', script: '/players/hls.js', extension: 'm3u8', start: startHls },
  dash: { name: 'dash.js', script: '/players/dash.js', extension: 'mpd', start: startDash },
  shaka: { name: 'Shaka', script: '/players/shaka.js', extension: 'm3u8', start: startShaka },
};

/** The page may be left open for days. */
const segmentsKept = 2000;
const recordEveryMs = 100;

/** @param {import('./stall-meter.js').Standstill} standstill */
function wordsFor({ dryMs, heldMs, aheadSec }) {
  if (dryMs > 0) return `stood still for ${Math.round(dryMs + heldMs)} ms: nothing to play for ${Math.round(dryMs)} ms`;
  return `stood still for ${Math.round(heldMs)} ms with ${aheadSec.toFixed(1)} s at hand: the browser was too slow`;
}

/** @param {string} url */
function loadScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = url;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${url} did not load`));
    document.head.append(script);
  });
}

export class Playback {
  /** @type {Segment[]} */
  segments = [];
  #video;
  #name;
  #whoServes;
  #log;

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerName} name
   * @param {(url: string) => string} whoServes the id of the appliance at a URL
   * @param {(text: string, tone?: string) => void} log
   */
  constructor(video, name, whoServes, log) {
    this.#video = video;
    this.#name = name;
    this.#whoServes = whoServes;
    this.#log = log;
    this.stallMeter = new StallMeter(video, (stood) => log(wordsFor(stood), stood.dryMs > 0 ? 'bad' : 'plain'));
    this.#keepRecord();
    video.addEventListener('ended', () => log('the video came to its end', 'good'));
  }

  /** @param {string} steeringUrl @param {string} session */
  async start(steeringUrl, session) {
    const { script, extension, start } = players[this.#name];
    performance.setResourceTimingBufferSize(5000);
    await loadScript(script);
    const manifestUrl = `${steeringUrl}/v1/manifest/bars.${extension}?session=${session}`;
    await start(this.#video, manifestUrl, this.#report());
  }

  /** @param {'video' | 'audio'} kind */
  latest(kind) {
    return this.segments.findLast((segment) => segment.kind === kind);
  }

  /** The segment that is on the screen: of several loads of one place the latest that was there in time. */
  onScreen() {
    const { currentTime } = this.#video;
    return this.segments.findLast(
      ({ kind, startSeconds, durationSeconds }) =>
        kind === 'video' && startSeconds <= currentTime + 0.01 && currentTime < startSeconds + durationSeconds + 0.01,
    );
  }

  /** @returns {PlayerReport} */
  #report() {
    let order = '';
    return {
      segment: (loaded) => this.#addSegment(loaded),
      requestFailed: ({ url, why }) => this.#log(`${this.#whoServes(url)}: ${why}; the player goes elsewhere`, 'bad'),
      steered: (ids, how) => {
        if (ids.join() !== order) this.#log(`steering's order (${how}): ${ids.join(', ')}`, 'steer');
        order = ids.join();
      },
      gaveUp: (why) => this.#log(`the player gave up: ${why}`, 'bad'),
      clickNeeded: () => this.#log('press play: the browser waits for a click'),
    };
  }

  /** @param {LoadedSegment} loaded */
  #addSegment(loaded) {
    const appliance = this.#whoServes(loaded.url);
    const previous = this.latest(loaded.kind)?.appliance;
    const rendition =
      new URL(loaded.url).pathname
        .split('/')
        .at(-1)
        ?.replace(/\.\w+$/, '') ?? '';
    const segment = { ...loaded, appliance, rendition, fromBrowserCache: false };
    this.segments.push(segment);
    if (this.segments.length > segmentsKept) this.segments.shift();
    if (loaded.kind === 'video' && previous !== appliance) this.#log(`segments now come from ${appliance}`, 'good');
    // The browser writes its timing entry a moment after the player has the bytes.
    setTimeout(() => {
      segment.fromBrowserCache = cameFromBrowserCache(loaded);
    }, 200);
  }

  #keepRecord() {
    const video = this.#video;
    const record = {
      player: this.#name,
      segments: this.segments,
      timeOrigin: performance.timeOrigin,
      standstills: this.stallMeter.standstills,
      dryStalls: 0,
      longestDryMs: 0,
      heldStalls: 0,
      longestHeldMs: 0,
      skippedMs: 0,
      aheadSec: 0,
      shownFrames: 0,
      droppedFrames: 0,
      currentTime: 0,
      duration: 0,
      ended: false,
    };
    Object.assign(globalThis, { demo: record });
    setInterval(() => {
      const { currentTime, duration, ended } = video;
      const { dryStalls, longestDryMs, heldStalls, longestHeldMs, skippedMs, aheadSec } = this.stallMeter;
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      Object.assign(record, {
        currentTime,
        ended,
        dryStalls,
        longestDryMs,
        heldStalls,
        longestHeldMs,
        skippedMs,
        aheadSec,
        duration: Number.isFinite(duration) ? duration : 0,
        shownFrames: totalVideoFrames - droppedVideoFrames,
        droppedFrames: droppedVideoFrames,
      });
    }, recordEveryMs);
  }
}
