/**
 * hls.js, set up to leave a failing appliance at once.
 *
 * Out of the box hls.js meets a failed request with patience: six more tries at the same server, a second and more apart.
 * With ten seconds of buffer that patience is the stall. Here no request is tried again where it failed; the content
 * steering in the playlist names the other pathways, and hls.js moves there and keeps the failed one out for five minutes.
 * The retry counts stay above zero on purpose: `maxNumRetry: 0` leaves hls.js 1.7 waiting for a retry that never comes,
 * while `shouldRetry` refusing lets it look for an alternative, and still retry when none is left.
 *
 * Measured with three appliances, kill -9 at random moments: next media byte after 10 to 90 ms, no stall. A frozen
 * appliance costs the time to first byte, which is why that is short here.
 */

import { isMedia, pastTheBrowserCache } from './browser-cache.js';

/** @import { PlayerReport } from './playback.js' */

const bufferAheadSeconds = 8;
const firstByteTimeoutMs = 2500;

/** Refuses every repetition at the same server. */
const elsewhere = { shouldRetry: () => false };

/** @param {number} loadTimeoutMs */
const policy = (loadTimeoutMs) => ({
  default: {
    maxTimeToFirstByteMs: firstByteTimeoutMs,
    maxLoadTimeMs: loadTimeoutMs,
    timeoutRetry: { maxNumRetry: 4, retryDelayMs: 0, maxRetryDelayMs: 0, ...elsewhere },
    errorRetry: { maxNumRetry: 6, retryDelayMs: 500, maxRetryDelayMs: 2000, ...elsewhere },
  },
});

/**
 * Starts playback of a multivariant playlist in `video`. The script of hls.js is already there.
 * @param {HTMLVideoElement} video
 * @param {string} manifestUrl
 * @param {PlayerReport} report
 */
export function startHls(video, manifestUrl, report) {
  const Hls = /** @type {{ Hls: typeof import('hls.js').default }} */ (/** @type {unknown} */ (globalThis)).Hls;
  const hls = new Hls({
    // hls.js loads while less than this is buffered, so it ends up one segment above: ten seconds.
    maxBufferLength: bufferAheadSeconds,
    maxMaxBufferLength: bufferAheadSeconds,
    fragLoadPolicy: policy(20_000),
    playlistLoadPolicy: policy(5000),
    xhrSetup: (xhr, url) => {
      if (!isMedia(url)) return;
      xhr.open('GET', url);
      for (const [name, value] of Object.entries(pastTheBrowserCache)) xhr.setRequestHeader(name, value);
    },
  });
  hls.on(Hls.Events.FRAG_LOADED, (_event, { frag, networkDetails }) => {
    if (typeof frag.sn !== 'number') return;
    const { loading, loaded } = frag.stats;
    report.segment({
      url: networkDetails instanceof XMLHttpRequest ? networkDetails.responseURL : frag.url,
      kind: frag.type === 'audio' ? 'audio' : 'video',
      startSeconds: frag.start,
      durationSeconds: frag.duration,
      sizeBytes: loaded,
      at: loading.end,
    });
  });
  hls.on(Hls.Events.ERROR, (_event, data) => {
    const url = data.frag?.url ?? data.url ?? data.context?.url;
    const status = data.response?.code;
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR) {
      const why = /Timeout/i.test(data.details)
        ? 'no answer in time'
        : status
          ? `status ${status}`
          : 'connection failed';
      report.requestFailed({ url: url ?? manifestUrl, why });
    }
    if (data.fatal) report.gaveUp(data.details);
  });
  hls.on(Hls.Events.STEERING_MANIFEST_LOADED, (_event, { steeringManifest, url }) => {
    report.steered(steeringManifest['PATHWAY-PRIORITY'], url.startsWith('data:') ? 'in the playlist' : 'by request');
  });
  hls.once(Hls.Events.MANIFEST_PARSED, () => {
    video.play().catch(() => report.clickNeeded());
  });
  hls.loadSource(manifestUrl);
  hls.attachMedia(video);
}
