import { join } from 'node:path';
import { EnrolledService } from '../../src/client/enrolled-service.ts';
import { HttpClient } from '../../src/client/http-client.ts';
import type { ConfigOf } from '../../src/config/parameter.ts';
import type { Health } from '../../src/lifecycle/health.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { inSlices } from '../../src/resilience/in-slices.ts';
import type { Identity } from '../../src/signing/identity.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { STEERING_PARAMETERS } from '../config.ts';
import type { HeldTitles } from '../fleet/held-titles.ts';
import { Catalogue } from './catalogue.ts';
import { CatalogueStore } from './catalogue-store.ts';
import { PlannerClient } from './planner-client.ts';

export interface FollowedCatalogueOptions {
  readonly config: Pick<
    ConfigOf<typeof STEERING_PARAMETERS>,
    'state' | 'planner' | 'plannerToken' | 'cataloguePollMs' | 'allowUnsignedLoopback'
  >;
  readonly identity: Identity;
  readonly world: World;
  readonly logger: Logger;
  /** Told whether there is a catalogue. */
  readonly health: Health;
  /** Learns the titles of each catalogue and the lists of each plan. */
  readonly heldTitles: HeldTitles;
  readonly onRound: (outcome: 'ok' | 'failed') => void;
}

const PLANNER_TIMEOUT_MS = 10_000;
const MAX_CATALOGUE_BYTES = 512 * 2 ** 20;
/** Looking up a name takes half a microsecond. */
const NAMES_PER_SLICE = 2000;

/** The planner's catalogue and its plans' lists: what was kept of them at first, then what the planner says. */
export class FollowedCatalogue implements Service {
  readonly #options: FollowedCatalogueOptions;
  readonly #store: CatalogueStore;
  #catalogue: Catalogue | undefined;
  #answeredMs: number | undefined;
  #http: HttpClient | undefined;
  #planner: PlannerClient | undefined;

  /** Opens what was kept. */
  constructor(options: FollowedCatalogueOptions) {
    this.#options = options;
    this.#store = new CatalogueStore(join(options.config.state, 'catalogue.sqlite'), options.logger);
  }

  /** undefined until the planner was reached for the first time ever. */
  current(): Catalogue | undefined {
    return this.#catalogue;
  }

  /** Since the planner last answered as it should; undefined when it never did. */
  silentSec(): number | undefined {
    const nowMs = this.#options.world.clock.monotonicMs();
    return this.#answeredMs === undefined ? undefined : (nowMs - this.#answeredMs) / 1000;
  }

  /** Asks for the rendition list of a plan, soon. */
  want(applianceId: string, planVersion: number): void {
    this.#planner?.want(applianceId, planVersion);
  }

  /** What was kept is in use when it resolves. */
  async start(): Promise<void> {
    const { config, heldTitles, health, logger } = this.#options;
    const kept = this.#store.load();
    for (const list of this.#store.loadLists()) heldTitles.setList(list);
    if (kept === undefined) health.fail('catalogue', 'the planner has not given a catalogue yet');
    else {
      this.#catalogue = new Catalogue(kept.snapshot, kept.receivedAtMs);
      heldTitles.setCatalogue(kept.snapshot.titles);
      health.pass('catalogue');
    }
    if (config.planner !== '') await this.#startPlanner(kept?.etag);
    else if (kept === undefined)
      logger.warn({}, 'no planner is configured and no catalogue is kept: no title is known');
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#planner?.stop(deadlineMs);
    await this.#http?.destroy();
    this.#store.close();
  }

  async #startPlanner(etag: string | undefined): Promise<void> {
    const { config, identity, world, logger, health, heldTitles, onRound } = this.#options;
    this.#http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 4 });
    const planner = new EnrolledService({
      name: 'planner',
      baseUrl: config.planner,
      token: config.plannerToken,
      role: 'steering',
      identity,
      stateFile: join(config.state, 'planner.json'),
      http: this.#http,
      world,
      logger,
      timeoutMs: PLANNER_TIMEOUT_MS,
      maxAnswerBytes: MAX_CATALOGUE_BYTES,
      allowUnsigned: config.allowUnsignedLoopback,
    });
    this.#planner = new PlannerClient(
      {
        planner,
        store: this.#store,
        world,
        logger,
        pollMs: config.cataloguePollMs,
        onCatalogue: async ({ snapshot, receivedAtMs }, signal) => {
          this.#catalogue = new Catalogue(snapshot, receivedAtMs);
          await this.#inSlices(heldTitles.changeCatalogue(snapshot.titles), signal);
          health.pass('catalogue');
        },
        onList: (list, signal) => this.#inSlices(heldTitles.takeList(list), signal),
        onRound: (failure) => {
          if (failure === undefined) this.#answeredMs = world.clock.monotonicMs();
          onRound(failure === undefined ? 'ok' : 'failed');
        },
      },
      etag,
    );
    await this.#planner.start();
  }

  #inSlices(work: Iterator<number, void>, signal: AbortSignal): Promise<void> {
    return inSlices(work, { clock: this.#options.world.clock, signal, unitsPerSlice: NAMES_PER_SLICE });
  }
}
