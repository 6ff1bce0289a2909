import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PlannerDouble } from '../steering/planner-double.ts';
import { heartbeat, holdingsOf, title } from '../steering/samples.ts';
import { SteeringRig } from '../steering/steering-rig.ts';
import { until } from '../support/until.ts';

/** The shortest that steering gives; players' clocks are made to run faster instead. */
const TTL_SEC = 5;

/** The files of the demo's title, which the sample title has as well. */
const MEDIA = join(import.meta.dirname, '../../deploy/demo/title/media');

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
}

/** One server that notes what it is asked for. */
export class NotingServer {
  readonly targets: string[] = [];
  readonly #server: Server;
  url = '';

  constructor(answer: (target: string, range: string | undefined) => Promise<Answered>) {
    this.#server = createServer((request, response) => {
      const target = request.url ?? '';
      this.targets.push(target);
      answer(target, request.headers.range).then(
        ({ status, type, body }) => {
          response.writeHead(status, { 'content-type': type, 'access-control-allow-origin': '*' }).end(body);
        },
        // What stands behind is gone, and so is this for the player.
        () => response.destroy(),
      );
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** An appliance as far as players see one: the title's files, whole or a range of them. */
const mediaServer = (): Promise<NotingServer> =>
  new NotingServer(async (target, range) => {
    const name = /^\/vod\/bars\/([a-z0-9]+\.(?:m3u8|mp4))$/.exec(target)?.[1];
    if (name === undefined) return { status: 404, type: 'text/plain', body: '' };
    const file = await readFile(join(MEDIA, name));
    const type = name.endsWith('.mp4') ? 'video/mp4' : 'application/vnd.apple.mpegurl';
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (first === undefined) return { status: 200, type, body: file };
    return { status: 206, type, body: file.subarray(Number(first), Number(last) + 1) };
  }).start();

/**
 * A real steering with two appliances and an origin, which are servers that note what players ask of them. Players
 * reach steering through a front that notes too, and that a test may take away.
 */
export class HeadlessNetwork {
  readonly rig: SteeringRig;
  readonly media: ReadonlyMap<string, NotingServer>;
  readonly front: NotingServer;
  readonly #planner: PlannerDouble;
  #sequence = 1;

  private constructor(rig: SteeringRig, media: Map<string, NotingServer>, front: NotingServer, planner: PlannerDouble) {
    this.rig = rig;
    this.media = media;
    this.front = front;
    this.#planner = planner;
  }

  /** @param mpd in place of the sample's, whose renditions are single files with an index */
  static async start(mpd?: string): Promise<HeadlessNetwork> {
    const media = new Map<string, NotingServer>();
    for (const id of ['a', 'b', 'origin']) media.set(id, await mediaServer());
    const planner = await new PlannerDouble().start();
    const bars = title('bars', {
      originUrl: media.get('origin')?.url ?? '',
      ...(mpd === undefined ? {} : { dash: { path: '/vod/bars/manifest.mpd', mpd } }),
    });
    planner.setTitles(bars);
    for (const id of ['a', 'b']) planner.setPlan(id, 1, bars);
    const front = await new NotingServer(async (target) => {
      const response = await fetch(rig.url + target);
      return { status: response.status, type: response.headers.get('content-type') ?? '', body: await response.text() };
    }).start();
    const rig = await new SteeringRig({
      planner: planner.url,
      publicUrl: front.url,
      ttlSec: TTL_SEC,
      steeringClones: true,
    }).start();
    const network = new HeadlessNetwork(rig, media, front, planner);
    for (const id of ['a', 'b']) await network.beat(id, 'serving');
    await rig.world.clock.advanceUntil(() => planner.seen.filter((line) => line.startsWith('list')).length === 2);
    await until(async () => (await network.order()).length === 3);
    return network;
  }

  async beat(id: string, state: 'serving' | 'draining'): Promise<void> {
    this.#sequence += 1;
    const publicUrl = this.media.get(id)?.url ?? '';
    const holdings = holdingsOf(title('bars'), 'whole');
    await this.rig.beat(heartbeat(id, { sequence: this.#sequence, state, publicUrl, holdings }));
  }

  /**
   * An appliance joins that no running session has heard of: a name of its own, on the port of another one.
   * @returns its base URL, where nobody answers
   */
  async join(id: string, like: string): Promise<string> {
    const { port } = new URL(this.media.get(like)?.url ?? '');
    const publicUrl = `http://${id}.example:${port}`;
    const bars = title('bars');
    this.#planner.setPlan(id, 1, bars);
    await this.rig.beat(heartbeat(id, { publicUrl, holdings: holdingsOf(bars, 'whole') }));
    await this.rig.world.clock.advanceUntil(() => this.#planner.seen.some((line) => line.startsWith(`list ${id} `)));
    await until(async () => (await this.order()).includes(id));
    return publicUrl;
  }

  /** The order that a session is given now. */
  async order(session = 's1'): Promise<string[]> {
    const response = await this.rig.get(`/v1/steer?title=bars&session=${session}`);
    if (!response.ok) return [];
    return ((await response.json()) as { ranked: Array<{ id: string }> }).ranked.map(({ id }) => id);
  }

  /** What players asked of steering after the manifest. */
  steeringRequests(): URL[] {
    return this.front.targets
      .filter((target) => target.startsWith('/v1/steering/'))
      .map((target) => new URL(target, this.front.url));
  }

  /** Steering is gone, and its place still counts who asks: each is cut, as by a machine whose process died. */
  async killSteering(): Promise<void> {
    await this.rig.service.stop(0);
  }

  /**
   * Kills steering and waits until a player has asked for it so many times more, in its own time.
   * @returns how many requests it made per TTL
   */
  async requestsPerTtlWithoutSteering(timesFaster: number, count: number): Promise<number> {
    await this.killSteering();
    const askedBefore = this.steeringRequests().length;
    const startMs = performance.now();
    const ttls = (): number => ((performance.now() - startMs) * timesFaster) / 1000 / TTL_SEC;
    const asked = (): number => this.steeringRequests().length - askedBefore;
    await until(() => asked() >= count);
    // The one that was due when steering died belongs to the TTL before.
    return (asked() - 1) / ttls();
  }

  async stop(): Promise<void> {
    await this.front.stop();
    await this.rig.stop();
    await this.#planner.stop();
    for (const server of this.media.values()) await server.stop();
  }
}
