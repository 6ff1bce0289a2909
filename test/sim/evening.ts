import type { Random } from '../../src/world/world.ts';
import { seededRandom } from '../support/fake-world.ts';
import { ApplianceModel } from './appliance-model.ts';
import { Judge } from './judge.ts';
import { SteeringUnderTest } from './steering-under-test.ts';
import { drawTown, type Neighbourhood, routesOf, sitesFile, type Town } from './town.ts';
import { isOrigin, type ViewerFacts, ViewerModel } from './viewer-model.ts';

export const RULES = { ttlSec: 15, leaseMs: 6000, publicUrl: 'https://steering.example' };

/** Everything that has to do with the length of an answer's life is as much shorter as that. */
const FLAGS = {
  ttlSec: RULES.ttlSec,
  leaseMs: RULES.leaseMs,
  warmUpMs: 20_000,
  qualityHalfLifeMs: 30_000,
  qualityWindowMs: 45_000,
  qualityDemoteMs: 40_000,
  qualityProbeStepMs: 20_000,
};

const TICK_MS = 500;
const HEARTBEAT_MS = 2000;
const DAWN_MS = 10_000;
const RAMP_MS = 40_000;

export type Delivery = 'at-once' | 'late' | 'lost';

/**
 * One evening of a town: the world around steering, moved on half a second by half a second. Viewers and
 * appliances do what real ones do, steering is the real one; whoever runs it makes the misfortunes.
 */
export class Evening {
  readonly town: Town;
  readonly random: Random;
  readonly steering: SteeringUnderTest;
  readonly appliances: ReadonlyMap<string, ApplianceModel>;
  readonly judge: Judge;
  readonly viewers = new Map<string, ViewerModel>();
  /** How many viewers there are when nothing special is on. */
  readonly crowd: number;
  nowMs = 0;
  /** Of heartbeats of everybody. */
  delivery: Delivery = 'at-once';
  viewerCount = 0;
  /** By appliance: how often it was first in an answer, since somebody looked. */
  firstPlaces = new Map<string, number>();
  readonly #late: Array<{ readonly atMs: number; readonly body: object }> = [];
  #digest = 0;

  constructor(seed: number, crowd: number) {
    this.random = seededRandom(seed);
    this.crowd = crowd;
    this.town = drawTown(this.random);
    this.appliances = new Map(this.town.appliances.map((facts) => [facts.id, new ApplianceModel(facts)]));
    this.steering = new SteeringUnderTest(seed, sitesFile(this.town), { ...FLAGS, publicUrl: RULES.publicUrl });
    this.judge = new Judge(RULES, this.appliances);
  }

  async start(): Promise<void> {
    const { titles, appliances } = this.town;
    await this.steering.start(
      titles.map(({ title }) => title),
      new Map(appliances.map(({ id, planned }) => [id, planned])),
    );
    for (const appliance of this.appliances.values()) {
      await this.#deliver(appliance.say(this.#wallMs));
      await this.report(appliance, routesOf(this.town, appliance.facts.site.id));
    }
    await this.run(DAWN_MS, 'dawn', { watches: false });
    if (this.steering.listsAsked < appliances.length) throw new Error('the planner was not asked for all lists');
  }

  /** A number that differs when any answer did. */
  get digest(): number {
    return this.#digest;
  }

