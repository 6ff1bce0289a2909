/**
 * dash.js, set up to leave a failing appliance at once.
 *
 * By default dash.js asks the same server three more times, a second apart, before it looks at the next BaseURL: over three
 * of at most ten seconds of buffer. With no retries it puts the service location on its blacklist at the first failure and
 * asks the next one for the same segment (measured: next media byte after 10 to 50 ms). The blacklist lasts for the TTL of
 * the last steering answer; while steering still ranks the dead appliance first this costs one refused request per TTL.
 */

import { isMedia, pastTheBrowserCache } from './browser-cache.js';

/** @import { PlayerReport } from './playback.js' */

/** @typedef {{ currentSteeringResponseData?: { pathwayPriority?: string[] } }} SteeringEvent */

const bufferAheadSeconds = 8;
const requestTimeoutMs = 3000;

/**
 * Starts playback of an MPD in `video`. The script of dash.js is already there.
 * @param {HTMLVideoElement} video
 * @param {string} manifestUrl
 * @param {PlayerReport} report
 */
export function startDash(video, manifestUrl, report) {
  const { MediaPlayer } = /** @type {{ dashjs: typeof import('dashjs') }} */ (/** @type {unknown} */ (globalThis))
    .dashjs;
  const player = MediaPlayer().create();
  player.updateSettings({
    debug: { logLevel: 0 },
    streaming: {
      fragmentRequestTimeout: requestTimeoutMs,
      retryAttempts: { MediaSegment: 0, InitializationSegment: 0, IndexSegment: 0, BitstreamSwitchingSegment: 0 },
      buffer: {
        // Where dash.js does not know a segment's duration beforehand it ends up one segment above: ten seconds.
        bufferTimeDefault: bufferAheadSeconds,
        bufferTimeAtTopQuality: bufferAheadSeconds,
        bufferTimeAtTopQualityLongForm: bufferAheadSeconds,
      },
    },
  });
  player.addRequestInterceptor((request) => {
    if (isMedia(request.url)) Object.assign((request.headers ??= {}), pastTheBrowserCache);
    return Promise.resolve(request);
  });
  const { events } = MediaPlayer;
  player.on(events.FRAGMENT_LOADING_COMPLETED, (event) => {
    const { request, error } = /** @type {typeof event & { error?: object | null }} */ (event);
    if (error) {
      report.requestFailed({ url: request.url ?? manifestUrl, why: 'segment request failed' });
    } else if (request.type === 'MediaSegment') {
      report.segment({
        url: request.url ?? '',
        kind: request.mediaType === 'audio' ? 'audio' : 'video',
        startSeconds: request.startTime,
        durationSeconds: request.duration,
        sizeBytes: request.bytesLoaded,
        at: performance.now(),
      });
    }
  });
  // Missing in the type definitions of dash.js 5.2.1, present in its MediaPlayerEvents.
  player.on('contentSteeringRequestCompleted', (/** @type {SteeringEvent} */ event) => {
    report.steered(event.currentSteeringResponseData?.pathwayPriority ?? [], 'by request');
  });
  player.on(events.PLAYBACK_ERROR, ({ error }) => report.gaveUp(String(error?.message ?? error)));
  player.on(events.PLAYBACK_NOT_ALLOWED, () => report.clickNeeded());
  // dash.js must start the playback itself: it asks steering when it sees the `play` event, and one that comes before it
  // listens is lost, and with it all steering of the session.
  player.initialize(video, manifestUrl, true);
}
