/** What steering answers for this viewer now: the ranked places with their reasons, and who is left out and why. */
import { byId, element, setText } from './element.js';
import { identityOf } from './identity.js';

/**
 * The part of `GET /v1/steer` that is shown.
 * @typedef {object} SteeringAnswer
 * @property {{ place: number, id: string, kind: string, siteId?: string, reasons: string[] }[]} ranked
 * @property {{ id: string, reason: string }[]} [excluded]
 * @property {{ prefix?: string, siteId?: string, evidence: string }} [client]
 * @property {string} [degraded]
 */

/** @param {string} id @param {string} text @param {string} place */
function placeItem(id, text, place) {
  const { colour } = identityOf(id);
  return element(
    'li',
    { style: `--tone: ${colour}`, class: place === '' ? 'excluded' : '' },
    element('span', { class: 'place', 'aria-hidden': 'true' }, place === '' ? '–' : place),
    element('div', {}, element('b', {}, id), element('p', {}, text)),
  );
}

export class SteeringView {
  #shown = '';

  /** @param {SteeringAnswer} answer */
  show({ ranked, excluded = [], client, degraded }) {
    const where = client?.siteId === undefined ? 'site not known' : `site ${client.siteId}`;
    const prefix = client?.prefix === undefined ? '' : `, by prefix ${client.prefix}`;
    setText(byId('steering-client'), degraded ?? `This viewer: ${where}${prefix}`);
    const items = [
      ...ranked.map(({ id, reasons, place }) => ({ id, text: reasons.join(' · '), place: String(place) })),
      ...excluded.map(({ id, reason }) => ({ id, text: `left out: ${reason}`, place: '' })),
    ];
    const fingerprint = JSON.stringify(items);
    if (fingerprint === this.#shown) return;
    this.#shown = fingerprint;
    byId('ranking').replaceChildren(...items.map(({ id, text, place }) => placeItem(id, text, place)));
  }

  showSilence() {
    setText(byId('steering-client'), 'Steering does not answer. The player goes on with the order it has.');
  }
}
