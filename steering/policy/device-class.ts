/**
 * What kind of player asks, from its User-Agent: coarse on purpose. Each kind is one whose way with content steering is
 * known to differ, and what is not recognised is treated like everybody. An operator's rule names classes, and finer
 * parts of the text where it must.
 */
export const DEVICE_CLASSES = [
  'apple',
  'exoplayer',
  'television',
  'set-top-box',
  'console',
  'browser',
  'other',
] as const;
export type DeviceClass = (typeof DEVICE_CLASSES)[number];

/** In this order: televisions and boxes call themselves browsers as well, players of apps call themselves by the device. */
const SIGNS: ReadonlyArray<readonly [DeviceClass, readonly string[]]> = [
  ['apple', ['applecoremedia', 'cfnetwork']],
  ['exoplayer', ['exoplayer', 'androidxmedia3', 'media3']],
  ['television', ['tizen', 'web0s', 'webos', 'smart-tv', 'smarttv', 'hbbtv', 'bravia', 'viera', 'netcast', 'vidaa']],
  ['set-top-box', ['roku', 'aft', 'crkey', 'settop', 'stb', 'rdk']],
  ['console', ['playstation', 'xbox', 'nintendo']],
  ['browser', ['mozilla/', 'opera/']],
];

/** @param userAgent in lower case */
export function deviceClassOf(userAgent: string): DeviceClass {
  for (const [deviceClass, signs] of SIGNS) if (signs.some((sign) => userAgent.includes(sign))) return deviceClass;
  return 'other';
}
