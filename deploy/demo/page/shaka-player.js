/**
 * Shaka Player, set up to leave a failing appliance at once.
 *
 * A request of Shaka carries the URLs of all pathways in steering's order, and each of its attempts takes the next of
 * them. So what it needs is not fewer retries but quick ones: by default it waits a second and more before each. With two
 * attempts per pathway and no wait a dead appliance costs one refused connection per segment, and Shaka keeps it out for
 * a minute once a segment has failed everywhere.
 *
 * Two ways of its own to know: before the first variant it waits for the first steering answer, which is why that stands
 * in the playlist; and a DASH rendition of a single file (SegmentBase) keeps the order that it had when its index was
 * read, so a drained appliance goes on serving that one until the quality changes.
 */

import { isMedia, pastTheBrowserCache } from './browser-cache.js';

/** @import { PlayerReport } from './playback.js' */

const bufferAheadSeconds = 8;
const requestTimeoutMs = 3000;
/** Shaka's severity of errors that end playback. */
const fatal = 2;

/** Of Shaka's networking as far as the page uses it. */
/** @typedef {{ uris: string[], headers: Record<string, string>, contentType?: string | null }} Request */
/** @typedef {{ type?: number, segment?: { startTime: number, endTime: number }, stream?: { type: string } }} Context */
/** @typedef {{ uri: string, data: ArrayBuffer, status?: number }} Response */
/**
 * @typedef {object} Shaka
 * @property {{ installAll(): void }} polyfill
 * @property {new () => ShakaPlayer} Player
 * @property {{ NetworkingEngine: { AdvancedRequestType: { MEDIA_SEGMENT: number } } }} net
 */
/**
 * @typedef {object} ShakaPlayer
 * @property {(video: HTMLVideoElement) => Promise<void>} attach
 * @property {(configuration: object) => boolean} configure
 * @property {(url: string) => Promise<void>} load
 * @property {() => Networking} getNetworkingEngine
 * @property {(type: string, listener: (event: { detail?: ShakaError }) => void) => void} addEventListener
 */
/** @typedef {{ severity?: number, code?: number, data?: unknown[] }} ShakaError */
/**
 * @typedef {object} Networking
 * @property {(filter: (type: number, request: Request) => void) => void} registerRequestFilter
 * @property {(filter: (type: number, response: Response, context?: Context) => void) => void} registerResponseFilter
 */

/**
 * Starts playback of a playlist or an MPD in `video`. The script of Shaka is already there.
 * @param {HTMLVideoElement} video
 * @param {string} manifestUrl
 * @param {PlayerReport} report
 */
export async function startShaka(video, manifestUrl, report) {
  const { shaka } = /** @type {{ shaka: Shaka }} */ (/** @type {unknown} */ (globalThis));
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  const attempts = { maxAttempts: 8, baseDelay: 0, timeout: requestTimeoutMs, connectionTimeout: 1500 };
  player.configure({
    streaming: { bufferingGoal: bufferAheadSeconds, rebufferingGoal: 1, retryParameters: attempts },
  });
  const networking = player.getNetworkingEngine();
  networking.registerRequestFilter((_type, request) => {
    if (isMedia(request.uris[0] ?? '')) Object.assign(request.headers, pastTheBrowserCache);
  });
  networking.registerResponseFilter((_type, { uri, data }, context) => {
    if (uri.includes('/v1/steering/') || uri.includes('steering-list')) {
      const answer = /** @type {{ 'PATHWAY-PRIORITY': string[] }} */ (JSON.parse(new TextDecoder().decode(data)));
      report.steered(answer['PATHWAY-PRIORITY'], uri.startsWith('data:') ? 'in the playlist' : 'by request');
    }
    if (context?.type !== shaka.net.NetworkingEngine.AdvancedRequestType.MEDIA_SEGMENT || !context.segment) return;
    report.segment({
      url: uri,
      kind: context.stream?.type === 'audio' ? 'audio' : 'video',
      startSeconds: context.segment.startTime,
      durationSeconds: context.segment.endTime - context.segment.startTime,
      sizeBytes: data.byteLength,
      at: performance.now(),
    });
  });
  player.addEventListener('error', ({ detail: { severity, code, data = [] } = {} }) => {
    if (severity === fatal) report.gaveUp(`Shaka error ${code}`);
    else {
      const [url] = data;
      report.requestFailed({ url: typeof url === 'string' ? url : manifestUrl, why: `Shaka error ${code}` });
    }
  });
  await player.attach(video);
  await player.load(manifestUrl);
  await video.play().catch(() => report.clickNeeded());
}
