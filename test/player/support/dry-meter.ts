/**
 * How long a video stood still for want of data, judged on the element itself.
 *
 * On a machine whose processors are all taken a picture freezes with seconds of video in the buffer: the browser cannot
 * decode, and no server in the world could help. So standing still counts here only while the buffer has run dry, which
 * is what a delivery network is to blame for. The buffer is what both tracks have in one piece at the playhead; a browser
 * stops a little before its very end, and ends of audio and video differ by some frames, hence the half second. A hole
 * in the media counts as an empty buffer. The page's own meter, which forgives nothing, runs beside it for the reports.
 *
 * What a request costs on such a machine is measured beside it: one after the other, of a small file, from the server of
 * the page, which has no part in the delivery. How long they took says how much of a stall is the machine's.
 */
export interface DryRecord {
  /** Longest time without a move of the playhead while the buffer was dry. */
  longestDryMs: number;
  /** Buffered ahead of the playhead now. */
  aheadSec: number;
  /** Longest that the page's own server took for an answer. */
  longestAnswerMs: number;
}

interface VideoElement {
  readonly currentTime: number;
  readonly paused: boolean;
  readonly ended: boolean;
  readonly buffered: { readonly length: number; start(index: number): number; end(index: number): number };
}

interface Page {
  readonly document: { querySelector(selector: string): VideoElement | null };
  dry: DryRecord;
}

/** Runs in the page, before its own scripts: it may use nothing from outside itself. */
export function meterDryness(): void {
  const page = globalThis as unknown as Page;
  const dryBelowSec = 0.5;
  const record: DryRecord = { longestDryMs: 0, aheadSec: 0, longestAnswerMs: 0 };
  page.dry = record;
  let last: { at: number; playhead: number; isDry: boolean } | undefined;
  let dryMs = 0;
  setInterval(() => {
    const video = page.document.querySelector('video');
    if (video === null || video.currentTime === 0 || video.paused || video.ended) {
      last = undefined;
      return;
    }
    const { currentTime: playhead, buffered } = video;
    let aheadSec = 0;
    for (let index = 0; index < buffered.length; index += 1) {
      if (buffered.start(index) <= playhead + 0.1 && playhead < buffered.end(index))
        aheadSec = Math.max(aheadSec, buffered.end(index) - playhead);
    }
    const now = { at: performance.now(), playhead, isDry: aheadSec < dryBelowSec };
    const stood = last?.isDry === true && now.isDry && playhead - last.playhead < 0.01;
    dryMs = stood ? dryMs + now.at - (last?.at ?? now.at) : 0;
    record.longestDryMs = Math.max(record.longestDryMs, dryMs);
    record.aheadSec = aheadSec;
    last = now;
  }, 50);
  const askOwnServer = (): void => {
    const askedAt = performance.now();
    const note = (): void => {
      record.longestAnswerMs = Math.max(record.longestAnswerMs, performance.now() - askedAt);
      setTimeout(askOwnServer, 200);
    };
    fetch('/element.js')
      .then((response) => response.text())
      .then(note, note);
  };
  askOwnServer();
}
