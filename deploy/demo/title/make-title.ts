/**
 * Makes the demo's title again: `node deploy/demo/title/make-title.ts`, needs ffmpeg with libx264.
 *
 * 62 seconds of test pattern and tone: three rungs of H.264 and one of AAC, each a single CMAF file of two-second
 * segments, with HLS playlists and a DASH manifest over the same files. The picture carries a clock, a frame counter and
 * the rung's name, so a viewer sees at once whether it moves, repeats or changes quality. Where ffmpeg cannot draw text the
 * pattern's own moving parts and its small clock remain.
 *
 * The media are committed because a clone must play without ffmpeg. The same ffmpeg build makes the same bytes: one
 * encoder thread, no dates, no encoder names in the files.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSegmentIndex } from './segment-index.ts';
import type { VideoRendition } from './write-manifests.ts';
import { dashManifest, mediaPlaylist, multivariantPlaylist } from './write-manifests.ts';

const durationSeconds = 62;
const segmentSeconds = 2;
const framesPerSecond = 25;
const samplesPerSecond = 48_000;
/** A clone carries these bytes for ever, so the script refuses to grow them. */
const totalBytesLimit = 6_000_000;
const ffmpegTimeoutMs = 300_000;

const rungs = [
  { name: 'v144', width: 256, height: 144, kilobitsPerSec: 75 },
  { name: 'v240', width: 426, height: 240, kilobitsPerSec: 135 },
  { name: 'v360', width: 640, height: 360, kilobitsPerSec: 250 },
];

const fragmented = words('-movflags +cmaf+dash+global_sidx+skip_trailer -f mp4');
/** No dates, no encoder names. */
const bitexact = words('-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1');

function words(line: string): string[] {
  return line.split(' ');
}

function ffmpeg(args: readonly string[]): void {
  execFileSync('ffmpeg', [...words('-hide_banner -loglevel error -y'), ...args], { timeout: ffmpegTimeoutMs });
}

/** ffmpeg draws text only with a font library and a font; one frame tells both. */
function canDrawText(): boolean {
  try {
    ffmpeg(words('-f lavfi -i color=size=64x64:duration=0.04,drawtext=text=x -f null -'));
    return true;
  } catch {
    return false;
  }
}

function pictureFilter(rung: (typeof rungs)[number], drawText: boolean): string {
  const scaled = `scale=${rung.width}:${rung.height}:flags=lanczos+bitexact,setsar=1`;
  if (!drawText) return scaled;
  const sizePixels = Math.round(rung.height / 9);
  const label = `drawtext=font=monospace:fontcolor=white:box=1:boxcolor=black@0.72:boxborderw=${Math.round(sizePixels / 3)}`;
  return [
    scaled,
    `${label}:fontsize=${sizePixels}:x=(w-tw)/2:y=h*0.60:text='%{pts\\:hms}'`,
    `${label}:fontsize=${Math.round(sizePixels * 0.55)}:x=(w-tw)/2:y=h*0.80:text='${rung.height}p  frame %{eif\\:n\\:d\\:4}'`,
  ].join(',');
}

/** No B-frames: decoding order is display order, so the first frame's time is exactly 0 without an edit list. */
function encodeVideo(rung: (typeof rungs)[number], drawText: boolean, file: string): void {
  const rate = rung.kilobitsPerSec;
  const keyFrameEvery = framesPerSecond * segmentSeconds;
  ffmpeg([
    ...words(`-f lavfi -i testsrc2=size=640x360:rate=${framesPerSecond}:duration=${durationSeconds}`),
    '-vf',
    pictureFilter(rung, drawText),
    ...words('-pix_fmt yuv420p -c:v libx264 -preset slower -profile:v main -threads 1 -bf 0'),
    ...words(`-g ${keyFrameEvery} -keyint_min ${keyFrameEvery} -sc_threshold 0`),
    ...words(`-b:v ${rate}k -maxrate ${Math.round(rate * 1.2)}k -bufsize ${rate * 2}k -video_track_timescale 12800`),
    ...bitexact,
    ...fragmented,
    file,
  ]);
}

/**
 * A quiet chord that pulses once a second: a gap or a repeat is audible. The encoder puts one frame of 1024 samples in
 * front (its priming); the timeline starts with that frame and the source is shortened by it, so sound and picture end
 * together and the sidx agrees with the fragments' own times.
 */
function encodeAudio(file: string): void {
  const sourceSeconds = durationSeconds - 1024 / samplesPerSecond;
  const tone = '0.10*(sin(440*2*PI*t)+sin(554.37*2*PI*t)+sin(659.25*2*PI*t))*(0.35+0.65*exp(-4*mod(t\\,1)))';
  ffmpeg([
    ...words(`-f lavfi -i aevalsrc=exprs=${tone}:sample_rate=${samplesPerSecond}:duration=${sourceSeconds}`),
    ...words(`-c:a aac -b:a 48k -ac 1 -frag_duration ${segmentSeconds * 1_000_000} -avoid_negative_ts make_zero`),
    ...bitexact,
    ...fragmented,
    file,
  ]);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function makeTitle(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const fileOf = (name: string): string => join(folder, `${name}.mp4`);
  const drawText = canDrawText();
  const video: VideoRendition[] = rungs.map((rung) => {
    encodeVideo(rung, drawText, fileOf(rung.name));
    const index = readSegmentIndex(readFileSync(fileOf(rung.name)));
    return { name: rung.name, width: rung.width, height: rung.height, framesPerSecond, index };
  });
  encodeAudio(fileOf('a48'));
  const audio = { name: 'a48', samplesPerSecond, index: readSegmentIndex(readFileSync(fileOf('a48'))) };

  for (const { name, index } of [...video, audio]) {
    writeFileSync(join(folder, `${name}.m3u8`), mediaPlaylist(name, index));
    say(`${name} ${index.codec} ${index.segments.length} segments ${index.durationSeconds.toFixed(3)} s`);
  }
  writeFileSync(join(folder, 'master.m3u8'), multivariantPlaylist({ video, audio }));
  writeFileSync(join(folder, 'manifest.mpd'), dashManifest({ video, audio }));

  const totalBytes = [...video, audio].reduce((sum, { name }) => sum + readFileSync(fileOf(name)).length, 0);
  say(`${(totalBytes / 1e6).toFixed(2)} MB in ${folder}`);
  if (totalBytes > totalBytesLimit) throw new Error(`${totalBytes} bytes are more than ${totalBytesLimit}`);
}

makeTitle(process.argv[2] ?? join(import.meta.dirname, 'media'));
