/**
 * One playback of the title: the player, what it loaded from whom, and how smoothly it went.
 *
 * `window.demo` is the record that automated checks read; its fields are promises: `segments` in the order of loading with
 * `at` on the clock of `performance.now()`, times of the media in seconds, stalls in milliseconds.
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
const recordEveryMs = 50;

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
  bufferSeconds = 0;
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
    this.stallMeter = new StallMeter(video, (stillMs) => log(`stood still for ${Math.round(stillMs)} ms`, 'bad'));
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
      longestStallMs: 0,
      stalls: 0,
      skippedMs: 0,
      currentTime: 0,
      duration: 0,
      ended: false,
    };
    Object.assign(globalThis, { demo: record });
    setInterval(() => {
      const { currentTime, duration, ended, buffered } = video;
      const { stalls, longestStallMs, skippedMs } = this.stallMeter;
      Object.assign(record, { currentTime, ended, stalls, longestStallMs, skippedMs });
      record.duration = Number.isFinite(duration) ? duration : 0;
      this.bufferSeconds = 0;
      for (let n = 0; n < buffered.length; n += 1) {
        if (buffered.start(n) <= currentTime + 0.1) this.bufferSeconds = Math.max(0, buffered.end(n) - currentTime);
      }
    }, recordEveryMs);
  }
}
