/**
 * The strip of segments: the title from left to right, one row for picture and one for sound, a tick per segment in the
 * colour of whoever delivered it. A segment that was loaded twice shows its last delivery.
 */
import { byId, element, setText } from './element.js';
import { identityOf } from './identity.js';

/** @import { Playback, Segment } from './playback.js' */

/** @param {number} seconds */
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

/** @param {Segment} segment */
function describe({ appliance, rendition, startSeconds, sizeBytes, fromBrowserCache }) {
  const cache = fromBrowserCache ? ', out of the browser’s cache' : '';
  return `${clock(startSeconds)} ${rendition} from ${appliance}${cache}, ${Math.round(sizeBytes / 1000)} kB`;
}

export class TimelineView {
  #video;
  #playback;
  /** @type {Map<string, HTMLElement>} */
  #ticks = new Map();
  #drawn = 0;

  /** @param {HTMLVideoElement} video @param {Playback} playback */
  constructor(video, playback) {
    this.#video = video;
    this.#playback = playback;
  }

  draw() {
    const { duration, currentTime } = this.#video;
    if (!Number.isFinite(duration) || duration === 0) return;
    // The last few again: the browser tells late whether a segment came out of its own cache.
    for (const segment of this.#playback.segments.slice(Math.max(0, this.#drawn - 6)))
      this.#drawTick(segment, duration);
    this.#drawn = this.#playback.segments.length;
    byId('playhead').style.left = `${(currentTime / duration) * 100}%`;
    byId('ahead').style.left = `${(currentTime / duration) * 100}%`;
    byId('ahead').style.width =
      `${(Math.min(this.#playback.stallMeter.aheadSec, duration - currentTime) / duration) * 100}%`;
    setText(byId('clock'), `${clock(currentTime)} of ${clock(duration)}`);
    this.#drawLegend();
  }

  /** A line where the playhead is now, to see how far ahead the delivery changed. @param {string} id @param {string} what */
  mark(id, what) {
    const { duration, currentTime } = this.#video;
    if (!Number.isFinite(duration) || duration === 0) return;
    const { colour, letter } = identityOf(id);
    const share = currentTime / duration;
    const mark = element('span', { class: share > 0.8 ? 'mark late' : 'mark' }, `${letter} ${what}`);
    mark.style.setProperty('--tone', colour);
    mark.style.left = `${share * 100}%`;
    byId('marks').append(mark);
  }

  /** @param {Segment} segment @param {number} duration */
  #drawTick(segment, duration) {
    const key = `${segment.kind} ${Math.round(segment.startSeconds)}`;
    let tick = this.#ticks.get(key);
    if (tick === undefined) {
      tick = element('div', { class: 'tick' });
      tick.style.left = `${(segment.startSeconds / duration) * 100}%`;
      tick.style.width = `${(segment.durationSeconds / duration) * 100}%`;
      this.#ticks.set(key, tick);
      byId(`ticks-${segment.kind}`).append(tick);
    }
    const { colour, letter } = identityOf(segment.appliance);
    tick.style.setProperty('--tone', colour);
    tick.classList.toggle('cached', segment.fromBrowserCache);
    tick.title = describe(segment);
    setText(tick, letter);
  }

  #drawLegend() {
    const ids = [...new Set(this.#playback.segments.map(({ appliance }) => appliance))];
    ids.sort((a, b) => (identityOf(a).letter < identityOf(b).letter ? -1 : 1));
    const legend = byId('legend');
    if (legend.dataset['ids'] === ids.join()) return;
    legend.dataset['ids'] = ids.join();
    legend.replaceChildren(
      ...ids.map((id) => {
        const { colour, letter } = identityOf(id);
        return element(
          'li',
          { style: `--tone: ${colour}` },
          element('span', { class: 'badge', 'aria-hidden': 'true' }, letter),
          id,
        );
      }),
    );
  }
}
