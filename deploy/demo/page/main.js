/**
 * The page of the demo: one player, and around it what the network knows and decides, asked once a second.
 */
import { byId, element, setText } from './element.js';
import { FleetView } from './fleet-view.js';
import { identityOf, learnPlaces, whoServes } from './identity.js';
import { Playback, players } from './playback.js';
import { SteeringView } from './steering-view.js';
import { TimelineView } from './timeline-view.js';

/** @import { DemoState } from './identity.js' */
/** @import { PlayerName } from './playback.js' */
/** @import { SteeringAnswer } from './steering-view.js' */

const pollMs = 1000;
const drawMs = 200;
const answerTimeoutMs = 3000;
const logLinesKept = 200;

const wanted = new URLSearchParams(location.search).get('player') ?? '';
const playerName = /** @type {PlayerName} */ (Object.hasOwn(players, wanted) ? wanted : 'hls');
const session = crypto.randomUUID();
const video = /** @type {HTMLVideoElement} */ (byId('video'));
const playback = new Playback(video, playerName, whoServes, log);
const timeline = new TimelineView(video, playback);
const steering = new SteeringView();
const fleet = new FleetView((id, verb) => void act(id, verb), noteChange);

/** @param {string} text @param {string} [tone] */
function log(text, tone = 'plain') {
  const lines = byId('log');
  const time = new Date().toLocaleTimeString('en-GB');
  lines.prepend(element('li', { class: tone }, element('time', {}, time), element('span', {}, text)));
  while (lines.children.length > logLinesKept) lines.lastElementChild?.remove();
}

/** An appliance changed, by a button here or by other hands. @param {string} id @param {string} state */
function noteChange(id, state) {
  log(`${id} is ${state}`, state === 'down' ? 'bad' : 'plain');
  if (state === 'down' || state === 'draining') timeline.mark(id, state);
}

/** @param {string} url @param {RequestInit} [options] @returns {Promise<unknown>} */
async function fetchJson(url, options) {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(answerTimeoutMs) });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

/** @returns {Promise<DemoState | undefined>} */
async function pollState() {
  try {
    const state = /** @type {DemoState} */ (await fetchJson('/api/state'));
    learnPlaces(state);
    fleet.update(state, playback.segments);
    byId('trouble').hidden = true;
    return state;
  } catch {
    byId('trouble').hidden = false;
    return undefined;
  }
}

/** A button of the table. @param {string} id @param {string} verb */
async function act(id, verb) {
  log(`${verb} ${id}`, 'deed');
  try {
    await fetch(`/api/appliances/${encodeURIComponent(id)}/${verb}`, { method: 'POST' });
  } catch {
    log(`${verb} ${id}: the demo did not answer`, 'bad');
  }
  await pollState();
}

/** @param {string} steeringUrl */
async function pollSteering(steeringUrl) {
  try {
    const answer = await fetchJson(`${steeringUrl}/v1/steer?title=bars&session=${session}`);
    steering.show(/** @type {SteeringAnswer} */ (answer));
  } catch {
    steering.showSilence();
  }
}

function drawPlayback() {
  const server = playback.latest('video');
  if (server !== undefined) {
    const { colour, site } = identityOf(server.appliance);
    setText(byId('server'), server.appliance);
    byId('server-card').style.setProperty('--tone', colour);
    const stream = playback.segments.filter(({ kind }) => kind === 'video');
    const run = stream.length - 1 - stream.findLastIndex(({ appliance }) => appliance !== server.appliance);
    const origin = server.appliance === 'origin' ? 'not from the ISP: no appliance can' : `in site ${site}`;
    setText(byId('server-detail'), `${origin}, ${run} ${run === 1 ? 'segment' : 'segments'} in a row`);
  }
  const shown = playback.onScreen();
  setText(byId('screen'), shown === undefined ? '–' : shown.appliance);
  byId('screen').style.color = shown === undefined ? '' : identityOf(shown.appliance).colour;
  setText(byId('rendition'), shown === undefined ? '–' : shown.rendition.replace(/^v(\d+)$/, '$1p'));
  const { aheadSec } = playback.stallMeter;
  setText(byId('buffer'), `${aheadSec.toFixed(1)} s`);
  byId('buffer-bar').style.width = `${Math.min(100, aheadSec * 10)}%`;
  drawStalls();
  timeline.draw();
}

function drawStalls() {
  const { dryStalls, longestDryMs, heldStalls, longestHeldMs, standing } = playback.stallMeter;
  const isDry = dryStalls > 0 || (standing?.dryMs ?? 0) > 0;
  setText(byId('stalls'), dryStalls === 0 ? 'none' : `${dryStalls}, longest ${Math.round(longestDryMs)} ms`);
  byId('stall-figure').dataset['tone'] = isDry ? 'bad' : 'good';
  setText(
    byId('held'),
    heldStalls === 0 ? '' : `browser too slow: ${heldStalls}, longest ${Math.round(longestHeldMs)} ms`,
  );
}

async function main() {
  byId(`tab-${playerName}`).setAttribute('aria-current', 'page');
  byId('again').addEventListener('click', () => location.reload());
  setInterval(drawPlayback, drawMs);
  let state = await pollState();
  while (state === undefined) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    state = await pollState();
  }
  let { steeringUrl } = state;
  log(`${players[playerName].name} asks steering for the manifest`);
  await playback.start(steeringUrl, session);
  for (;;) {
    await pollSteering(steeringUrl);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    steeringUrl = (await pollState())?.steeringUrl ?? steeringUrl;
  }
}

await main();