  /** The ISP announces this to an appliance, and nothing else. */
  async report({ facts }: ApplianceModel, routes: readonly object[]): Promise<void> {
    const body = { version: 1, applianceId: facts.id, siteId: facts.site.id, reportedAtMs: this.#wallMs, routes };
    const { status, text } = await this.steering.post('/v1/routes', body);
    if (status >= 300) throw new Error(`routes of ${facts.id}: ${status} ${text}`);
  }

  /** Lets the evening go on. @param each is called at every tick with the time since the phase began */
  async run(
    forMs: number,
    name: string,
    { watches = true, each }: { watches?: boolean; each?: (sinceMs: number) => Promise<void> | void } = {},
  ): Promise<void> {
    this.judge.begin(name);
    const endMs = this.nowMs + forMs;
    for (const startMs = this.nowMs; this.nowMs < endMs; this.nowMs += TICK_MS) {
      this.judge.nowMs = this.nowMs;
      await each?.(this.nowMs - startMs);
      if (watches) await this.#fill();
      await this.#letViewersAct();
      if (this.nowMs % 1000 === 0) this.#measure();
      await this.#letAppliancesSpeak();
      await this.steering.clock.advance(TICK_MS);
    }
  }

  /** One viewer more. @returns undefined when it got no manifest, which is a violation */
  async join(neighbourhood: Neighbourhood, staysMs: number): Promise<ViewerModel | undefined> {
    this.viewerCount += 1;
    const facts: ViewerFacts = {
      id: `viewer-${this.viewerCount}`,
      address: `${neighbourhood.network24}.${1 + (this.viewerCount % 250)}`,
      neighbourhood,
      ...this.#drawTaste(),
      endsMs: this.nowMs + staysMs,
      format: this.random.next() < 0.7 ? 'hls' : 'dash',
    };
    const { id, title, format, address } = facts;
    const target = `/v1/manifest/${title.title.id}.${format === 'hls' ? 'm3u8' : 'mpd'}?session=${id}`;
    const { status, text } = await this.steering.get(target, address);
    const manifest = readManifest(text);
    if (status !== 200 || manifest.declared.length < 2 || manifest.reloadTarget === '') {
      this.judge.violate(`${id}: manifest ${status} with ${manifest.declared.join()}`);
      return undefined;
    }
    this.judge.judgePlaces(id, neighbourhood.isp, manifest.declared);
    this.judge.demand(isOrigin(manifest.declared.at(-1) ?? ''), () => `${id}: a manifest without the origin`);
    const viewer = new ViewerModel(facts, manifest, this.nowMs);
    this.viewers.set(id, viewer);
    return viewer;
  }

  drawNeighbourhood(isp?: string): Neighbourhood {
    const rows = this.town.neighbourhoods.filter((row) => isp === undefined || row.isp === isp);
    const row = rows[Math.floor(this.random.next() * rows.length)];
    if (row === undefined) throw new Error(`nobody lives at ${isp}`);
    return row;
  }

  get #wallMs(): number {
    return this.steering.clock.nowMs();
  }

