/** The table of appliances: what each is doing, what its plan holds, what it gave to this page, and its buttons. */
import { byId, element, setText } from './element.js';
import { identityOf } from './identity.js';

/** @import { ApplianceState, DemoState } from './identity.js' */
/** @import { Segment } from './playback.js' */

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

/** @type {Readonly<Record<string, { text: string, tone: string }>>} */
const stateWords = {
  serving: { text: 'serving', tone: 'good' },
  filling: { text: 'filling', tone: 'steer' },
  draining: { text: 'draining', tone: 'warn' },
  down: { text: 'down', tone: 'bad' },
};

/**
 * Where the held bytes came from.
 * @param {ApplianceState['plan']} plan
 */
function sources({ filledBytes }) {
  if (filledBytes === undefined) return '';
  const parts = Object.entries(filledBytes).filter(([, bytes]) => bytes > 0);
  return parts.map(([source, bytes]) => `${megabytes(bytes)} from ${source}`).join(', ');
}

/** One row, made once and then kept: a button that is replaced under the pointer loses its click. */
class ApplianceRow {
  #id;
  #state = element('span', { class: 'state' });
  #share = element('b');
  #files = element('span', { class: 'quiet' });
  #bar = element('i');
  #segments = element('b');
  #segmentBytes = element('span', { class: 'quiet' });
  #drain = element('button', { type: 'button' });
  #kill = element('button', { type: 'button', class: 'danger' });

  /** @param {ApplianceState} appliance @param {(id: string, verb: string) => void} act */
  constructor({ id, site }, act) {
    this.#id = id;
    const { colour, letter } = identityOf(id);
    for (const button of [this.#drain, this.#kill]) {
      button.addEventListener('click', () => act(id, button.dataset['verb'] ?? ''));
    }
    this.row = element(
      'tr',
      { style: `--tone: ${colour}` },
      element('th', { scope: 'row' }, element('span', { class: 'badge', 'aria-hidden': 'true' }, letter), id),
      element('td', {}, site),
      element('td', {}, this.#state),
      element(
        'td',
        { class: 'plan' },
        element('div', {}, this.#share, ' ', this.#files),
        element('div', { class: 'meter' }, this.#bar),
      ),
      element('td', { class: 'segments' }, this.#segments, ' ', this.#segmentBytes),
      element('td', { class: 'actions' }, this.#drain, this.#kill),
    );
  }

  /** @param {ApplianceState} appliance @param {readonly Segment[]} segments */
  update({ state, plan }, segments) {
    const words = stateWords[state] ?? { text: state, tone: 'plain' };
    setText(this.#state, words.text);
    this.#state.dataset['tone'] = words.tone;
    const share = plan.bytes === 0 ? 0 : plan.heldBytes / plan.bytes;
    setText(this.#share, `${Math.floor(share * 100)} %`);
    const from = sources(plan);
    const held = `${plan.heldFiles} of ${plan.files} files, ${megabytes(plan.heldBytes)}`;
    setText(this.#files, `${held}${from === '' ? '' : ` (${from})`}, plan ${plan.version}`);
    this.#bar.style.width = `${share * 100}%`;
    const mine = segments.filter(({ appliance }) => appliance === this.#id);
    setText(this.#segments, String(mine.length));
    setText(this.#segmentBytes, megabytes(mine.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)));
    this.#label(this.#drain, state === 'draining' ? 'undrain' : 'drain', state === 'down');
    this.#label(this.#kill, state === 'down' ? 'start' : 'kill', false);
  }

  /** @param {HTMLElement} button @param {string} verb @param {boolean} disabled */
  #label(button, verb, disabled) {
    setText(button, verb);
    button.dataset['verb'] = verb;
    button.setAttribute('aria-label', `${verb} ${this.#id}`);
    button.toggleAttribute('disabled', disabled);
  }
}

export class FleetView {
  #act;
  #onChange;
  /** @type {Map<string, ApplianceRow>} */
  #rows = new Map();
  /** @type {Map<string, string>} */
  #states = new Map();

  /**
   * @param {(id: string, verb: string) => void} act
   * @param {(id: string, state: string) => void} onChange told when an appliance is in another state than before
   */
  constructor(act, onChange) {
    this.#act = act;
    this.#onChange = onChange;
  }

  /** @param {DemoState} state @param {readonly Segment[]} segments */
  update(state, segments) {
    for (const appliance of state.appliances.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      const before = this.#states.get(appliance.id) ?? appliance.state;
      this.#states.set(appliance.id, appliance.state);
      if (before !== appliance.state) this.#onChange(appliance.id, appliance.state);
      let row = this.#rows.get(appliance.id);
      if (row === undefined) {
        row = new ApplianceRow(appliance, this.#act);
        this.#rows.set(appliance.id, row);
        byId('fleet').append(row.row);
      }
      row.update(appliance, segments);
    }
    const plans = state.appliances.map(({ plan }) => plan);
    const heldBytes = plans.reduce((sum, plan) => sum + plan.heldBytes, 0);
    const planBytes = plans.reduce((sum, plan) => sum + plan.bytes, 0);
    setText(byId('plan-held'), `${megabytes(heldBytes)} of ${megabytes(planBytes)}`);
    setText(byId('origin-sent'), `${megabytes(state.origin.bytes)} in ${state.origin.requests} requests`);
    const served = segments.filter(({ appliance }) => appliance !== 'origin').length;
    const share = segments.length === 0 ? '–' : `${Math.round((served / segments.length) * 100)} %`;
    setText(byId('from-isp'), share);
  }
}
