/**
 * The request fields that the fast path may leave unread: those that change nothing about the answer for an object that
 * is held, fresh and does not vary. Pure data; the only list there is. What is not here and has no meaning in
 * request-head.ts goes over, however harmless it looks.
 *
 * A field was put here after looking at what the reference engine does with it. It reads these of a request for such an
 * object: Host, Range, the conditions, Cache-Control and Pragma, Authorization, Expect, Content-Length,
 * Transfer-Encoding, CDN-Loop (a loop is refused), `oca-grant` (it opens paths) and Priority beside `only-if-cached`.
 * So those are not here, Priority excepted: without Cache-Control it says nothing, and who sends Cache-Control goes
 * over. Everything else it only passes on to an origin, and then none is asked. Cookie is among that: no key has it in
 * it, it is never sent on, and what varies by it is not answered here. `Cache-Control` goes over, because a reload is a
 * question for the origin, and what another appliance asks with `only-if-cached` is no viewer's demand; but for
 * `max-age=0` of what a manifest names, which browsers send when they may not answer out of their own cache.
 */
export const IGNORED_FIELDS: readonly string[] = [
  // Browsers, of every request.
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cookie',
  'dnt',
  'keep-alive',
  'origin',
  'priority',
  'purpose',
  'referer',
  'save-data',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-fetch-storage-access',
  'sec-fetch-user',
  'sec-gpc',
  'sec-purpose',
  'upgrade-insecure-requests',
  'user-agent',
  // Client hints (RFC 8942), which Chromium sends to secure origins, and to any in a page's own name.
  'device-memory',
  'downlink',
  'dpr',
  'ect',
  'rtt',
  'sec-ch-device-memory',
  'sec-ch-dpr',
  'sec-ch-prefers-color-scheme',
  'sec-ch-prefers-reduced-motion',
  'sec-ch-ua',
  'sec-ch-ua-arch',
  'sec-ch-ua-bitness',
  'sec-ch-ua-full-version',
  'sec-ch-ua-full-version-list',
  'sec-ch-ua-mobile',
  'sec-ch-ua-model',
  'sec-ch-ua-platform',
  'sec-ch-ua-platform-version',
  'sec-ch-ua-wow64',
  'sec-ch-viewport-width',
  'sec-ch-width',
  'viewport-width',
  'width',
  // Players in apps and boxes: AVPlayer, Android's web view, VLC.
  'icy-metadata',
  'x-playback-session-id',
  'x-requested-with',
  // Proxies in front of us and tracing in players; who the viewer is never decides what he gets.
  'baggage',
  'forwarded',
  'traceparent',
  'tracestate',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
];