  #drawTaste(): Pick<ViewerFacts, 'title' | 'bitsPerSec'> {
    let draw = this.random.next();
    const { titles } = this.town;
    const title = titles.find(({ share }) => (draw -= share) < 0) ?? titles[0];
    if (title === undefined) throw new Error('no titles');
    return { title, bitsPerSec: title.bitsPerSec * (0.4 + 0.6 * this.random.next()) };
  }

  /** Who leaves is followed by somebody else, and at the beginning of the evening more come than leave. */
  async #fill(): Promise<void> {
    const wanted = Math.round(this.crowd * Math.min(1, (this.nowMs - DAWN_MS + 0.1 * RAMP_MS) / RAMP_MS));
    while (this.viewers.size < wanted)
      if ((await this.join(this.drawNeighbourhood(), 60_000 + 240_000 * this.random.next())) === undefined) return;
  }

  async #letViewersAct(): Promise<void> {
    const answers = (id: string): boolean => this.appliances.get(id)?.isAlive ?? true;
    for (const viewer of this.viewers.values()) {
      if (viewer.facts.endsMs <= this.nowMs) {
        this.viewers.delete(viewer.facts.id);
        continue;
      }
      viewer.play(this.nowMs, answers);
      if (viewer.nextAskMs <= this.nowMs) await this.#ask(viewer);
    }
  }

  async #ask(viewer: ViewerModel): Promise<void> {
    const { format, address } = viewer.facts;
    const [mark, rate] = [`_${format.toUpperCase()}_pathway`, `_${format.toUpperCase()}_throughput`];
    const throughput = Math.round(this.#throughputOf(viewer));
    const target = `${viewer.reloadTarget}&${mark}=%22${viewer.current}%22&${rate}=${throughput}`;
    const body = this.judge.readAnswer(viewer, await this.steering.get(target, address));
    if (body === undefined) return;
    const order = body['PATHWAY-PRIORITY'];
    for (const sign of order.join()) this.#digest = (Math.imul(this.#digest, 31) + sign.charCodeAt(0)) | 0;
    const first = order[0] ?? '';
    this.firstPlaces.set(first, (this.firstPlaces.get(first) ?? 0) + 1);
    viewer.nextAskMs = this.nowMs + body.TTL * 1000;
    viewer.reloadTarget = body['RELOAD-URI'].slice(RULES.publicUrl.length);
    this.judge.noteMove(viewer, viewer.current, viewer.choose(order, this.nowMs));
    viewer.follow(order, this.nowMs);
  }

  /** As a player measures it: its line, less what the appliance cannot give. */
  #throughputOf({ current, facts }: ViewerModel): number {
    const noise = 2 ** (this.random.next() + this.random.next() - 1);
    const line = facts.neighbourhood.lineBitsPerSec * noise;
    const appliance = this.appliances.get(current);
    if (appliance === undefined) return line;
    const { loadBitsPerSec, givesBitsPerSec, speed } = appliance;
    return line * speed * Math.min(1, loadBitsPerSec === 0 ? 1 : givesBitsPerSec / loadBitsPerSec);
  }

  /** What every appliance carries now. */
  #measure(): void {
    const loads = new Map<string, { bits: number; viewers: number }>();
    for (const { current, facts } of this.viewers.values()) {
      const load = loads.get(current) ?? { bits: 0, viewers: 0 };
      load.bits += facts.bitsPerSec;
      load.viewers += 1;
      loads.set(current, load);
    }
    for (const appliance of this.appliances.values()) {
      const { bits, viewers } = loads.get(appliance.id) ?? { bits: 0, viewers: 0 };
      appliance.noteSecond(appliance.isAlive ? bits : 0, viewers);
    }
    this.judge.judgeLoads();
  }

  async #letAppliancesSpeak(): Promise<void> {
    while ((this.#late[0]?.atMs ?? Number.POSITIVE_INFINITY) <= this.nowMs) {
      const letter = this.#late.shift();
      if (letter !== undefined) await this.#deliver(letter.body);
    }
    let at = 0;
    for (const appliance of this.appliances.values()) {
      at += 1;
      if (!appliance.isAlive || (this.nowMs / TICK_MS + at) % (HEARTBEAT_MS / TICK_MS) !== 0) continue;
      const body = appliance.say(this.#wallMs);
      if (this.delivery === 'at-once') await this.#deliver(body);
      else if (this.delivery === 'late') this.#late.push({ atMs: this.nowMs + 5000, body });
    }
  }

  async #deliver(body: object): Promise<void> {
    const { status, text } = await this.steering.post('/v1/heartbeat', body);
    this.judge.demand(status === 200, () => `heartbeat: ${status} ${text}`);
  }
}

/** What a player takes from a manifest: its pathways, and where it asks for their order. */
function readManifest(text: string): { declared: readonly string[]; reloadTarget: string } {
  const ids = [...text.matchAll(/PATHWAY-ID="([^"]+)"|serviceLocation="([^"]+)"/g)].map(
    (match) => match[1] ?? match[2],
  );
  const declared = [...new Set(ids.filter((id) => id !== undefined))];
  const data = /SERVER-URI="data:[^,]*,([^"]+)"/.exec(text)?.[1];
  const url =
    data === undefined
      ? /<ContentSteering[^>]*>([^<]+)</.exec(text)?.[1]?.replaceAll('&amp;', '&')
      : (JSON.parse(Buffer.from(data, 'base64').toString()) as { 'RELOAD-URI': string })['RELOAD-URI'];
  return { declared, reloadTarget: url?.slice(RULES.publicUrl.length) ?? '' };
}
