import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { ContentSteering } from '../../src/contracts/steering-answer.ts';
import { signPath } from '../tokens/url-signature.ts';
import type { Pathway } from './pathways.ts';

/**
 * The multivariant playlist of a title with its pathways in it (RFC 8216bis-22 sections 4.4.6 and 7).
 *
 * Every variant appears once per pathway, with absolute URIs, PATHWAY-ID and STABLE-VARIANT-ID, and with an audio group
 * of its own pathway, so that audio moves with the video. The first steering manifest stands in the playlist itself as a
 * `data:` URI: a player has its order before it has asked anybody, and one that cannot reach steering later still knows
 * where to fall back to (video.js would otherwise ask 400 times a second). Not every client knows `data:` there, so it
 * can be switched to a plain URL; a client without content steering sees each variant several times, so it can ask for
 * one pathway alone.
 *
 * The TTL of that first answer runs while the player is still starting. Shaka 5.2.12 makes its bandwidth estimator after
 * it has parsed the playlist; a TTL that runs out before (on a machine that starts for longer than the five seconds that
 * are the least) makes it throw "Cannot read properties of null (reading 'getBandwidthEstimate')" outside of any catch,
 * and it asks steering no more in that session. Playback goes on with the order that it has.
 */
type HlsDescription = NonNullable<CatalogueTitle['hls']>;
type Variant = HlsDescription['variants'][number];
type Media = HlsDescription['media'][number];

export interface HlsSteering {
  /** Where players ask when the steering manifest is not in the playlist, and what is in it when it is. */
  readonly serverUri: 'data' | { readonly url: string };
  readonly first: ContentSteering;
}

/**
 * @param pathways in the order of their rank; the first is where playback begins
 * @param steering undefined renders without content steering
 */
export function renderHls(
  hls: HlsDescription,
  pathways: readonly Pathway[],
  steering: HlsSteering | undefined,
): string {
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${hls.version}`];
  if (hls.independentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  if (steering !== undefined) {
    const uri = steering.serverUri === 'data' ? dataUri(steering.first) : steering.serverUri.url;
    lines.push(
      tag('EXT-X-CONTENT-STEERING', { 'SERVER-URI': quoted(uri), 'PATHWAY-ID': quoted(pathways[0]?.id ?? '') }),
    );
  }
  const several = pathways.length > 1 || steering !== undefined;
  for (const pathway of pathways) {
    for (const media of hls.media) lines.push(mediaTag(media, pathway, several));
  }
  const subtitles = hls.media.find(({ type }) => type === 'SUBTITLES')?.group;
  for (const pathway of pathways) {
    for (const variant of hls.variants) {
      lines.push(variantTag(variant, subtitles, pathway, several), uriOf(pathway, variant.playlistPath));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The steering manifest as a base64 `data:` URI (video.js reads no other encoding). */
function dataUri(first: ContentSteering): string {
  return `data:application/vnd.apple.steering-list;base64,${Buffer.from(JSON.stringify(first)).toString('base64')}`;
}

function mediaTag(media: Media, pathway: Pathway, several: boolean): string {
  return tag('EXT-X-MEDIA', {
    TYPE: media.type,
    'GROUP-ID': quoted(groupOf(media.group, pathway, several)),
    NAME: quoted(media.name),
    LANGUAGE: media.language && quoted(media.language),
    DEFAULT: media.default ? 'YES' : 'NO',
    // AUTOSELECT must be YES where DEFAULT is (section 4.4.6.1).
    AUTOSELECT: media.default || media.autoselect ? 'YES' : 'NO',
    CHANNELS: media.channels && quoted(media.channels),
    'STABLE-RENDITION-ID': quoted(stableId(media.renditionId)),
    URI: quoted(uriOf(pathway, media.playlistPath)),
  });
}

function variantTag(variant: Variant, subtitles: string | undefined, pathway: Pathway, several: boolean): string {
  const { width, height, frameRate, audioGroup } = variant;
  return tag('EXT-X-STREAM-INF', {
    BANDWIDTH: String(variant.bandwidthBitsPerSec),
    'AVERAGE-BANDWIDTH': variant.averageBandwidthBitsPerSec && String(variant.averageBandwidthBitsPerSec),
    CODECS: variant.codecs && quoted(variant.codecs),
    RESOLUTION: width && height && `${width}x${height}`,
    'FRAME-RATE': frameRate && frameRate.toFixed(3),
    AUDIO: audioGroup && quoted(groupOf(audioGroup, pathway, several)),
    SUBTITLES: subtitles && quoted(groupOf(subtitles, pathway, several)),
    'PATHWAY-ID': several ? quoted(pathway.id) : undefined,
    'STABLE-VARIANT-ID': quoted(stableId(variant.renditionId)),
  });
}

const groupOf = (group: string, pathway: Pathway, several: boolean): string =>
  several ? `${group}-${pathway.id}` : group;

const uriOf = ({ baseUrl, signature }: Pathway, path: string): string =>
  baseUrl + signPath(escapePath(path), signature);

/** The part after the title: letters, digits, `.`, `-` and `_`, which is what stable ids may hold. */
const stableId = (renditionId: string): string => renditionId.slice(renditionId.indexOf('/') + 1);

/** What a file path may contain and a URI or a quoted string may not. Percent signs are the path's own. */
export const escapePath = (path: string): string =>
  path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]+/g, (text) => encodeURIComponent(text));

/** A quoted string cannot contain line breaks or quotes, and knows no escapes (section 4.2). */
const quoted = (text: string): string => `"${text.replace(/\p{Cc}/gu, ' ').replaceAll('"', "'")}"`;

function tag(name: string, attributes: Readonly<Record<string, string | number | undefined>>): string {
  const list = Object.entries(attributes)
    .filter(([, value]) => value !== undefined && value !== '' && value !== 0)
    .map(([attribute, value]) => `${attribute}=${value}`);
  return `#${name}:${list.join(',')}`;
}
