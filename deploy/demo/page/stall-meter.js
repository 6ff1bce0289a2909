/**
 * How long the picture stood still while it should have moved, and whose fault it was.
 *
 * The browser's `waiting` event is not enough: it comes late, and not at all when the playhead freezes with data in the
 * buffer. So the playhead itself is sampled. Time that the wall clock moved and the playhead did not is lost, from the
 * last sample that saw it move to the first that sees it move again; where the page's own thread was busy between two
 * samples the difference of both clocks still shows what was lost. Not counted: before the first frame played, while
 * paused, while the viewer seeks, after the end. A seek is the viewer's only shortly after a click or a key; players also
 * seek, to get over a hole, and that is no excuse.
 *
 * Two things make a picture stand, and only one of them is a delivery network's to answer for:
 * - *dry*: there was nothing to play at the playhead. The buffer is what both tracks have in one piece there; a browser
 *   stops a little before its very end, and the ends of sound and picture differ by some frames, hence half a second. A
 *   hole in the media is an empty buffer. Where the buffer reaches the end of the title nothing more is to come.
 * - *held*: the media was there and was not played. The browser could not decode and draw it in time (in software, on a
 *   machine with other work), or the player is stuck. No server in the world could help.
 * Time is dry only if it was so at both of its ends: when the data comes, what the browser needs to go on is held time.
 *
 * How late the sampler itself was called tells how busy the browser was. What is shorter than `noiseMs` cannot be told
 * from the sampler's jitter and is no stall; nothing else is forgiven here. Whoever judges may.
 */
const sampleMs = 50;
const noiseMs = 100;
const dryBelowSec = 0.5;
/** A player that jumps over missing media would otherwise pass without a stall. */
const jumpMs = 400;
/** The page may be left open for days. */
const standstillsKept = 1000;

/**
 * One time that the picture stood still.
 * @typedef {object} Standstill
 * @property {number} at when it began, on the clock of `performance.now()`
 * @property {number} dryMs of it with nothing to play; 0 once it is over when that was no more than noise
 * @property {number} heldMs of it with media at hand
 * @property {number} aheadSec buffered ahead of the playhead when it began
 * @property {number} lateMs by how much the page's own timer was late meanwhile, in all
 */

/** @typedef {{ at: number, playhead: number, aheadSec: number, isDry: boolean }} Sample */

export class StallMeter {
  /** Of the stalls with a dry part: how many, and the longest such part. */
  dryStalls = 0;
  longestDryMs = 0;
  /** Of those that were held only: how many. The longest held part of any. */
  heldStalls = 0;
  longestHeldMs = 0;
  /** Media that was jumped over without the viewer asking for it. */
  skippedMs = 0;
  /** Buffered ahead of the playhead at the last sample. */
  aheadSec = 0;
  /** The last of them that are over, oldest first. @type {Standstill[]} */
  standstills = [];
  #video;
  #onStall;
  /** @type {Sample | undefined} */
  #last;
  /** @type {Standstill | undefined} */
  #standstill;
  #hasPlayed = false;
  #viewerSeeks = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {(standstill: Standstill) => void} onStall told when a stall has ended
   */
  constructor(video, onStall) {
    this.#video = video;
    this.#onStall = onStall;
    video.addEventListener('play', () => this.#restart());
    video.addEventListener('seeking', () => {
      this.#viewerSeeks = navigator.userActivation.isActive;
    });
    video.addEventListener('seeked', () => {
      if (this.#viewerSeeks) this.#restart();
      this.#viewerSeeks = false;
    });
    setInterval(() => this.#sample(), sampleMs);
  }

  /** The stall that lasts at this moment, if there is one. */
  get standing() {
    const standstill = this.#standstill;
    return standstill !== undefined && standstill.dryMs + standstill.heldMs >= noiseMs ? standstill : undefined;
  }

  #restart() {
    this.#close();
    this.#last = undefined;
  }

  /** @returns {Sample} */
  #look() {
    const { buffered, currentTime, duration } = this.#video;
    let end = currentTime;
    for (let n = 0; n < buffered.length; n += 1) {
      if (buffered.start(n) <= currentTime + 0.1) end = Math.max(end, buffered.end(n));
    }
    const aheadSec = end - currentTime;
    const isDry = aheadSec < dryBelowSec && !(end > duration - 0.1);
    return { at: performance.now(), playhead: currentTime, aheadSec, isDry };
  }

  #sample() {
    const { currentTime, paused, ended, playbackRate } = this.#video;
    const now = this.#look();
    this.aheadSec = now.aheadSec;
    const last = this.#last;
    if (paused || ended || this.#viewerSeeks) return this.#restart();
    this.#hasPlayed ||= currentTime > 0;
    if (this.#hasPlayed) this.#last = now;
    if (last === undefined) return undefined;
    const wallMs = now.at - last.at;
    // Shaka stops the rate while it waits for media; what moved before that moved at another one.
    const movedMs = ((now.playhead - last.playhead) * 1000) / (playbackRate || 1);
    if (movedMs - wallMs > jumpMs) this.skippedMs += movedMs - wallMs;
    const lostMs = Math.max(0, wallMs - Math.max(0, movedMs));
    if (movedMs <= 0 || lostMs >= noiseMs || this.#standstill !== undefined) this.#lose(last, now, lostMs);
    if (movedMs > 0) this.#close();
    return undefined;
  }

  /** @param {Sample} last @param {Sample} now @param {number} lostMs */
  #lose(last, now, lostMs) {
    this.#standstill ??= { at: last.at, dryMs: 0, heldMs: 0, aheadSec: last.aheadSec, lateMs: 0 };
    const standstill = this.#standstill;
    if (last.isDry && now.isDry) standstill.dryMs += lostMs;
    else standstill.heldMs += lostMs;
    standstill.lateMs += Math.max(0, now.at - last.at - sampleMs);
    if (this.standing === undefined) return;
    if (standstill.dryMs >= noiseMs) this.longestDryMs = Math.max(this.longestDryMs, standstill.dryMs);
    this.longestHeldMs = Math.max(this.longestHeldMs, standstill.heldMs);
  }

  #close() {
    const standstill = this.standing;
    this.#standstill = undefined;
    if (standstill === undefined) return;
    if (standstill.dryMs < noiseMs) {
      standstill.heldMs += standstill.dryMs;
      standstill.dryMs = 0;
    }
    if (standstill.dryMs > 0) this.dryStalls += 1;
    else this.heldStalls += 1;
    this.standstills.push(standstill);
    if (this.standstills.length > standstillsKept) this.standstills.shift();
    this.#onStall(standstill);
  }
}
