/**
 * Colour and letter of each place that can serve: the same everywhere on the page. The colours are told apart by people
 * with any colour vision, and the letter repeats what the colour says.
 */

/**
 * The answer of `GET /api/state`.
 * @typedef {object} DemoState
 * @property {string} steeringUrl
 * @property {string} originUrl
 * @property {{ requests: number, bytes: number }} origin
 * @property {ApplianceState[]} appliances
 */

/**
 * @typedef {object} ApplianceState
 * @property {string} id
 * @property {string} site
 * @property {string} url
 * @property {'serving' | 'draining' | 'down' | 'filling'} state
 * @property {{ version: number, files: number, heldFiles: number, bytes: number, heldBytes: number,
 *   filledBytes?: { peer: number, tier: number, origin: number } }} plan
 */

const colours = ['#5ab4f0', '#f0a63c', '#3fc99a', '#d98cc0', '#e0d05a', '#b39bf5'];

/** @type {Map<string, { colour: string, letter: string, site: string }>} */
const known = new Map([['origin', { colour: '#8f9bb0', letter: 'O', site: 'the provider' }]]);
/** @type {Map<string, string>} */
const idsByHost = new Map();

/** Learns the appliances of the network; a place keeps its colour for the life of the page. @param {DemoState} state */
export function learnPlaces(state) {
  for (const { id, site, url } of state.appliances.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    if (!known.has(id)) {
      const position = known.size - 1;
      const colour = colours[position % colours.length] ?? '#ffffff';
      known.set(id, { colour, letter: String.fromCharCode(65 + (position % 26)), site });
    }
    idsByHost.set(new URL(url).host, id);
  }
  idsByHost.set(new URL(state.originUrl).host, 'origin');
}

/** @param {string} id */
export function identityOf(id) {
  return known.get(id) ?? { colour: '#8f9bb0', letter: '?', site: '' };
}

/** The id of whoever answers at a URL; host and port where nobody knows. @param {string} url */
export function whoServes(url) {
  const { host } = new URL(url);
  return idsByHost.get(host) ?? host;
}
