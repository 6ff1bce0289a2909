/**
 * How long the picture stood still while it should have moved.
 *
 * The browser's `waiting` event is not enough: it comes late, and not at all when the playhead freezes with data in the
 * buffer. So the playhead itself is sampled, on every frame and every 50 ms (a hidden tab gets no frames). Time that the
 * wall clock moved and the playhead did not is a stall, from the last sample that saw it move to the first that sees it
 * move again. When the page's own thread was busy between two samples the difference of both clocks still shows what was
 * lost. Not counted: before the first frame played, while paused, while the viewer seeks, after the end. A seek is the
 * viewer's only shortly after a click or a key; players also seek, to get over a hole, and that is no excuse.
 *
 * What is shorter than `noiseMs` cannot be told from the sampler's own jitter and is no stall; nothing else is forgiven.
 */
const sampleMs = 50;
const noiseMs = 100;
/** A player that jumps over missing media would otherwise pass without a stall. */
const jumpMs = 400;

export class StallMeter {
  stalls = 0;
  longestStallMs = 0;
  /** Media that was jumped over without the viewer asking for it. */
  skippedMs = 0;
  #video;
  #onStall;
  #started = false;
  #at = 0;
  #playhead = 0;
  #stillMs = 0;
  #counted = false;
  #viewerSeeks = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {(stillMs: number) => void} onStall told when a stall has ended
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
    const everyFrame = () => {
      this.#sample();
      requestAnimationFrame(everyFrame);
    };
    requestAnimationFrame(everyFrame);
  }

  /** Whether the picture stands still at this moment although it should move. */
  get standing() {
    return this.#counted;
  }

  #restart() {
    this.#at = performance.now();
    this.#playhead = this.#video.currentTime;
    this.#close(0);
  }

  #sample() {
    const { currentTime, paused, ended, playbackRate } = this.#video;
    if (!this.#started) {
      if (currentTime === 0 || paused) return;
      this.#started = true;
      this.#restart();
      return;
    }
    if (paused || ended || this.#viewerSeeks) {
      this.#restart();
      return;
    }
    const now = performance.now();
    const wallMs = now - this.#at;
    if (wallMs < 4) return;
    const movedMs = ((currentTime - this.#playhead) * 1000) / playbackRate;
    this.#at = now;
    this.#playhead = currentTime;
    if (movedMs > 0) {
      this.#close(Math.max(0, wallMs - movedMs));
      if (movedMs - wallMs > jumpMs) this.skippedMs += movedMs - wallMs;
      return;
    }
    this.#stillMs += wallMs;
    this.#count();
  }

  #count() {
    if (this.#stillMs < noiseMs) return;
    if (!this.#counted) this.stalls += 1;
    this.#counted = true;
    this.longestStallMs = Math.max(this.longestStallMs, this.#stillMs);
  }

  /** @param {number} lastMs what was lost in the interval in which the playhead moved again */
  #close(lastMs) {
    this.#stillMs += lastMs;
    this.#count();
    if (this.#counted) this.#onStall(this.#stillMs);
    this.#stillMs = 0;
    this.#counted = false;
  }
}
