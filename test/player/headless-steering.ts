import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PlannerDouble } from '../steering/planner-double.ts';
import { heartbeat, holdingsOf, title } from '../steering/samples.ts';
import { SteeringRig } from '../steering/steering-rig.ts';
import { until } from '../support/until.ts';

/** A media playlist that is enough for a player to know the pathway works. */
const PLAYLIST = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsegment.m4s\n#EXT-X-ENDLIST\n';

/** One server that notes what it is asked for. */
export class NotingServer {
  readonly targets: string[] = [];
  readonly #server: Server;
  url = '';

  constructor(answer: (target: string) => Promise<{ status: number; type: string; body: string }>) {
    this.#server = createServer((request, response) => {
      const target = request.url ?? '';
      this.targets.push(target);
      answer(target).then(
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

const mediaServer = (): Promise<NotingServer> =>
  new NotingServer((target) =>
    Promise.resolve(
      target.includes('.m3u8')
        ? { status: 200, type: 'application/vnd.apple.mpegurl', body: PLAYLIST }
        : { status: 404, type: 'text/plain', body: '' },
    ),
  ).start();

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

  static async start(): Promise<HeadlessNetwork> {
    const media = new Map<string, NotingServer>();
    for (const id of ['a', 'b', 'origin']) media.set(id, await mediaServer());
    const planner = await new PlannerDouble().start();
    const bars = title('bars', { originUrl: media.get('origin')?.url ?? '' });
    planner.setTitles(bars);
    for (const id of ['a', 'b']) planner.setPlan(id, 1, bars);
    const front = await new NotingServer(async (target) => {
      const response = await fetch(rig.url + target);
      return { status: response.status, type: response.headers.get('content-type') ?? '', body: await response.text() };
    }).start();
    const rig = await new SteeringRig({ planner: planner.url, publicUrl: front.url, ttlSec: 5 }).start();
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

  async stop(): Promise<void> {
    await this.front.stop();
    await this.rig.stop();
    await this.#planner.stop();
    for (const server of this.media.values()) await server.stop();
  }
}
