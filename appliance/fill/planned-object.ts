import type { FileManifest } from '../../src/contracts/file-manifest.ts';
import type { ObjectDescription } from '../store/object-description.ts';

// Manifests name bytes, not media types; the same table on every appliance gives the same answer everywhere.
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  aac: 'audio/aac',
  avif: 'image/avif',
  cmfa: 'audio/mp4',
  cmfv: 'video/mp4',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  m3u8: 'application/vnd.apple.mpegurl',
  m4a: 'audio/mp4',
  m4s: 'video/iso.segment',
  m4v: 'video/mp4',
  mp4: 'video/mp4',
  mpd: 'application/dash+xml',
  png: 'image/png',
  srt: 'application/x-subrip',
  ts: 'video/mp2t',
  vtt: 'text/vtt',
  webm: 'video/webm',
  webp: 'image/webp',
};
const TAG_DIGITS = 32;

/** A planned file as an object: its manifest's root is its identity, and it never changes, so it is always fresh. */
export function describePlanned(manifest: FileManifest, nowMs: number): ObjectDescription {
  const extension = /\.([a-z0-9]+)$/i.exec(manifest.path)?.[1]?.toLowerCase() ?? '';
  return {
    key: manifest.path,
    sizeBytes: manifest.sizeBytes,
    etag: `"${manifest.root.slice(0, TAG_DIGITS)}"`,
    headers: {
      'content-type': MEDIA_TYPES[extension] ?? 'application/octet-stream',
      'cache-control': 'public, max-age=31536000, immutable',
    },
    manifestRoot: manifest.root,
    confirmedAtMs: nowMs,
    initialAgeMs: 0,
    freshnessMs: 31_536_000_000,
    staleIfErrorMs: 0,
  };
}
