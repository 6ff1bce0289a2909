/**
 * HLS playlists and a DASH manifest over the same single-file renditions.
 *
 * ffmpeg's dash muxer can write both, but under its own names and without the peak rates that a player's adaptation needs.
 * Both texts are a few lines over the segment index, so they are written here: byte ranges in HLS (RFC 8216 4.3.2.2), a
 * SegmentList of media ranges in DASH (ISO/IEC 23009-1 5.3.9.3). All URIs are relative, so whoever renders them again only
 * has to prefix a base.
 *
 * Why not the shorter SegmentBase, where the player reads each file's sidx itself: dash.js 5.2.1 asks for the indexes before
 * it starts and does not try the next BaseURL for them. When the first server is dead at that moment the title never
 * starts (measured; with the list it starts from the second server at once).
 */
import type { SegmentIndex } from './segment-index.ts';

export type VideoRendition = {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly index: SegmentIndex;
};

export type AudioRendition = { readonly name: string; readonly samplesPerSecond: number; readonly index: SegmentIndex };

type Ladder = { readonly video: readonly VideoRendition[]; readonly audio: AudioRendition };

function peakBitsPerSec(index: SegmentIndex): number {
  return Math.ceil(
    index.segments.reduce((peak, { start, end, durationSeconds }) => {
      return Math.max(peak, ((end - start) * 8) / durationSeconds);
    }, 0),
  );
}

function meanBitsPerSec(index: SegmentIndex): number {
  const bytes = index.segments.reduce((sum, segment) => sum + segment.end - segment.start, 0);
  return Math.ceil((bytes * 8) / index.durationSeconds);
}

/** The media playlist of one rendition, for `NAME.m3u8` beside `NAME.mp4`. */
export function mediaPlaylist(name: string, index: SegmentIndex): string {
  const longestSeconds = index.segments.reduce((longest, { durationSeconds }) => Math.max(longest, durationSeconds), 0);
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${Math.round(longestSeconds)}`,
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    `#EXT-X-MAP:URI="${name}.mp4",BYTERANGE="${index.initEnd}@0"`,
    ...index.segments.flatMap(({ start, end, durationSeconds }) => [
      `#EXTINF:${durationSeconds.toFixed(6)},`,
      `#EXT-X-BYTERANGE:${end - start}@${start}`,
      `${name}.mp4`,
    ]),
    '#EXT-X-ENDLIST',
    '',
  ].join('\n');
}

/** The multivariant playlist: one audio group, the rungs from low to high. */
export function multivariantPlaylist({ video, audio }: Ladder): string {
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Tone",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1",' +
      `STABLE-RENDITION-ID="${audio.name}",URI="${audio.name}.m3u8"`,
    ...video.flatMap((rendition) => [
      `#EXT-X-STREAM-INF:BANDWIDTH=${peakBitsPerSec(rendition.index) + peakBitsPerSec(audio.index)},` +
        `AVERAGE-BANDWIDTH=${meanBitsPerSec(rendition.index) + meanBitsPerSec(audio.index)},` +
        `CODECS="${rendition.index.codec},${audio.index.codec}",RESOLUTION=${rendition.width}x${rendition.height},` +
        `FRAME-RATE=${rendition.framesPerSecond.toFixed(3)},AUDIO="audio",STABLE-VARIANT-ID="${rendition.name}"`,
      `${rendition.name}.m3u8`,
    ]),
    '',
  ].join('\n');
}

/**
 * The one duration that a SegmentList states. dash.js 5.2.1 would take a SegmentTimeline here, but counts a repeated `S` once
 * (it stopped after two segments), so the shorter form is also the one that plays.
 */
function nominalDurationUnits(name: string, index: SegmentIndex): number {
  const nominal = index.segments[0]?.durationUnits ?? 0;
  const uneven = index.segments.slice(0, -1).some(({ durationUnits }) => durationUnits !== nominal);
  if (uneven || (index.segments.at(-1)?.durationUnits ?? 0) > nominal) {
    throw new Error(`${name}: only the last segment may differ, and only by being shorter`);
  }
  return nominal;
}

function representation(name: string, index: SegmentIndex, attributes: string): string[] {
  return [
    `      <Representation id="${name}" bandwidth="${peakBitsPerSec(index)}" codecs="${index.codec}" ${attributes}>`,
    `        <BaseURL>${name}.mp4</BaseURL>`,
    `        <SegmentList timescale="${index.timescale}" duration="${nominalDurationUnits(name, index)}">`,
    `          <Initialization range="0-${index.initEnd - 1}"/>`,
    ...index.segments.map(({ start, end }) => `          <SegmentURL mediaRange="${start}-${end - 1}"/>`),
    '        </SegmentList>',
    '      </Representation>',
  ];
}

/** One adaptation set per kind; every segment is a byte range of its representation's one file. */
export function dashManifest({ video, audio }: Ladder): string {
  const durationSeconds = Math.max(...[...video, audio].map(({ index }) => index.durationSeconds));
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-main:2011" type="static"' +
      ` mediaPresentationDuration="PT${durationSeconds.toFixed(3)}S" minBufferTime="PT2S">`,
    '  <Period id="0" start="PT0S">',
    '    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">',
    ...video.flatMap(({ name, index, width, height, framesPerSecond }) =>
      representation(name, index, `width="${width}" height="${height}" frameRate="${framesPerSecond}" sar="1:1"`),
    ),
    '    </AdaptationSet>',
    '    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" startWithSAP="1">',
    ...representation(audio.name, audio.index, `audioSamplingRate="${audio.samplesPerSecond}"`),
    '    </AdaptationSet>',
    '  </Period>',
    '</MPD>',
    '',
  ].join('\n');
}
